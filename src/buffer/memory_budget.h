// Counts the bytes of all rows that are in memory and not yet in the lake, against one limit.
//
// Role:     ingest reserves before it appends to the log; a segment gives its bytes back when the
//           last snapshot that holds it is gone, so usage is what is really held.
// Units:    bytes.
// Limits:   soft = 3/4 of hard: above it the flusher is woken; at hard, Reserve waits, then
//           refuses.
// Errors:   53200 with a hint when the bytes do not fit in time; nothing is reserved then.
// Threads:  safe; Reserve blocks at most `wait`. Outlives every segment.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/mutex.h"
#include "base/status.h"

namespace varve::buffer {

class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t hard_bytes);

  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Set once, before the first reservation. Called without a lock held each time a reservation
  // leaves usage above the soft limit or has to wait; it must be quick and not block.
  void OnSoftLimit(std::function<void()> wake_flusher);

  // Waits until the bytes fit below the hard limit, at most `wait`. A reservation that is larger
  // than the hard limit is refused at once. Waiters are served in no order: a large reservation can
  // lose to small ones until its wait is over.
  Status Reserve(uint64_t bytes, std::chrono::milliseconds wait) VARVE_EXCLUDES(mu_);
  // Charges without asking: recovery, and merges that briefly need more.
  void Charge(uint64_t bytes) VARVE_EXCLUDES(mu_);
  void Release(uint64_t bytes) VARVE_EXCLUDES(mu_);

  uint64_t used() const VARVE_EXCLUDES(mu_);
  // What the reservations that wait now need, all together: a flush has to free that much too.
  uint64_t waiting_bytes() const VARVE_EXCLUDES(mu_);
  uint64_t hard_bytes() const { return hard_bytes_; }
  uint64_t soft_bytes() const { return hard_bytes_ / 4 * 3; }

 private:
  // Constant after set-up.
  const uint64_t hard_bytes_;
  std::function<void()> wake_flusher_;

  mutable Mutex mu_;
  CondVar freed_;
  uint64_t used_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t waiters_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t waiting_bytes_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::buffer
