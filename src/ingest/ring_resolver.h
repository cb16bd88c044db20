// Finds which metrics a request of samples is about, checks it against them, and plans new ones.
//
// Role:     RingWriter -> [RingResolver] -> ring::RingChange. Reads the registry, changes nothing.
// Errors:   InvalidArgument in words for the client, with the place in the request when it has
//           several samples; NotFound for an id that no metric has. NewMetrics may have grown then:
//           the caller shrinks it.
// Threads:  Resolve is safe; a NewMetrics has one owner.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "ingest/ring_writer.h"
#include "ring/ring_store.h"

namespace varve::ingest {

// Metrics that a change is going to make.
class NewMetrics {
 public:
  explicit NewMetrics(std::function<ring::MetricId()> take_id) : take_id_(std::move(take_id)) {}

  // `tags` ascend by key. nullptr: not among them.
  const ring::Metric* Find(std::string_view name, std::span<const ring::TagView> tags) const;
  // Stays where it is until it is forgotten; has no id yet.
  const ring::Metric& Add(ring::Metric metric);
  // Gives those an id that have none.
  void GiveIds();
  // Forgets the last ones, so that `count` stay; returns the ids that they had, ascending.
  std::vector<ring::MetricId> ShrinkTo(size_t count);
  size_t count() const { return metrics_.size(); }
  std::vector<ring::Metric> All() const { return {metrics_.begin(), metrics_.end()}; }

 private:
  std::function<ring::MetricId()> take_id_;
  std::deque<ring::Metric> metrics_;
  size_t with_id_ = 0;
  std::unordered_map<std::string, const ring::Metric*> by_key_;
};

struct ResolvedSamples {
  std::vector<ring::Sample> samples;
  size_t of_known_metrics = 0;  // how many; the others are of new ones
};

class RingResolver {
 public:
  RingResolver(const ring::RingStore& rings, const RingDefaults& defaults)
      : rings_(rings), defaults_(defaults) {}

  // All samples or an error. A metric that neither the rings nor `fresh` have is added to `fresh`.
  Result<ResolvedSamples> Resolve(std::span<const SampleInput> samples, NewMetrics& fresh) const;

 private:
  const ring::RingStore& rings_;
  const RingDefaults defaults_;
};

}  // namespace varve::ingest
