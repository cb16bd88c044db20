// Names what a ring belongs to: a metric, its tags, and the shape of its ring.
//
// Units:    `ts` is whole seconds since 1970-01-01; a slot holds the window ts / step.
// Limits:   the constants below; a metric or sample outside of them is refused before it is logged.
// Source:   the ring store of docs/guide.md, "Live metrics"; after RRDtool's round-robin archives.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/strong_id.h"

namespace varve::ring {

// Given when a metric is first written, from 1, never reused.
using MetricId = StrongId<struct MetricIdTag, uint32_t>;

enum class MetricType : uint8_t { kGauge = 0, kCounter = 1 };
// "gauge" or "counter".
std::string_view NameOf(MetricType type);
// nullopt: no such type.
std::optional<MetricType> ParseMetricType(std::string_view name);

inline constexpr size_t kNameBytesMax = 1024;
inline constexpr size_t kTagsMax = 64;
inline constexpr size_t kTagKeyBytesMax = 256;
inline constexpr size_t kTagValueBytesMax = 4096;
inline constexpr uint32_t kStepSecondsMax = 86'400;
inline constexpr uint32_t kSlotsMax = 1u << 24;

// 2106-02-07. A window is at most this too, whatever the step.
inline constexpr int64_t kTsMax = UINT32_MAX;

struct Tag {
  std::string key;
  std::string value;
  friend auto operator<=>(const Tag&, const Tag&) = default;
};

struct TagView {
  std::string_view key;
  std::string_view value;
};

struct RingShape {
  uint32_t step_seconds = 1;
  uint32_t slots = 3600;
  friend bool operator==(const RingShape&, const RingShape&) = default;
};

// Name and tags together are unique among the metrics that exist.
struct Metric {
  MetricId id;
  std::string name;
  std::vector<Tag> tags;  // ascending by key, keys unique
  MetricType type = MetricType::kGauge;
  RingShape shape;
};
using MetricRef = std::shared_ptr<const Metric>;

struct Sample {
  MetricId metric;
  int64_t ts = 0;
  double value = 0;  // finite
};

// What a ring gives back: `ts` is the start of the window.
struct Point {
  int64_t ts = 0;
  double value = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

// Closed [start, end].
struct SecondsRange {
  int64_t start = INT64_MIN;
  int64_t end = INT64_MAX;
};

// InvalidArgument, worded for the client, when something is outside of the limits above, a name or
// a key is empty, a text has a NUL, or the tags are not ascending with unique keys.
Status CheckName(std::string_view name);
Status CheckTag(const TagView& tag);
Status CheckMetric(const Metric& metric);
Status CheckShape(const RingShape& shape);
// The same for 0 <= ts <= kTsMax and a value that is finite.
Status CheckSample(int64_t ts, double value);

}  // namespace varve::ring
