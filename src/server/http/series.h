// Sums up the points of one ring by buckets of time, as a chart shows them.
//
// Role:     RingStore::Read -> [BucketAverages | CounterRates] -> /metrics/{id}/series.
// Units:    seconds; a bucket is named by its start, floor(ts / width) * width. Buckets without a
//           point are left out.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ring/metric.h"

namespace varve::server {

struct SeriesRow {
  int64_t bucket = 0;
  std::optional<double> value;
  friend bool operator==(const SeriesRow&, const SeriesRow&) = default;
};

// `points` ascend by ts; width > 0.
std::vector<SeriesRow> BucketAverages(std::span<const ring::Point> points, int64_t width);

// From the largest value of the bucket before to the largest of this one, per second of the time
// between their starts. No value for the first bucket, and where the counter was reset: the largest
// is smaller than the one before.
std::vector<SeriesRow> CounterRates(std::span<const ring::Point> points, int64_t width);

}  // namespace varve::server
