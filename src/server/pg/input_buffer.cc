#include "server/pg/input_buffer.h"

#include <algorithm>

#include "base/check.h"

namespace varve::server::pg {

InputBuffer::InputBuffer(InputBudget& budget)
    : budget_(budget), data_(std::make_unique<char[]>(kFreeBytes)), capacity_(kFreeBytes) {}

InputBuffer::~InputBuffer() {
  if (capacity_ > kFreeBytes) budget_.Release(capacity_);
}

void InputBuffer::Keep(std::string_view rest) {
  VARVE_CHECK(rest.size() <= end_ - begin_);
  begin_ = end_ - rest.size();
}

Status InputBuffer::MakeRoom(size_t wanted) {
  const size_t held = end_ - begin_;
  if (begin_ > 0) {
    std::memmove(data_.get(), data_.get() + begin_, held);
    begin_ = 0;
    end_ = held;
  }
  if (wanted <= kFreeBytes && held <= kFreeBytes / 2) {
    return capacity_ > kFreeBytes ? Resize(kFreeBytes) : OkStatus();
  }
  if (held < capacity_) return OkStatus();
  // Twice what has really arrived: a header that claims much costs nothing until the bytes come.
  return Resize(std::max(std::min(wanted, 2 * held), held + kFreeBytes));
}

Status InputBuffer::Resize(size_t capacity) {
  if (capacity > kFreeBytes && !budget_.TryCharge(capacity)) {
    return WithHint(
        SqlErrorf(sqlstate::kOutOfMemory,
                  "the memory for statements that are being received is used up: {} bytes",
                  budget_.used()),
        "Send smaller statements, or rows with COPY.");
  }
  auto data = std::unique_ptr<char[]>(new char[capacity]);
  std::memcpy(data.get(), data_.get(), end_);
  if (capacity_ > kFreeBytes) budget_.Release(capacity_);
  data_ = std::move(data);
  capacity_ = capacity;
  return OkStatus();
}

}  // namespace varve::server::pg
