// Holds bytes that a client has sent and that are not yet consumed, within a budget for all
// clients.
//
// Limits:   grows as bytes arrive, never by what a length field claims; above kFreeBytes it is
//           charged to the budget.
// Errors:   53200 when the budget is used up.
// Threads:  single owner; the budget is safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace varve::server::pg {

class InputBudget {
 public:
  explicit InputBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  bool TryCharge(size_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_max_) return true;
    Release(bytes);
    return false;
  }
  void Release(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> used_{0};
};

class InputBuffer {
 public:
  static constexpr size_t kFreeBytes = size_t{64} << 10;

  explicit InputBuffer(InputBudget& budget);
  ~InputBuffer();
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;

  std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  // `rest` is what is left of bytes().
  void Keep(std::string_view rest);

  // Makes room to read more; `wanted`: the size of bytes() at which the reader can get on.
  Status MakeRoom(size_t wanted);
  char* free_begin() { return data_.get() + end_; }
  size_t free_bytes() const { return capacity_ - end_; }
  void Commit(size_t bytes) { end_ += bytes; }

 private:
  Status Resize(size_t capacity);

  InputBudget& budget_;
  std::unique_ptr<char[]> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace varve::server::pg
