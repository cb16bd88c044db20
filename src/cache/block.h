// Holds the bytes of one block in memory, counted as long as anybody has them.
//
// Threads:  immutable and shared; the count is atomic.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <string_view>

#include "cache/block_key.h"

namespace varve::cache {

// Bytes of all blocks that exist, whoever holds them.
using LiveBytes = std::shared_ptr<std::atomic<uint64_t>>;

class Block {
 public:
  // Copies `content`. The caller has added its size to `live` already.
  Block(const BlockKey& key, std::shared_ptr<const ObjectName> name, std::string_view content,
        int64_t fetched_us, LiveBytes live)
      : key_(key),
        name_(std::move(name)),
        content_(std::make_unique_for_overwrite<char[]>(content.size())),
        bytes_(content.size()),
        fetched_us_(fetched_us),
        live_(std::move(live)) {
    std::memcpy(content_.get(), content.data(), content.size());
  }
  ~Block() { live_->fetch_sub(bytes_, std::memory_order_relaxed); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  const BlockKey& key() const { return key_; }
  const std::shared_ptr<const ObjectName>& name() const { return name_; }
  std::string_view content() const { return {content_.get(), bytes_}; }
  // When it came from the store, microseconds UTC.
  int64_t fetched_us() const { return fetched_us_; }

 private:
  const BlockKey key_;
  const std::shared_ptr<const ObjectName> name_;
  const std::unique_ptr<char[]> content_;
  const size_t bytes_;
  const int64_t fetched_us_;
  const LiveBytes live_;
};

using BlockRef = std::shared_ptr<const Block>;

}  // namespace varve::cache
