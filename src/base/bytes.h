// Puts integers into bytes and gets them back, little-endian, whatever the machine and alignment.
//
// Role:     file formats (log records, batches) -> [Put, Append, Get, ByteReader].
// Errors:   ByteReader never reads past its end: DataLoss naming the offset, and nothing consumed.
// Threads:  no shared state.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/status.h"

namespace varve {

// Compilers turn the loops below into one plain load or store on little-endian machines.
template <std::unsigned_integral T>
inline void PutLittle(char* to, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<char>(value >> (8 * i));
}

template <std::unsigned_integral T>
inline T GetLittle(const char* from) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(static_cast<uint8_t>(from[i])) << (8 * i));
  }
  return value;
}

template <std::unsigned_integral T>
inline void AppendLittle(std::string& to, T value) {
  char bytes[sizeof(T)];
  PutLittle(bytes, value);
  to.append(bytes, sizeof(T));
}

// Reads from front to back.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  template <std::unsigned_integral T>
  Result<T> Little() {
    if (remaining() < sizeof(T)) return TooShort(sizeof(T));
    const T value = GetLittle<T>(bytes_.data() + position_);
    position_ += sizeof(T);
    return value;
  }

  // The next `count` bytes; valid as long as the bytes given to the constructor.
  Result<std::string_view> Bytes(size_t count) {
    if (remaining() < count) return TooShort(count);
    const std::string_view piece = bytes_.substr(position_, count);
    position_ += count;
    return piece;
  }

 private:
  Status TooShort(size_t wanted) const {
    return DataLoss("bytes end early: {} wanted at offset {}, {} left", wanted, position_,
                    remaining());
  }

  std::string_view bytes_;
  size_t position_ = 0;
};

}  // namespace varve
