// Names one block of one object, the same in every run of the server.
//
// Layout:   an object is cut into blocks of kBlockBytes; the last one is shorter. Its id is the
//           128-bit XXH3 hash of store, a zero byte and object name.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/object_store.h"

namespace varve::cache {

inline constexpr uint64_t kBlockBytes = uint64_t{1} << 20;

struct ObjectId {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const ObjectId&) const = default;
};

ObjectId MakeObjectId(std::string_view store, std::string_view object);

struct BlockKey {
  ObjectId object;
  uint32_t block = 0;
  auto operator<=>(const BlockKey&) const = default;
};

// Half-open, in bytes of the object.
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct ObjectName {
  std::string store;
  std::string object;
  auto operator<=>(const ObjectName&) const = default;
};

// What the cache must know to read an object: where it is, and how long, because an object that
// never changes has one length.
struct CachedObject {
  CachedObject(io::ObjectStore& from, ObjectName n, uint64_t length)
      : store(&from),
        name(std::move(n)),
        bytes(length),
        id(MakeObjectId(name.store, name.object)) {}

  uint32_t blocks() const { return static_cast<uint32_t>((bytes + kBlockBytes - 1) / kBlockBytes); }
  // The bytes of the blocks [first, first + count).
  ByteRange RangeOf(uint32_t first, uint32_t count) const {
    const uint64_t begin = first * kBlockBytes;
    const uint64_t end = begin + count * kBlockBytes;
    return {begin, end < bytes ? end : bytes};
  }
  BlockKey KeyOf(uint32_t block) const { return {id, block}; }

  io::ObjectStore* store;
  ObjectName name;
  uint64_t bytes;
  ObjectId id;
};

}  // namespace varve::cache
