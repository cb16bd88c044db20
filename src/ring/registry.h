// Finds metrics by id, by name and tags, and by what a selector asks for.
//
// Role:     RingStore -> [Registry].
// Limits:   about 500 bytes a metric of four tags, its strings included.
// Threads:  not safe; RingStore guards it. Does no I/O.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ring/metric.h"
#include "ring/slab.h"

namespace varve::ring {

struct Selector;

// A metric and its ring. The slab lives as long as a place in it is taken.
struct Entry {
  MetricRef metric;
  Slab* slab = nullptr;
  uint32_t index = 0;
  RingShape shape;  // metric->shape, without another load

  uint64_t OffsetOf(uint32_t window) const {
    return slab->OffsetOf(index) + kSlotBytes * (window % shape.slots);
  }
};

class Registry {
 public:
  Registry();

  size_t size() const { return by_name_.size(); }
  // nullptr: no such metric.
  const Entry* Find(MetricId id) const;
  const Entry* Find(std::string_view name, std::span<const TagView> tags) const;
  const Entry* Find(std::string_view name, std::span<const Tag> tags) const;

  // False, and nothing has changed: there is a metric with this id, or with this name and tags.
  bool Add(Entry entry);
  // The metric is there.
  void Remove(MetricId id);
  // The same metric with another shape, and its new ring.
  void Replace(Entry entry);

  // Ascending by id.
  std::vector<MetricRef> All() const;
  void ForEach(const std::function<void(const Entry&)>& visit) const;
  std::vector<MetricRef> Lookup(const Selector& selector, size_t limit) const;
  std::vector<MetricRef> Named(std::string_view name) const;
  std::vector<std::string> Names() const;
  std::map<std::string, std::vector<std::string>> TagValues() const;

 private:
  static constexpr size_t kChunk = 1024;
  struct Chunk {
    std::array<Entry, kChunk> entries;
    size_t used = 0;
  };
  using Posting = std::vector<uint32_t>;  // ids, ascending
  template <typename T>
  using ByText = std::map<std::string, T, std::less<>>;
  // Name and tags, as they are stored or as they are asked for.
  template <typename T>
  struct Key {
    std::string_view name;
    std::span<const T> tags;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Entry* entry) const;
    template <typename T>
    size_t operator()(const Key<T>& key) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Entry* a, const Entry* b) const;
    template <typename T>
    bool operator()(const Entry* a, const Key<T>& b) const;
    template <typename T>
    bool operator()(const Key<T>& a, const Entry* b) const {
      return (*this)(b, a);
    }
  };

  Entry* Slot(MetricId id) const;
  std::vector<MetricRef> MetricsOf(const Posting& ids, size_t limit) const;

  // By id, in chunks that go when their last metric goes: ids are never given twice.
  std::vector<std::unique_ptr<Chunk>> chunks_;
  absl::flat_hash_set<Entry*, Hash, Equal> by_name_;
  ByText<Posting> names_;
  ByText<ByText<Posting>> tags_;  // key, value
};

}  // namespace varve::ring
