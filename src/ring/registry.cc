#include "ring/registry.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/check.h"
#include "ring/ring_store.h"

namespace varve::ring {
namespace {

size_t Mix(size_t hash, std::string_view text) {
  return (hash ^ std::hash<std::string_view>()(text)) * 0x9E3779B97F4A7C15u;
}

template <typename T>
size_t HashOf(std::string_view name, std::span<const T> tags) {
  size_t hash = Mix(0, name);
  for (const T& tag : tags) hash = Mix(Mix(hash, tag.key), tag.value);
  return hash ^ hash >> 32;
}

void Insert(std::vector<uint32_t>& ids, uint32_t id) {
  // Nearly always at the end: ids are given in turn.
  ids.insert(std::upper_bound(ids.begin(), ids.end(), id), id);
}

void Erase(std::vector<uint32_t>& ids, uint32_t id) {
  const auto at = std::lower_bound(ids.begin(), ids.end(), id);
  VARVE_CHECK(at != ids.end() && *at == id);
  ids.erase(at);
}

// The first place from `from` on whose id is not below `id`; near places are found soonest.
size_t Gallop(const std::vector<uint32_t>& ids, size_t from, uint32_t id) {
  size_t step = 1;
  size_t high = from;
  while (high < ids.size() && ids[high] < id) {
    from = high + 1;
    high += step;
    step *= 2;
  }
  high = std::min(high, ids.size());
  const auto begin = ids.begin();
  return static_cast<size_t>(std::lower_bound(begin + static_cast<ptrdiff_t>(from),
                                              begin + static_cast<ptrdiff_t>(high), id) -
                             begin);
}

}  // namespace

size_t Registry::Hash::operator()(const Entry* entry) const {
  return HashOf<Tag>(entry->metric->name, entry->metric->tags);
}

template <typename T>
size_t Registry::Hash::operator()(const Key<T>& key) const {
  return HashOf<T>(key.name, key.tags);
}

template <typename T>
bool Registry::Equal::operator()(const Entry* a, const Key<T>& b) const {
  const Metric& metric = *a->metric;
  return metric.name == b.name &&
         std::equal(metric.tags.begin(), metric.tags.end(), b.tags.begin(), b.tags.end(),
                    [](const Tag& x, const T& y) { return x.key == y.key && x.value == y.value; });
}

bool Registry::Equal::operator()(const Entry* a, const Entry* b) const {
  return a == b || (*this)(a, Key<Tag>{b->metric->name, b->metric->tags});
}

Registry::Registry() = default;

Entry* Registry::Slot(MetricId id) const {
  const size_t chunk = id.value / kChunk;
  if (chunk >= chunks_.size() || !chunks_[chunk]) return nullptr;
  Entry* entry = &chunks_[chunk]->entries[id.value % kChunk];
  return entry->metric ? entry : nullptr;
}

const Entry* Registry::Find(MetricId id) const { return Slot(id); }

const Entry* Registry::Find(std::string_view name, std::span<const TagView> tags) const {
  const auto at = by_name_.find(Key<TagView>{name, tags});
  return at == by_name_.end() ? nullptr : *at;
}

const Entry* Registry::Find(std::string_view name, std::span<const Tag> tags) const {
  const auto at = by_name_.find(Key<Tag>{name, tags});
  return at == by_name_.end() ? nullptr : *at;
}

bool Registry::Add(Entry entry) {
  const uint32_t id = entry.metric->id.value;
  if (Slot(entry.metric->id) ||
      by_name_.contains(Key<Tag>{entry.metric->name, entry.metric->tags})) {
    return false;
  }
  if (chunks_.size() <= id / kChunk) chunks_.resize(id / kChunk + 1);
  std::unique_ptr<Chunk>& chunk = chunks_[id / kChunk];
  if (!chunk) chunk = std::make_unique<Chunk>();
  Entry& slot = chunk->entries[id % kChunk];
  slot = std::move(entry);
  ++chunk->used;
  by_name_.insert(&slot);
  Insert(names_[slot.metric->name], id);
  for (const Tag& tag : slot.metric->tags) Insert(tags_[tag.key][tag.value], id);
  return true;
}

void Registry::Remove(MetricId id) {
  Entry* entry = Slot(id);
  VARVE_CHECK(entry != nullptr);
  by_name_.erase(entry);
  const Metric& metric = *entry->metric;
  const auto name = names_.find(metric.name);
  Erase(name->second, id.value);
  if (name->second.empty()) names_.erase(name);
  for (const Tag& tag : metric.tags) {
    const auto values = tags_.find(tag.key);
    const auto posting = values->second.find(tag.value);
    Erase(posting->second, id.value);
    if (posting->second.empty()) values->second.erase(posting);
    if (values->second.empty()) tags_.erase(values);
  }
  *entry = Entry();
  std::unique_ptr<Chunk>& chunk = chunks_[id.value / kChunk];
  if (--chunk->used == 0) chunk.reset();
}

void Registry::Replace(Entry entry) {
  Entry* slot = Slot(entry.metric->id);
  VARVE_CHECK(slot != nullptr);
  *slot = std::move(entry);
}

void Registry::ForEach(const std::function<void(const Entry&)>& visit) const {
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (!chunk) continue;
    for (const Entry& entry : chunk->entries) {
      if (entry.metric) visit(entry);
    }
  }
}

std::vector<MetricRef> Registry::All() const {
  std::vector<MetricRef> all;
  all.reserve(size());
  ForEach([&](const Entry& entry) { all.push_back(entry.metric); });
  return all;
}

std::vector<MetricRef> Registry::MetricsOf(const Posting& ids, size_t limit) const {
  std::vector<MetricRef> found;
  found.reserve(std::min(ids.size(), limit));
  for (size_t i = 0; i < ids.size() && i < limit; ++i) {
    found.push_back(Slot(MetricId(ids[i]))->metric);
  }
  return found;
}

std::vector<MetricRef> Registry::Lookup(const Selector& selector, size_t limit) const {
  std::vector<const Posting*> wanted;
  if (selector.name) {
    const auto name = names_.find(*selector.name);
    if (name == names_.end()) return {};
    wanted.push_back(&name->second);
  }
  for (const Tag& tag : selector.tags) {
    const auto values = tags_.find(tag.key);
    if (values == tags_.end()) return {};
    const auto posting = values->second.find(tag.value);
    if (posting == values->second.end()) return {};
    wanted.push_back(&posting->second);
  }
  if (wanted.empty()) {
    std::vector<MetricRef> found;
    for (size_t chunk = 0; chunk < chunks_.size() && found.size() < limit; ++chunk) {
      if (!chunks_[chunk]) continue;
      for (const Entry& entry : chunks_[chunk]->entries) {
        if (entry.metric && found.size() < limit) found.push_back(entry.metric);
      }
    }
    return found;
  }
  // The rarest condition leads.
  std::sort(wanted.begin(), wanted.end(),
            [](const Posting* a, const Posting* b) { return a->size() < b->size(); });
  Posting common;
  std::vector<size_t> at(wanted.size());
  for (const uint32_t id : *wanted[0]) {
    if (common.size() == limit) break;
    bool everywhere = true;
    for (size_t i = 1; i < wanted.size() && everywhere; ++i) {
      at[i] = Gallop(*wanted[i], at[i], id);
      everywhere = at[i] < wanted[i]->size() && (*wanted[i])[at[i]] == id;
    }
    if (everywhere) common.push_back(id);
  }
  return MetricsOf(common, limit);
}

std::vector<MetricRef> Registry::Named(std::string_view name) const {
  const auto at = names_.find(name);
  return at == names_.end() ? std::vector<MetricRef>() : MetricsOf(at->second, SIZE_MAX);
}

std::vector<std::string> Registry::Names() const {
  std::vector<std::string> names;
  names.reserve(names_.size());
  for (const auto& [name, ids] : names_) names.push_back(name);
  return names;
}

std::map<std::string, std::vector<std::string>> Registry::TagValues() const {
  std::map<std::string, std::vector<std::string>> all;
  for (const auto& [key, values] : tags_) {
    std::vector<std::string>& into = all[key];
    into.reserve(values.size());
    for (const auto& [value, ids] : values) into.push_back(value);
  }
  return all;
}

}  // namespace varve::ring
