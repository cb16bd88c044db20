// Tells the time; the only door to the system clock, so that tests can own it.
//
// Units:    microseconds since 1970-01-01T00:00:00Z (NowUs); microseconds of a clock that never
//           goes back, and goes on while the machine sleeps (MonotonicUs).
// Threads:  safe.
#pragma once

#include <cstdint>

namespace varve {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowUs() const = 0;
  virtual int64_t MonotonicUs() const = 0;

  // The process-wide real clock.
  static Clock& System();
};

}  // namespace varve
