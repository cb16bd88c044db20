#include "server/http/remote_write.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/http/protobuf_reader.h"

namespace varve::server {
namespace {

using Wire = ProtobufReader::Wire;

// Field numbers of the messages.
constexpr uint32_t kRequestSeries = 1, kRequestMetadata = 3;
constexpr uint32_t kSeriesLabels = 1, kSeriesSamples = 2, kSeriesExemplars = 3,
                   kSeriesHistograms = 4;
constexpr uint32_t kLabelName = 1, kLabelValue = 2;
constexpr uint32_t kSampleValue = 1, kSampleTime = 2;
constexpr uint32_t kMetadataType = 1, kMetadataFamily = 2;

// Of MetricMetadata.type; gauges and the rarer ones are of no interest here.
enum class FamilyType : uint64_t { kUnknown = 0, kCounter = 1, kHistogram = 3, kSummary = 5 };
// Metadata is a convenience: what a request has beyond this is not looked at.
constexpr size_t kFamiliesMax = 100'000;

using Families = std::unordered_map<std::string_view, FamilyType>;

Status Broken(std::string_view what) {
  return InvalidArgument("the body is no remote write 1.0 request: {}", what);
}

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// Reads the metadata and, on the way, that every part of the request is of the type it shall be.
Result<Families> ReadFamilies(std::string_view message) {
  Families families;
  ProtobufReader request(message);
  while (request.Next()) {
    if (request.field() == kRequestSeries && !request.Is(kRequestSeries, Wire::kBytes)) {
      return Broken("a series that is no message");
    }
    if (!request.Is(kRequestMetadata, Wire::kBytes)) continue;
    ProtobufReader metadata(request.bytes());
    FamilyType type = FamilyType::kUnknown;
    std::string_view family;
    while (metadata.Next()) {
      if (metadata.Is(kMetadataType, Wire::kVarint)) type = FamilyType{metadata.number()};
      if (metadata.Is(kMetadataFamily, Wire::kBytes)) family = metadata.bytes();
    }
    if (metadata.broken()) return Broken("broken metadata");
    if (type != FamilyType::kUnknown && families.size() < kFamiliesMax) families[family] = type;
  }
  if (request.broken()) return Broken("broken protobuf");
  return families;
}

bool TakeSuffix(std::string_view& name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  return true;
}

ring::MetricType TypeOf(std::string_view name, const Families& families) {
  const auto as_counter = [](bool counter) {
    return counter ? ring::MetricType::kCounter : ring::MetricType::kGauge;
  };
  if (const auto found = families.find(name); found != families.end()) {
    return as_counter(found->second == FamilyType::kCounter);
  }
  std::string_view family = name;
  if (TakeSuffix(family, "_total")) return as_counter(true);
  if (TakeSuffix(family, "_bucket") || TakeSuffix(family, "_count") || TakeSuffix(family, "_sum")) {
    const auto found = families.find(family);
    return as_counter(found == families.end() || found->second == FamilyType::kHistogram ||
                      found->second == FamilyType::kSummary);
  }
  return ring::MetricType::kGauge;
}

// Reads one series after another into the batch of a RemoteWrite.
class SeriesReader {
 public:
  SeriesReader(RemoteWrite& to, const Families& families) : to_(to), families_(families) {}

  Status Read(std::string_view message) {
    name_ = {};
    problem_.clear();
    samples_.clear();
    to_.batch.StartTags();
    ProtobufReader series(message);
    while (series.Next()) {
      if (series.field() > kSeriesHistograms) continue;  // Of a later 1.x.
      if (!series.Is(series.field(), Wire::kBytes))
        return Broken("a label or sample of no message");
      switch (series.field()) {
        case kSeriesLabels:
          VARVE_RETURN_IF_ERROR(ReadLabel(series.bytes()));
          break;
        case kSeriesSamples:
          VARVE_RETURN_IF_ERROR(ReadSample(series.bytes()));
          break;
        case kSeriesExemplars:
          ++to_.exemplars;
          break;
        case kSeriesHistograms:
          ++to_.histograms;
          break;
      }
    }
    if (series.broken()) return Broken("a broken series");
    Finish();
    return OkStatus();
  }

 private:
  struct Sample {
    double value = 0;
    int64_t milliseconds = 0;
  };

  Status ReadLabel(std::string_view message) {
    std::string_view key;
    std::string_view value;
    ProtobufReader label(message);
    while (label.Next()) {
      if (label.Is(kLabelName, Wire::kBytes)) key = label.bytes();
      if (label.Is(kLabelValue, Wire::kBytes)) value = label.bytes();
    }
    if (label.broken()) return Broken("a broken label");
    if (value.empty()) return OkStatus();
    if (!IsUtf8(key) || !IsUtf8(value)) problem_ = "a label that is not UTF-8";
    if (key == "__name__") {
      if (!name_.empty()) problem_ = "two names";
      name_ = value;
      return OkStatus();
    }
    const Status checked = ring::CheckTag({key, value});
    if (!checked.ok()) problem_ = MessageOf(checked);
    const auto tags = to_.batch.tags();
    // Senders sort labels; only where one did not is there something to search.
    if (!tags.empty() && tags.back().key >= key &&
        std::any_of(tags.begin(), tags.end(), [&](const auto& tag) { return tag.key == key; })) {
      problem_ = "a label twice";
    }
    if (tags.size() == ring::kTagsMax) {
      problem_ = "too many labels";
    } else {
      to_.batch.AddTag(key, value);
    }
    return OkStatus();
  }

  Status ReadSample(std::string_view message) {
    Sample sample;
    ProtobufReader reader(message);
    while (reader.Next()) {
      if (reader.Is(kSampleValue, Wire::kFixed64)) {
        sample.value = std::bit_cast<double>(reader.number());
      }
      if (reader.Is(kSampleTime, Wire::kVarint)) {
        sample.milliseconds = static_cast<int64_t>(reader.number());
      }
    }
    if (reader.broken()) return Broken("a broken sample");
    if (!std::isfinite(sample.value)) {
      ++to_.not_finite;
      return OkStatus();
    }
    if (samples_.size() + to_.batch.size() >= kRequestSamplesMax) {
      return ResourceExhausted("the request has more than {} samples", kRequestSamplesMax);
    }
    samples_.push_back(sample);
    return OkStatus();
  }

  void Finish() {
    const Status checked = ring::CheckName(name_);
    if (!checked.ok()) problem_ = name_.empty() ? "no label __name__" : MessageOf(checked);
    if (!problem_.empty() || samples_.empty()) {
      for (size_t i = 0; i < samples_.size(); ++i) Refuse(problem_);
      return;
    }
    const ring::MetricType type = TypeOf(name_, families_);
    for (const Sample& sample : samples_) {
      const int64_t seconds = sample.milliseconds / 1000;
      if (sample.milliseconds < 0 || seconds > kFeedSecondsMax) {
        Refuse("a time before 1970 or after 2106");
      } else {
        to_.batch.AddSample(name_, type, seconds, sample.value);
      }
    }
  }

  void Refuse(std::string_view why) {
    if (++to_.refused > 1) return;
    to_.refusal = fmt::format("series {}: {}", name_.substr(0, ring::kNameBytesMax), why);
  }

  RemoteWrite& to_;
  const Families& families_;
  // Of the series that is being read.
  std::string_view name_;
  std::string problem_;
  std::vector<Sample> samples_;
};

}  // namespace

Result<RemoteWrite> DecodeRemoteWrite(std::string_view message) {
  RemoteWrite write;
  VARVE_ASSIGN_OR_RETURN(const Families families, ReadFamilies(message));
  SeriesReader reader(write, families);
  ProtobufReader request(message);
  while (request.Next()) {
    if (request.field() == kRequestSeries) VARVE_RETURN_IF_ERROR(reader.Read(request.bytes()));
  }
  return write;
}

}  // namespace varve::server
