#include "cache/memory_tier.h"

#include <utility>

namespace varve::cache {

MemoryTier::MemoryTier(Limits limits, Clock& clock)
    : limits_(limits),
      clock_(clock),
      live_(std::make_shared<std::atomic<uint64_t>>(0)),
      blocks_(limits.kept_bytes) {
  VARVE_CHECK(limits.live_bytes >= limits.kept_bytes);
}

bool MemoryTier::IsExpired(const Block& block) const {
  return clock_.NowUs() - block.fetched_us() >= limits_.ttl_us;
}

BlockRef MemoryTier::Find(const BlockKey& key) {
  BlockRef gone;  // freed without the lock
  MutexLock lock(mu_);
  const BlockRef* block = blocks_.Find(key, clock_.MonotonicUs());
  if (block != nullptr && !IsExpired(**block)) {
    ++hits_;
    return *block;
  }
  ++misses_;
  if (block != nullptr) gone = *blocks_.Erase(key);
  return nullptr;
}

bool MemoryTier::Contains(const BlockKey& key) const {
  MutexLock lock(mu_);
  return blocks_.Contains(key);
}

BlockRef MemoryTier::Insert(const BlockKey& key, std::shared_ptr<const ObjectName> name,
                            std::string_view content, int64_t fetched_us,
                            std::vector<BlockRef>& dropped) {
  const size_t first_dropped = dropped.size();
  bool fits = content.size() <= limits_.kept_bytes;
  {
    MutexLock lock(mu_);
    if (blocks_.Contains(key)) dropped.push_back(*blocks_.Erase(key));
    while (fits && blocks_.bytes() + content.size() > limits_.kept_bytes) {
      auto evicted = blocks_.EvictOne();
      VARVE_CHECK(evicted.has_value());
      dropped.push_back(std::move(evicted->second));
      ++evictions_;
    }
  }
  // Reserve first: two threads may not both take the last bytes.
  uint64_t live = live_->load(std::memory_order_relaxed);
  do {
    if (live + content.size() > limits_.live_bytes) {
      // What was dropped still counts while the caller holds it; nobody else may.
      if (dropped.size() == first_dropped) return nullptr;
      dropped.resize(first_dropped);
      live = live_->load(std::memory_order_relaxed);
      if (live + content.size() > limits_.live_bytes) return nullptr;
    }
  } while (!live_->compare_exchange_weak(live, live + content.size(), std::memory_order_relaxed));
  BlockRef block = std::make_shared<Block>(key, std::move(name), content, fetched_us, live_);
  BlockRef other;  // that another thread has put there meanwhile
  MutexLock lock(mu_);
  fits = fits && blocks_.bytes() + content.size() <= limits_.kept_bytes;
  if (!fits) return block;
  if (blocks_.Contains(key)) other = *blocks_.Erase(key);
  blocks_.Insert(key, block, content.size(), clock_.MonotonicUs());
  return block;
}

void MemoryTier::Forget(const ObjectId& object) {
  std::vector<std::pair<BlockKey, BlockRef>> gone;  // freed without the lock
  MutexLock lock(mu_);
  gone = blocks_.TakeObject(object);
}

TierCounts MemoryTier::counts() const {
  MutexLock lock(mu_);
  TierCounts counts;
  counts.entries = blocks_.size();
  counts.bytes = blocks_.bytes();
  counts.bytes_max = limits_.kept_bytes;
  counts.hits = hits_;
  counts.misses = misses_;
  counts.evictions = evictions_;
  return counts;
}

}  // namespace varve::cache
