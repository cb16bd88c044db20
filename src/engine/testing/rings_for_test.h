// Holds rings in plain maps and counts what is read of them, for tests of the scans over them.
//
// Threads:  reads are safe from any thread, as the scans need it; Add is not beside them.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "ring/ring_store.h"

namespace varve::engine {

class RingsForTest : public ring::RingStore {
 public:
  void Add(ring::Metric metric, std::vector<ring::Point> points) {
    const auto id = metric.id;
    metrics_[id] = std::make_shared<const ring::Metric>(std::move(metric));
    points_[id] = std::move(points);
  }

  // The metrics whose points were asked for, and how many points that gave; then forgets it.
  std::string TakeReads() {
    MutexLock lock(mu_);
    std::string text;
    for (const auto& [id, count] : reads_) {
      text += (text.empty() ? "" : " ") + std::to_string(id.value) + ":" + std::to_string(count);
    }
    reads_.clear();
    return text;
  }
  // How often every metric was listed since the last call.
  int TakeListings() { return listings_.exchange(0); }

  // Called by each Read.
  std::function<void()> on_read = [] {};

  ring::MetricRef Find(ring::MetricId id) const override {
    const auto found = metrics_.find(id);
    return found == metrics_.end() ? nullptr : found->second;
  }
  ring::MetricRef Find(std::string_view, std::span<const ring::Tag>) const override {
    return nullptr;
  }
  void WithMetrics(const std::function<void(const ring::MetricFinder&)>&) const override {}
  std::vector<ring::MetricRef> All() const override {
    listings_++;
    return Lookup({}, SIZE_MAX);
  }
  std::vector<ring::MetricRef> Lookup(const ring::Selector& selector,
                                      size_t /*limit*/) const override {
    std::vector<ring::MetricRef> found;
    for (const auto& [id, metric] : metrics_) {
      if (selector.name && metric->name != *selector.name) continue;
      const bool has_tags =
          std::all_of(selector.tags.begin(), selector.tags.end(), [&](const ring::Tag& tag) {
            return std::find(metric->tags.begin(), metric->tags.end(), tag) != metric->tags.end();
          });
      if (has_tags) found.push_back(metric);
    }
    return found;
  }
  std::vector<std::string> Names() const override { return {}; }
  std::map<std::string, std::vector<std::string>> TagValues(
      std::optional<std::string_view>) const override {
    return {};
  }
  Status Read(ring::MetricId id, ring::SecondsRange range,
              std::vector<ring::Point>& out) const override {
    on_read();
    const auto found = points_.find(id);
    if (found == points_.end()) return NotFound("no metric {}", id.value);
    size_t count = 0;
    for (const auto& point : found->second) {
      if (point.ts < range.start || point.ts > range.end) continue;
      out.push_back(point);
      count++;
    }
    MutexLock lock(mu_);
    reads_[id] += count;
    return OkStatus();
  }
  Status Reserve(const ring::RingChange&) override { return OkStatus(); }
  bool TryReserve(const ring::RingChange&) const override { return true; }
  ring::MetricId TakeId() override { return {}; }
  Result<ring::Applied> Apply(Lsn, const ring::RingChange&) override { return ring::Applied(); }
  Status Checkpoint() override { return OkStatus(); }
  Lsn CheckpointedThrough(Lsn durable) const override { return durable; }
  Lsn checkpoint_lsn() const override { return {}; }
  Telemetry telemetry() const override {
    Telemetry now;
    now.metrics = metrics_.size();
    for (const auto& [id, metric] : metrics_) now.ring_bytes += metric->shape.slots * 16ull;
    return now;
  }

 private:
  std::map<ring::MetricId, ring::MetricRef> metrics_;
  std::map<ring::MetricId, std::vector<ring::Point>> points_;
  mutable std::atomic<int> listings_{0};
  mutable Mutex mu_;
  mutable std::map<ring::MetricId, size_t> reads_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::engine
