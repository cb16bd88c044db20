#include "server/http/sample_reader.h"

#include <algorithm>
#include <cmath>

#include "server/http/http_limits.h"
#include "server/http/json_metric.h"

namespace varve::server {
namespace {

using simdjson::dom::element;

// One bit per field, to find one that is there twice or missing.
enum Field : uint32_t {
  kNone = 0,  // none of ours
  kMetricId = 1,
  kName = 2,
  kTs = 4,
  kValue = 8,
  kTags = 16,
  kType = 32,
  kStep = 64,
  kSlots = 128,
};

Field FieldOf(SampleForm form, std::string_view name) {
  switch (name.size()) {
    case 2:
      return name == "ts" ? kTs : kNone;
    case 4:
      if (name == "name") return kName;
      if (name == "tags") return kTags;
      if (name == "type") return kType;
      return name == "step" ? kStep : kNone;
    case 5:
      if (name == "value" && form != SampleForm::kCounter) return kValue;
      return name == "slots" ? kSlots : kNone;
    case 9:
      if (name == "raw_value" && form == SampleForm::kCounter) return kValue;
      return name == "metric_id" ? kMetricId : kNone;
    default:
      return kNone;
  }
}

std::string_view ValueName(SampleForm form) {
  return form == SampleForm::kCounter ? "raw_value" : "value";
}

Result<double> ReadNumber(element value, std::string_view what) {
  double number = 0;
  if (!value.is_number() || value.get(number)) {
    return InvalidArgument("{}: must be a number", what);
  }
  if (!std::isfinite(number)) return InvalidArgument("{}: must be finite", what);
  return number;
}

}  // namespace

size_t SampleReader::bytes() const {
  return samples_.size() * sizeof(samples_[0]) + tags_.size() * sizeof(tags_[0]);
}

Status SampleReader::ReadTags(element value) {
  simdjson::dom::object object;
  if (value.get(object)) return InvalidArgument("tags: must be an object of strings");
  const size_t first = tags_.size();
  for (const auto& [key, tag] : object) {
    VARVE_ASSIGN_OR_RETURN(const std::string_view text, JsonText(tag, "a tag's value"));
    if (key.find('\0') != std::string_view::npos) {
      return InvalidArgument("a tag's key: must not have a NUL in it");
    }
    if (tags_.size() - first >= ring::kTagsMax) {
      return InvalidArgument("tags: at most {}", ring::kTagsMax);
    }
    for (size_t i = first; i < tags_.size(); ++i) {
      if (tags_[i].key == key) return InvalidArgument("tags: \"{}\" is there twice", key);
    }
    tags_.push_back({key, text});
  }
  return OkStatus();
}

Status SampleReader::ReadField(SampleForm form, std::string_view name, element value,
                               ingest::SampleInput& sample, uint32_t& seen) {
  const Field field = FieldOf(form, name);
  if (field == kNone) return OkStatus();
  if ((seen & field) != 0) return InvalidArgument("{}: is there twice", name);
  seen |= field;
  if (value.is_null() && field != kTs && field != kValue) return OkStatus();
  switch (field) {
    case kMetricId: {
      VARVE_ASSIGN_OR_RETURN(const int64_t id, JsonInteger(value, name, 1, UINT32_MAX));
      sample.metric = ring::MetricId(static_cast<uint32_t>(id));
      return OkStatus();
    }
    case kName: {
      VARVE_ASSIGN_OR_RETURN(sample.name, JsonText(value, name));
      if (sample.name.empty()) return InvalidArgument("name: must not be empty");
      return OkStatus();
    }
    case kTs: {
      VARVE_ASSIGN_OR_RETURN(sample.ts, JsonInteger(value, name, INT64_MIN, INT64_MAX));
      return OkStatus();
    }
    case kValue: {
      VARVE_ASSIGN_OR_RETURN(sample.value, ReadNumber(value, name));
      return OkStatus();
    }
    case kTags:
      return ReadTags(value);
    case kType: {
      VARVE_ASSIGN_OR_RETURN(const ring::MetricType type, JsonType(value));
      if (sample.type && *sample.type != type) {
        return InvalidArgument("type: contradicts the call");
      }
      sample.type = type;
      return OkStatus();
    }
    default: {
      const int64_t max = field == kStep ? ring::kStepSecondsMax : ring::kSlotsMax;
      VARVE_ASSIGN_OR_RETURN(const int64_t count, JsonInteger(value, name, 1, max));
      (field == kStep ? sample.step_seconds : sample.slots) = static_cast<uint32_t>(count);
      return OkStatus();
    }
  }
}

Status SampleReader::ReadSample(SampleForm form, element value, ingest::SampleInput& sample) {
  simdjson::dom::object object;
  if (value.get(object)) return InvalidArgument("a sample: must be an object");
  if (form == SampleForm::kGauge) sample.type = ring::MetricType::kGauge;
  if (form == SampleForm::kCounter) sample.type = ring::MetricType::kCounter;
  uint32_t seen = 0;
  for (const auto& [name, field] : object) {
    VARVE_RETURN_IF_ERROR(ReadField(form, name, field, sample, seen));
  }
  if ((seen & kTs) == 0) return InvalidArgument("ts: required");
  if ((seen & kValue) == 0) return InvalidArgument("{}: required", ValueName(form));
  if (!sample.metric && sample.name.empty()) return InvalidArgument("metric_id or name: required");
  return OkStatus();
}

Status SampleReader::ReadBatch(element root) {
  VARVE_ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::Of(root, "the body"));
  VARVE_ASSIGN_OR_RETURN(const element list, fields.Require("samples"));
  simdjson::dom::array array;
  if (list.get(array)) return InvalidArgument("samples: must be an array");
  if (array.size() > kRequestSamplesMax) {
    return ResourceExhausted("samples: at most {} in one request", kRequestSamplesMax);
  }
  samples_.reserve(array.size());
  for (const element value : array) {
    const Status status = ReadSample(SampleForm::kBatch, value, samples_.emplace_back());
    if (!status.ok()) return Annotate(status, fmt::format("samples[{}]", samples_.size() - 1));
    tag_ends_.push_back(tags_.size());
  }
  return OkStatus();
}

Result<std::span<const ingest::SampleInput>> SampleReader::Read(SampleForm form,
                                                                std::string& body) {
  samples_.clear();
  tags_.clear();
  tag_ends_.clear();
  VARVE_ASSIGN_OR_RETURN(const element root, document_.Parse(body));
  if (form == SampleForm::kBatch) {
    VARVE_RETURN_IF_ERROR(ReadBatch(root));
  } else {
    VARVE_RETURN_IF_ERROR(ReadSample(form, root, samples_.emplace_back()));
    tag_ends_.push_back(tags_.size());
  }
  size_t begin = 0;
  for (size_t i = 0; i < samples_.size(); ++i) {
    samples_[i].tags = std::span(tags_).subspan(begin, tag_ends_[i] - begin);
    begin = tag_ends_[i];
  }
  return std::span<const ingest::SampleInput>(samples_);
}

}  // namespace varve::server
