// Gives unpredictable bytes; the only door to the system's randomness, so that tests can own it.
//
// Role:     uuid, cancel keys, jitter -> [Random].
// Threads:  the system's source is safe; a test's own need not be.
#pragma once

#include <cstdint>
#include <span>

namespace varve {

class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(std::span<uint8_t> bytes) = 0;
  uint64_t NextU64();

  // The process-wide real source. Stops the process when the system has none.
  static Random& System();
};

}  // namespace varve
