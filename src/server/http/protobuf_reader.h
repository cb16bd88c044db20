// Walks over the fields of one protobuf message, without a schema and without copying.
//
// Role:     remote_write -> [ProtobufReader], one per message and one per message in it.
// Layout:   the Protocol Buffers encoding: a key (field number, wire type), then varint, 8 bytes,
//           length and bytes, or 4 bytes. Groups, which proto3 does not have, are broken bytes.
// Errors:   Next() is false at the end and at broken bytes; broken() tells which.
// Threads:  values; the bytes must outlive it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace varve::server {

class ProtobufReader {
 public:
  enum class Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  // Goes to the next field.
  bool Next() {
    if (rest_.empty() || broken_) return false;
    uint64_t key = 0;
    if (!TakeVarint(key) || key >> 3 == 0 || key >> 3 > kFieldMax) return Break();
    field_ = static_cast<uint32_t>(key >> 3);
    wire_ = static_cast<Wire>(key & 7);
    switch (wire_) {
      case Wire::kVarint:
        return TakeVarint(number_) || Break();
      case Wire::kFixed64:
        return TakeFixed<uint64_t>() || Break();
      case Wire::kFixed32:
        return TakeFixed<uint32_t>() || Break();
      case Wire::kBytes: {
        uint64_t size = 0;
        if (!TakeVarint(size) || size > rest_.size()) return Break();
        bytes_ = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
      }
    }
    return Break();
  }

  bool broken() const { return broken_; }
  uint32_t field() const { return field_; }
  bool Is(uint32_t field, Wire wire) const { return field_ == field && wire_ == wire; }
  uint64_t number() const { return number_; }        // of all but kBytes
  std::string_view bytes() const { return bytes_; }  // of kBytes

 private:
  static constexpr uint64_t kFieldMax = (1u << 29) - 1;
  static constexpr int kVarintBytesMax = 10;

  bool Break() {
    broken_ = true;
    return false;
  }

  bool TakeVarint(uint64_t& value) {
    value = 0;
    for (size_t i = 0; i < rest_.size() && i < kVarintBytesMax; ++i) {
      const auto byte = static_cast<uint8_t>(rest_[i]);
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  template <typename T>
  bool TakeFixed() {
    if (rest_.size() < sizeof(T)) return false;
    number_ = GetLittle<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return true;
  }

  std::string_view rest_;
  uint32_t field_ = 0;
  Wire wire_ = Wire::kVarint;
  bool broken_ = false;
  uint64_t number_ = 0;
  std::string_view bytes_;
};

}  // namespace varve::server
