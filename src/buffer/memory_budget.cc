#include "buffer/memory_budget.h"

#include "base/check.h"

namespace varve::buffer {
namespace {

Status OverLimit(uint64_t bytes, uint64_t used, uint64_t hard) {
  return WithHint(SqlErrorf(sqlstate::kOutOfMemory,
                            "the write buffer is full: {} bytes needed, {} of {} bytes in use",
                            bytes, used, hard),
                  "Retry later: rows are being flushed to the lake. If it happens often, raise "
                  "buffer-max-memory-mb or write more slowly.");
}

}  // namespace

MemoryBudget::MemoryBudget(uint64_t hard_bytes) : hard_bytes_(hard_bytes) {
  VARVE_CHECK(hard_bytes > 0);
}

void MemoryBudget::OnSoftLimit(std::function<void()> wake_flusher) {
  wake_flusher_ = std::move(wake_flusher);
}

Status MemoryBudget::Reserve(uint64_t bytes, std::chrono::milliseconds wait) {
  bool fits = false;
  uint64_t used = 0;
  {
    MutexLock lock(mu_);
    // Subtraction, not addition: `bytes` comes from a client and may be anything.
    fits = used_ <= hard_bytes_ && bytes <= hard_bytes_ - used_;
    if (fits) used_ += bytes;
    used = used_;
    if (!fits && bytes <= hard_bytes_) {
      ++waiters_;
      waiting_bytes_ += bytes;
    }
  }
  if (bytes > hard_bytes_) return OverLimit(bytes, used, hard_bytes_);
  // Also when it did not fit: usage may be below the soft limit, and without a flush the wait would
  // be in vain.
  if (wake_flusher_ && (!fits || used > soft_bytes())) wake_flusher_();
  if (fits) return OkStatus();

  MutexLock lock(mu_);
  fits =
      freed_.WaitFor(mu_, wait, [&]() VARVE_REQUIRES(mu_) { return used_ <= hard_bytes_ - bytes; });
  --waiters_;
  waiting_bytes_ -= bytes;
  if (!fits) return OverLimit(bytes, used_, hard_bytes_);
  used_ += bytes;
  return OkStatus();
}

void MemoryBudget::Charge(uint64_t bytes) {
  MutexLock lock(mu_);
  used_ += bytes;
}

void MemoryBudget::Release(uint64_t bytes) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    VARVE_CHECK(bytes <= used_);
    used_ -= bytes;
    wake = waiters_ > 0;
  }
  if (wake) freed_.NotifyAll();
}

uint64_t MemoryBudget::used() const {
  MutexLock lock(mu_);
  return used_;
}

uint64_t MemoryBudget::waiting_bytes() const {
  MutexLock lock(mu_);
  return waiting_bytes_;
}

}  // namespace varve::buffer
