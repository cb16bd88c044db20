// Lets code that waits deep below a statement notice that nobody wants the answer any more.
//
// Role:     engine, around what a statement reads -> [InterruptScope]; cache, io/http ask
//           Interrupted() while they wait for a store.
// Units:    kInterruptPoll is how often a wait asks.
// Errors:   whoever gives up returns InterruptedStatus() and leaves everything as after a failure.
// Threads:  a scope counts for the thread that made it. Work handed to another thread is nobody's
//           in particular and goes on.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "base/status.h"

namespace varve {

inline constexpr std::chrono::milliseconds kInterruptPoll{50};

// While it lives, Interrupted() on this thread is what `is_interrupted` says.
class InterruptScope {
 public:
  explicit InterruptScope(std::function<bool()> is_interrupted)
      : is_interrupted_(std::move(is_interrupted)), outer_(std::exchange(Innermost(), this)) {}
  ~InterruptScope() { Innermost() = outer_; }
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  static bool Ask() { return Innermost() != nullptr && Innermost()->is_interrupted_(); }

 private:
  static InterruptScope*& Innermost() {
    thread_local InterruptScope* innermost = nullptr;
    return innermost;
  }

  const std::function<bool()> is_interrupted_;
  InterruptScope* const outer_;
};

inline bool Interrupted() { return InterruptScope::Ask(); }

inline Status InterruptedStatus() {
  return SqlError(sqlstate::kQueryCanceled, "canceling statement due to user request");
}

}  // namespace varve
