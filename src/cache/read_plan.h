// Says which ranges of an object belong together: who reads one of them will soon read the others.
//
// Role:     the engine's scan (the columns of a row group) -> [ReadPlan] -> BlockCache, which then
//           fetches the whole group at once instead of one column after the other.
// Threads:  immutable once built.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cache/block_key.h"

namespace varve::cache {

class ReadPlan {
 public:
  using Group = std::vector<ByteRange>;

  explicit ReadPlan(std::vector<Group> groups) : groups_(std::move(groups)) {
    for (size_t g = 0; g < groups_.size(); ++g) {
      for (const ByteRange& range : groups_[g]) order_.push_back({range, g});
    }
    std::sort(order_.begin(), order_.end(),
              [](const Entry& a, const Entry& b) { return a.range.begin < b.range.begin; });
  }

  // The group that the byte at `offset` is in; empty when it is in none.
  std::span<const ByteRange> GroupAt(uint64_t offset) const {
    auto after = std::upper_bound(order_.begin(), order_.end(), offset,
                                  [](uint64_t o, const Entry& e) { return o < e.range.begin; });
    if (after == order_.begin()) return {};
    const Entry& entry = *std::prev(after);
    if (offset >= entry.range.end) return {};
    return groups_[entry.group];
  }

 private:
  struct Entry {
    ByteRange range;
    size_t group;
  };
  std::vector<Group> groups_;
  std::vector<Entry> order_;  // by begin; ranges do not overlap
};

}  // namespace varve::cache
