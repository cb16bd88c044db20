// Says what several runs of one measurement come to.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace varve::bench {

inline double Seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};

inline Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

}  // namespace varve::bench
