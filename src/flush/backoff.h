// Spaces out the tries of something that fails: 1 s, 2 s, 4 s ... up to a limit, each shortened by
// chance by up to half, so that many servers do not come back to a store in step.
//
// Threads:  not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "base/status.h"

namespace varve::flush {

class Backoff {
 public:
  explicit Backoff(int64_t longest_us) : longest_us_(longest_us) {}

  // How a try ended, at `now_us` of the monotonic clock.
  void Record(const Status& result, int64_t now_us) {
    error_ = result;
    failures_ = result.ok() ? 0 : failures_ + 1;
    if (result.ok()) return;
    const int64_t wait_us = std::min(longest_us_, kFirstUs << std::min(failures_ - 1, 16));
    const auto less_us =
        static_cast<int64_t>(Random::System().NextU64() % static_cast<uint64_t>(wait_us / 2));
    not_before_us_ = now_us + wait_us - less_us;
  }
  // The last error while it is too early for the next try; OK when one may be made.
  Status TooEarly(int64_t now_us) const { return now_us < not_before_us_ ? error_ : OkStatus(); }
  bool failing() const { return failures_ > 0; }

 private:
  static constexpr int64_t kFirstUs = 1'000'000;

  int64_t longest_us_;
  int failures_ = 0;  // in a row
  int64_t not_before_us_ = 0;
  Status error_;
};

}  // namespace varve::flush
