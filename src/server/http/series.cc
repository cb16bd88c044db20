#include "server/http/series.h"

#include <algorithm>

namespace varve::server {
namespace {

// Floor, for times before 1970 too. A start below the smallest integer stays the smallest.
int64_t BucketOf(int64_t ts, int64_t width) {
  const int64_t rest = ts % width;
  if (rest >= 0) return ts - rest;
  return ts < INT64_MIN + (width + rest) ? INT64_MIN : ts - rest - width;
}

template <typename Fold>
void ForEachBucket(std::span<const ring::Point> points, int64_t width, const Fold& fold) {
  for (size_t begin = 0; begin < points.size();) {
    const int64_t bucket = BucketOf(points[begin].ts, width);
    size_t end = begin + 1;
    while (end < points.size() && BucketOf(points[end].ts, width) == bucket) ++end;
    fold(bucket, points.subspan(begin, end - begin));
    begin = end;
  }
}

}  // namespace

std::vector<SeriesRow> BucketAverages(std::span<const ring::Point> points, int64_t width) {
  std::vector<SeriesRow> rows;
  ForEachBucket(points, width, [&rows](int64_t bucket, std::span<const ring::Point> of_bucket) {
    // The running mean does not overflow where the sum of large values would.
    double mean = 0;
    double count = 0;
    for (const ring::Point& point : of_bucket) {
      count += 1;
      mean += point.value / count - mean / count;
    }
    rows.push_back({bucket, mean});
  });
  return rows;
}

std::vector<SeriesRow> CounterRates(std::span<const ring::Point> points, int64_t width) {
  std::vector<SeriesRow> rows;
  ring::Point before;  // of the bucket before: its start and largest value
  ForEachBucket(points, width, [&](int64_t bucket, std::span<const ring::Point> of_bucket) {
    double largest = of_bucket.front().value;
    for (const ring::Point& point : of_bucket) largest = std::max(largest, point.value);
    SeriesRow row{bucket, std::nullopt};
    if (!rows.empty() && largest >= before.value) {
      const double seconds = static_cast<double>(bucket) - static_cast<double>(before.ts);
      row.value = (largest - before.value) / seconds;
    }
    before = {bucket, largest};
    rows.push_back(row);
  });
  return rows;
}

}  // namespace varve::server
