#include "ring/metric_codec.h"

#include <utility>

namespace varve::ring {

void AppendMetric(const Metric& metric, std::string& out) {
  AppendLittle(out, metric.id.value);
  AppendLittle(out, metric.shape.step_seconds);
  AppendLittle(out, metric.shape.slots);
  AppendLittle(out, static_cast<uint16_t>(metric.type));
  AppendLittle(out, static_cast<uint16_t>(metric.tags.size()));
  AppendLittle(out, static_cast<uint16_t>(metric.name.size()));
  out += metric.name;
  for (const Tag& tag : metric.tags) {
    AppendLittle(out, static_cast<uint16_t>(tag.key.size()));
    AppendLittle(out, static_cast<uint16_t>(tag.value.size()));
    out += tag.key;
    out += tag.value;
  }
}

uint64_t MetricBytes(const Metric& metric) {
  constexpr uint64_t kFixedBytes = 3 * sizeof(uint32_t) + 3 * sizeof(uint16_t);
  uint64_t bytes = kFixedBytes + metric.name.size();
  for (const Tag& tag : metric.tags) {
    bytes += 2 * sizeof(uint16_t) + tag.key.size() + tag.value.size();
  }
  return bytes;
}

Result<Metric> ReadMetric(ByteReader& in) {
  const size_t start = in.position();
  Metric metric;
  VARVE_ASSIGN_OR_RETURN(metric.id.value, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(metric.shape.step_seconds, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(metric.shape.slots, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(const uint16_t type, in.Little<uint16_t>());
  VARVE_ASSIGN_OR_RETURN(const uint16_t tags, in.Little<uint16_t>());
  VARVE_ASSIGN_OR_RETURN(const uint16_t name_bytes, in.Little<uint16_t>());
  VARVE_ASSIGN_OR_RETURN(const std::string_view name, in.Bytes(name_bytes));
  metric.name = name;
  if (metric.id.value == 0 || type > static_cast<uint16_t>(MetricType::kCounter) ||
      tags > kTagsMax) {
    return DataLoss("no metric at offset {}: id {}, type {}, {} tags", start, metric.id.value, type,
                    tags);
  }
  metric.type = static_cast<MetricType>(type);
  metric.tags.reserve(tags);
  for (uint16_t i = 0; i < tags; ++i) {
    VARVE_ASSIGN_OR_RETURN(const uint16_t key_bytes, in.Little<uint16_t>());
    VARVE_ASSIGN_OR_RETURN(const uint16_t value_bytes, in.Little<uint16_t>());
    VARVE_ASSIGN_OR_RETURN(const std::string_view key, in.Bytes(key_bytes));
    VARVE_ASSIGN_OR_RETURN(const std::string_view value, in.Bytes(value_bytes));
    metric.tags.push_back({std::string(key), std::string(value)});
  }
  if (const Status checked = CheckMetric(metric); !checked.ok()) {
    return DataLoss("no metric at offset {}: {}", start, MessageOf(checked));
  }
  return metric;
}

}  // namespace varve::ring
