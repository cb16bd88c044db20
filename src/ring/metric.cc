#include "ring/metric.h"

#include <cmath>

namespace varve::ring {
namespace {

// Of SQL's texts none can hold it.
bool HasNul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

std::string_view NameOf(MetricType type) {
  return type == MetricType::kCounter ? "counter" : "gauge";
}

std::optional<MetricType> ParseMetricType(std::string_view name) {
  for (const MetricType type : {MetricType::kGauge, MetricType::kCounter}) {
    if (name == NameOf(type)) return type;
  }
  return std::nullopt;
}

Status CheckShape(const RingShape& shape) {
  if (shape.step_seconds < 1 || shape.step_seconds > kStepSecondsMax) {
    return InvalidArgument("step must be 1 to {} seconds: {}", kStepSecondsMax, shape.step_seconds);
  }
  if (shape.slots < 1 || shape.slots > kSlotsMax) {
    return InvalidArgument("slots must be 1 to {}: {}", kSlotsMax, shape.slots);
  }
  return OkStatus();
}

Status CheckName(std::string_view name) {
  if (name.empty()) return InvalidArgument("a metric needs a name");
  if (name.size() > kNameBytesMax) {
    return InvalidArgument("a metric's name has at most {} bytes: {}", kNameBytesMax, name.size());
  }
  if (HasNul(name)) return InvalidArgument("the name has a NUL byte");
  return OkStatus();
}

Status CheckTag(const TagView& tag) {
  if (tag.key.empty()) return InvalidArgument("a tag needs a key");
  if (tag.key.size() > kTagKeyBytesMax) {
    return InvalidArgument("a tag's key has at most {} bytes: {}", kTagKeyBytesMax, tag.key.size());
  }
  if (HasNul(tag.key)) return InvalidArgument("the key of a tag has a NUL byte");
  if (tag.value.size() > kTagValueBytesMax) {
    return InvalidArgument("a tag's value has at most {} bytes: {} in tag \"{}\"",
                           kTagValueBytesMax, tag.value.size(), tag.key);
  }
  if (HasNul(tag.value)) return InvalidArgument("the value of a tag has a NUL byte");
  return OkStatus();
}

Status CheckMetric(const Metric& metric) {
  VARVE_RETURN_IF_ERROR(CheckName(metric.name));
  if (metric.tags.size() > kTagsMax) {
    return InvalidArgument("a metric has at most {} tags: {}", kTagsMax, metric.tags.size());
  }
  for (size_t i = 0; i < metric.tags.size(); ++i) {
    const Tag& tag = metric.tags[i];
    VARVE_RETURN_IF_ERROR(CheckTag({tag.key, tag.value}));
    if (i > 0 && metric.tags[i - 1].key >= tag.key) {
      return InvalidArgument("a metric's tags have different keys: \"{}\"", tag.key);
    }
  }
  return CheckShape(metric.shape);
}

Status CheckSample(int64_t ts, double value) {
  if (ts < 0 || ts > kTsMax) {
    return InvalidArgument("ts must be whole seconds since 1970, 0 to {}: {}", kTsMax, ts);
  }
  if (!std::isfinite(value)) return InvalidArgument("value must be a finite number");
  return OkStatus();
}

}  // namespace varve::ring
