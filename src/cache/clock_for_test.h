// Tells the time that a test says.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace varve::cache {

class ManualClock : public Clock {
 public:
  int64_t NowUs() const override { return now_us_; }
  int64_t MonotonicUs() const override { return now_us_; }
  void Advance(int64_t us) { now_us_ += us; }

 private:
  std::atomic<int64_t> now_us_{int64_t{1'800'000'000} * 1'000'000};
};

}  // namespace varve::cache
