#include "ring/ring_change.h"

#include <bit>
#include <cmath>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "ring/metric_codec.h"

namespace varve::ring {
namespace {

constexpr uint32_t kChangeVersion = 1;
constexpr size_t kSampleBytes = 16;
constexpr size_t kDropBytes = 4;
constexpr size_t kReshapeBytes = 12;
constexpr size_t kMetricBytesMin = 18;

Status Decode(std::string_view payload, RingChange& change) {
  ByteReader in(payload);
  VARVE_ASSIGN_OR_RETURN(const uint32_t version, in.Little<uint32_t>());
  if (version != kChangeVersion)
    return DataLoss("version {}, {} is known", version, kChangeVersion);
  VARVE_ASSIGN_OR_RETURN(const uint32_t created, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(const uint32_t samples, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(const uint32_t dropped, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(const uint32_t reshaped, in.Little<uint32_t>());
  // Before memory is taken for them: 32-bit counts times small sizes do not overflow.
  if (uint64_t{created} * kMetricBytesMin + uint64_t{samples} * kSampleBytes +
          uint64_t{dropped} * kDropBytes + uint64_t{reshaped} * kReshapeBytes >
      in.remaining()) {
    return DataLoss("counts are more than {} bytes can hold", payload.size());
  }
  change.created.reserve(created);
  for (uint32_t i = 0; i < created; ++i) {
    VARVE_ASSIGN_OR_RETURN(Metric metric, ReadMetric(in));
    change.created.push_back(std::move(metric));
  }
  VARVE_ASSIGN_OR_RETURN(const std::string_view bytes, in.Bytes(samples * kSampleBytes));
  change.samples.reserve(samples);
  for (const char* at = bytes.data(); at != bytes.data() + bytes.size(); at += kSampleBytes) {
    change.samples.push_back({MetricId(GetLittle<uint32_t>(at)), GetLittle<uint32_t>(at + 4),
                              std::bit_cast<double>(GetLittle<uint64_t>(at + 8))});
    if (!std::isfinite(change.samples.back().value)) {
      return DataLoss("value is not finite at offset {}", at - payload.data() + 8);
    }
  }
  for (uint32_t i = 0; i < dropped; ++i) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t id, in.Little<uint32_t>());
    change.dropped.push_back({MetricId(id)});
  }
  for (uint32_t i = 0; i < reshaped; ++i) {
    ReshapeMetric reshape;
    VARVE_ASSIGN_OR_RETURN(reshape.id.value, in.Little<uint32_t>());
    VARVE_ASSIGN_OR_RETURN(reshape.shape.step_seconds, in.Little<uint32_t>());
    VARVE_ASSIGN_OR_RETURN(reshape.shape.slots, in.Little<uint32_t>());
    if (const Status checked = CheckShape(reshape.shape); !checked.ok()) {
      return DataLoss("{}", MessageOf(checked));
    }
    change.reshaped.push_back(reshape);
  }
  if (in.remaining() != 0) return DataLoss("{} bytes too many", in.remaining());
  return OkStatus();
}

}  // namespace

void EncodeChange(const RingChange& change, std::string& out) {
  AppendLittle(out, kChangeVersion);
  AppendLittle(out, static_cast<uint32_t>(change.created.size()));
  AppendLittle(out, static_cast<uint32_t>(change.samples.size()));
  AppendLittle(out, static_cast<uint32_t>(change.dropped.size()));
  AppendLittle(out, static_cast<uint32_t>(change.reshaped.size()));
  for (const Metric& metric : change.created) AppendMetric(metric, out);
  size_t at = out.size();
  out.resize(at + change.samples.size() * kSampleBytes);
  for (const Sample& sample : change.samples) {
    VARVE_CHECK(sample.ts >= 0 && sample.ts <= kTsMax);
    PutLittle(out.data() + at, sample.metric.value);
    PutLittle(out.data() + at + 4, static_cast<uint32_t>(sample.ts));
    PutLittle(out.data() + at + 8, std::bit_cast<uint64_t>(sample.value));
    at += kSampleBytes;
  }
  for (const DropMetric& drop : change.dropped) AppendLittle(out, drop.id.value);
  for (const ReshapeMetric& reshape : change.reshaped) {
    AppendLittle(out, reshape.id.value);
    AppendLittle(out, reshape.shape.step_seconds);
    AppendLittle(out, reshape.shape.slots);
  }
}

Result<RingChange> DecodeChange(std::string_view payload) {
  RingChange change;
  if (const Status decoded = Decode(payload, change); !decoded.ok()) {
    return Annotate(decoded, "log record is no change of rings");
  }
  return change;
}

}  // namespace varve::ring
