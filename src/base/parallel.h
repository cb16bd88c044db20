// Runs one piece of work for each index on a few threads and waits for all of them.
//
// Role:     whoever waits for many answers of a store -> [RunParallel] -> its threads.
// Limits:   at most `threads_max` at once, the caller's own among them; one piece runs here alone.
// Errors:   `run` must not throw; what went wrong is its own to keep.
// Threads:  safe; they are joined on return.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace varve {

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

}  // namespace varve
