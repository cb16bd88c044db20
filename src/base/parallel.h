// Runs one piece of work for each index on a few threads and waits for all of them.
//
// Role:     whoever waits for many answers of a store -> [RunParallel] -> its threads.
// Limits:   at most `threads_max` at once, the caller's own among them; one piece runs here alone.
// Errors:   what `run` is called with must not throw.
// Threads:  safe; they are joined on return.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/status.h"

namespace varve {

// What went wrong is `run`'s own to keep.
inline void RunParallel(size_t count, size_t threads_max, const std::function<void(size_t)>& run) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) run(i);
  };
  std::vector<std::thread> threads;
  const size_t others = std::min(count, threads_max) - (count == 0 ? 0 : 1);
  threads.reserve(others);
  for (size_t i = 0; i < others; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

// After an error no further piece begins; returns the error of the lowest index that failed.
inline Status RunParallelUntilError(size_t count, size_t threads_max,
                                    const std::function<Status(size_t)>& run) {
  std::vector<Status> results(count);
  std::atomic<bool> failed{false};
  RunParallel(count, threads_max, [&](size_t i) {
    if (failed) return;
    results[i] = run(i);
    if (!results[i].ok()) failed = true;
  });
  for (Status& result : results) VARVE_RETURN_IF_ERROR(std::move(result));
  return OkStatus();
}

}  // namespace varve
