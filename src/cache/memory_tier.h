// Keeps blocks in memory, never more bytes than it was given.
//
// Role:     BlockCache -> [MemoryTier]. What it drops is handed back, so that it can go to disk.
// Limits:   `kept` bytes stay for later reads; `live` bytes bound everything that exists, with
//           blocks that left but are still being written to disk or copied by a reader. Past it no
//           block is made, and the reader does without.
// Threads:  safe.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "cache/block.h"
#include "cache/s3_fifo.h"

namespace varve::cache {

struct TierCounts {
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t bytes_max = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t evictions = 0;
  uint64_t waits = 0;   // reads that waited for another's request
  uint64_t errors = 0;  // failed requests, damaged blocks, failed writes
};

class MemoryTier {
 public:
  struct Limits {
    uint64_t kept_bytes = 0;
    uint64_t live_bytes = 0;  // at least kept_bytes
    int64_t ttl_us = 0;
  };
  MemoryTier(Limits limits, Clock& clock);

  // nullptr: not there, or too old and gone now.
  BlockRef Find(const BlockKey& key) VARVE_EXCLUDES(mu_);
  // Without counting as a use.
  bool Contains(const BlockKey& key) const VARVE_EXCLUDES(mu_);
  // Keeps a copy of `content` if there is room for it, and returns it also when it is not kept.
  // nullptr when blocks in use take all the memory. `dropped` gets what had to go for it.
  BlockRef Insert(const BlockKey& key, std::shared_ptr<const ObjectName> name,
                  std::string_view content, int64_t fetched_us, std::vector<BlockRef>& dropped)
      VARVE_EXCLUDES(mu_);
  void Forget(const ObjectId& object) VARVE_EXCLUDES(mu_);

  TierCounts counts() const VARVE_EXCLUDES(mu_);
  // Bytes of all blocks that exist.
  uint64_t live_bytes() const { return live_->load(std::memory_order_relaxed); }
  uint64_t kept_bytes_max() const { return limits_.kept_bytes; }

 private:
  bool IsExpired(const Block& block) const;

  // Constant after construction.
  const Limits limits_;
  Clock& clock_;
  const LiveBytes live_;

  mutable Mutex mu_;
  S3Fifo<BlockRef> blocks_ VARVE_GUARDED_BY(mu_);
  uint64_t hits_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t misses_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t evictions_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::cache
