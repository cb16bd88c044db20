#include "base/clock.h"

#include <time.h>

#include <chrono>

namespace varve {
namespace {

class SystemClock : public Clock {
 public:
  int64_t NowUs() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  int64_t MonotonicUs() const override {
    // Not std::chrono::steady_clock: that one stops while the machine sleeps, and so would the age
    // of what others may delete.
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000;
  }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

}  // namespace varve
