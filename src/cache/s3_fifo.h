// Keeps values up to a number of bytes and says which one goes next: the S3-FIFO rule.
//
// Role:     MemoryTier, DiskTier -> [S3Fifo].
// Layout:   a small queue (a tenth of the bytes) that everything enters, a main queue for what was
//           used again, and a ghost queue of keys that left the small one unused: such a key enters
//           the main queue at once. One pass over a large file goes through the small queue only.
//           Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023. Different
//           here: uses count once in kUseGapUs, because a scan reads a block page by page.
// Units:    bytes; microseconds of a clock that never goes back.
// Threads:  not thread-safe.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cache/block_key.h"

namespace varve::cache {

template <typename Value>
class S3Fifo {
 public:
  static constexpr int64_t kUseGapUs = 1'000'000;

  explicit S3Fifo(uint64_t bytes_max) : small_bytes_max_(bytes_max / 10) {}

  uint64_t bytes() const { return bytes_; }
  size_t size() const { return entries_.size(); }

  // Counts as a use. nullptr when the key is not there; valid until the next change.
  Value* Find(const BlockKey& key, int64_t now_us) {
    const auto at = entries_.find(key);
    if (at == entries_.end()) return nullptr;
    Entry& entry = at->second;
    if (now_us - entry.used_us >= kUseGapUs) {
      entry.uses = std::min(entry.uses + 1, 3);
      entry.used_us = now_us;
    }
    return &entry.value;
  }

  bool Contains(const BlockKey& key) const { return entries_.contains(key); }

  // The key must not be there. `used_before`: straight into the main queue.
  void Insert(const BlockKey& key, Value value, uint64_t bytes, int64_t now_us,
              bool used_before = false) {
    const auto ghost = ghosts_.find(key);
    const bool in_main = used_before || ghost != ghosts_.end();
    if (ghost != ghosts_.end()) {
      ghost_queue_.erase(ghost->second);
      ghosts_.erase(ghost);
    }
    std::list<BlockKey>& queue = in_main ? main_ : small_;
    queue.push_back(key);
    const auto place = std::prev(queue.end());
    const bool added =
        entries_.emplace(key, Entry{std::move(value), bytes, now_us, 0, in_main, place}).second;
    VARVE_CHECK(added);
    bytes_ += bytes;
    if (!in_main) small_bytes_ += bytes;
  }

  std::optional<Value> Erase(const BlockKey& key) {
    const auto at = entries_.find(key);
    if (at == entries_.end()) return std::nullopt;
    return Take(at);
  }

  // Takes out every block of the object.
  std::vector<std::pair<BlockKey, Value>> TakeObject(const ObjectId& object) {
    std::vector<std::pair<BlockKey, Value>> taken;
    auto at = entries_.lower_bound(BlockKey{object, 0});
    while (at != entries_.end() && at->first.object == object) {
      const BlockKey key = at->first;
      taken.emplace_back(key, Take(at++));
    }
    return taken;
  }

  // Takes out what is needed least; nullopt when nothing is left.
  std::optional<std::pair<BlockKey, Value>> EvictOne() {
    while (!entries_.empty()) {
      const bool from_small = !small_.empty() && (small_bytes_ > small_bytes_max_ || main_.empty());
      std::list<BlockKey>& queue = from_small ? small_ : main_;
      const auto at = entries_.find(queue.front());
      VARVE_CHECK(at != entries_.end());
      Entry& entry = at->second;
      if (entry.uses > 0) {
        // Another round: from the small queue as a newcomer to the main one.
        entry.uses = from_small ? 0 : entry.uses - 1;
        if (from_small) small_bytes_ -= entry.bytes;
        entry.in_main = true;
        main_.splice(main_.end(), queue, queue.begin());
        continue;
      }
      const BlockKey key = at->first;
      if (from_small) Remember(key);
      return std::make_pair(key, Take(at));
    }
    return std::nullopt;
  }

 private:
  struct Entry {
    Value value;
    uint64_t bytes = 0;
    int64_t used_us = 0;
    int uses = 0;
    bool in_main = false;
    std::list<BlockKey>::iterator place;  // in small_ or main_
  };
  using Entries = std::map<BlockKey, Entry>;

  Value Take(typename Entries::iterator at) {
    Entry& entry = at->second;
    bytes_ -= entry.bytes;
    if (!entry.in_main) small_bytes_ -= entry.bytes;
    (entry.in_main ? main_ : small_).erase(entry.place);
    Value value = std::move(entry.value);
    entries_.erase(at);
    return value;
  }

  void Remember(const BlockKey& key) {
    ghost_queue_.push_back(key);
    ghosts_.emplace(key, std::prev(ghost_queue_.end()));
    while (ghost_queue_.size() > entries_.size()) {
      ghosts_.erase(ghost_queue_.front());
      ghost_queue_.pop_front();
    }
  }

  const uint64_t small_bytes_max_;
  uint64_t bytes_ = 0;
  uint64_t small_bytes_ = 0;
  Entries entries_;
  std::list<BlockKey> small_;  // oldest first, as the others
  std::list<BlockKey> main_;
  std::list<BlockKey> ghost_queue_;
  std::map<BlockKey, std::list<BlockKey>::iterator> ghosts_;
};

}  // namespace varve::cache
