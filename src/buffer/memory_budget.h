// Counts the bytes of all rows that are in memory and not yet in the lake, against one limit.
//
// Role:     ingest reserves before it appends to the log; the buffer returns what a flush frees.
// Limits:   soft = 3/4 of hard: above it the flusher is woken; at hard, Reserve waits, then
// refuses. Errors:   53200 with a hint when the bytes do not fit in time; nothing is reserved then.
// Threads:  safe; Reserve blocks at most `wait`.
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

  // Called, without a lock held, each time a reservation leaves usage above the soft limit.
  void OnSoftLimit(std::function<void()> wake_flusher);

  Status Reserve(uint64_t bytes, std::chrono::milliseconds wait) VARVE_EXCLUDES(mu_);
  // Charges without asking: recovery, and merges that briefly need more.
  void Charge(uint64_t bytes) VARVE_EXCLUDES(mu_);
  void Release(uint64_t bytes) VARVE_EXCLUDES(mu_);

  uint64_t used() const VARVE_EXCLUDES(mu_);
  uint64_t hard_bytes() const { return hard_bytes_; }
  uint64_t soft_bytes() const { return hard_bytes_ / 4 * 3; }

 private:
  const uint64_t hard_bytes_;
  std::function<void()> wake_flusher_;
  mutable Mutex mu_;
  CondVar freed_;
  uint64_t used_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::buffer
