#include "io/s3/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace varve::io {

Status RunParallel(size_t count, size_t threads, const std::function<Status(size_t)>& work) {
  std::vector<Status> results(count);
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  const auto run = [&] {
    for (size_t i = next++; i < count && !failed; i = next++) {
      results[i] = work(i);
      if (!results[i].ok()) failed = true;
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(count, threads); ++i) others.emplace_back(run);
  run();
  for (std::thread& thread : others) thread.join();
  for (Status& result : results) VARVE_RETURN_IF_ERROR(std::move(result));
  return OkStatus();
}

}  // namespace varve::io
