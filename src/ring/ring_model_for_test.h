// The rules of rings said a second time and plainly, for tests that compare with them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "ring/ring_change.h"

namespace varve::ring {

class RingModel {
 public:
  void Apply(const RingChange& change) {
    for (const Metric& metric : change.created) rings_[metric.id] = {metric, {}};
    for (const Sample& sample : change.samples) {
      const auto ring = rings_.find(sample.metric);
      if (ring != rings_.end()) Put(ring->second, sample.ts, sample.value);
    }
    for (const DropMetric& drop : change.dropped) rings_.erase(drop.id);
    for (const ReshapeMetric& reshape : change.reshaped) {
      const std::vector<Point> points = PointsOf(reshape.id);
      Ring& ring = rings_.at(reshape.id);
      ring.metric.shape = reshape.shape;
      ring.slots.clear();
      for (const Point& point : points) Put(ring, point.ts, point.value);
    }
  }

  std::vector<Point> PointsOf(MetricId id) const {
    const Ring& ring = rings_.at(id);
    std::vector<Point> points;
    for (const auto& [slot, held] : ring.slots) {
      points.push_back({held.first * ring.metric.shape.step_seconds, held.second});
    }
    std::sort(points.begin(), points.end(),
              [](const Point& a, const Point& b) { return a.ts < b.ts; });
    return points;
  }

  std::vector<Metric> Metrics() const {
    std::vector<Metric> metrics;
    for (const auto& [id, ring] : rings_) metrics.push_back(ring.metric);
    return metrics;
  }

 private:
  struct Ring {
    Metric metric;
    std::map<int64_t, std::pair<int64_t, double>> slots;  // slot: window, value
  };

  static void Put(Ring& ring, int64_t ts, double value) {
    const int64_t window = ts / ring.metric.shape.step_seconds;
    auto& held =
        ring.slots.try_emplace(window % ring.metric.shape.slots, window, value).first->second;
    if (window >= held.first) held = {window, value};
  }

  std::map<MetricId, Ring> rings_;
};

}  // namespace varve::ring
