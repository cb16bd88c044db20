// Decides when a failed request is tried again: after a random wait that grows, until a deadline.
//
// Units:    the wait before try n + 1 is even in [0, min(first * 2^(n-1), longest)) ("full jitter":
//           clients that failed together do not come back together).
// Threads:  one Retrier per operation and thread; the waits end when the gate stops, or when the
//           thread is interrupted.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "io/http/stop_gate.h"

namespace varve::io {

struct RetryPolicy {
  std::chrono::milliseconds first{50};
  std::chrono::milliseconds longest{5'000};
  std::chrono::milliseconds deadline{30'000};  // since the operation began
};

class Retrier {
 public:
  Retrier(const RetryPolicy& policy, Clock& clock, Random& random, StopGate& gate)
      : policy_(policy),
        clock_(clock),
        random_(random),
        gate_(gate),
        began_us_(clock.MonotonicUs()),
        end_us_(began_us_ + std::chrono::microseconds(policy.deadline).count()) {}

  // Waits and returns true, or false at once when the wait would end after the deadline, the server
  // stops or the thread is interrupted. `at_least`: what the server asked for.
  bool WaitForNextTry(std::chrono::milliseconds at_least = {}) {
    const int64_t wait_us = std::max(NextWaitUs(), std::chrono::microseconds(at_least).count());
    if (gate_.stopped() || clock_.MonotonicUs() + wait_us >= end_us_) return false;
    ++tries_;
    std::chrono::microseconds left(wait_us);
    while (!Interrupted()) {
      const auto slice = std::min<std::chrono::microseconds>(left, kInterruptPoll);
      if (gate_.WaitFor(slice)) return false;
      left -= slice;
      if (left.count() == 0) return true;
    }
    return false;
  }

  int tries() const { return tries_; }
  std::chrono::milliseconds elapsed() const {
    return std::chrono::milliseconds((clock_.MonotonicUs() - began_us_) / 1000);
  }
  // Until the deadline; never negative.
  std::chrono::milliseconds remaining() const {
    return std::chrono::milliseconds(std::max<int64_t>((end_us_ - clock_.MonotonicUs()) / 1000, 0));
  }

 private:
  int64_t NextWaitUs() {
    const int64_t first_us = std::chrono::microseconds(policy_.first).count();
    const int64_t longest_us = std::chrono::microseconds(policy_.longest).count();
    const int64_t bound_us = std::min(first_us << std::min(tries_ - 1, 20), longest_us);
    return bound_us <= 0
               ? 0
               : static_cast<int64_t>(random_.NextU64() % static_cast<uint64_t>(bound_us));
  }

  const RetryPolicy policy_;
  Clock& clock_;
  Random& random_;
  StopGate& gate_;
  const int64_t began_us_;
  const int64_t end_us_;
  int tries_ = 1;
};

}  // namespace varve::io
