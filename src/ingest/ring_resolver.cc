#include "ingest/ring_resolver.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/bytes.h"

namespace varve::ingest {
namespace {

using ring::Metric;
using ring::MetricType;
using ring::Tag;
using ring::TagView;

// What is looked at while changes of rings, and with them all commits, have to wait.
constexpr size_t kPieceSamples = 1000;

// A client's text in a message to it.
std::string_view Shown(std::string_view text) {
  constexpr size_t kShownBytesMax = 256;
  if (text.size() > kShownBytesMax) return "(long text)";
  return simdjson::validate_utf8(text.data(), text.size()) ? text : "(text that is not UTF-8)";
}

std::string Label(const Metric& metric) {
  if (metric.id.value == 0) return fmt::format("new metric {}", Shown(metric.name));
  return fmt::format("metric {} ({})", metric.id.value, Shown(metric.name));
}

// Lengths first: no two metrics have the same key, whatever bytes a client sends.
template <typename AnyTag>
std::string KeyOf(std::string_view name, std::span<const AnyTag> tags) {
  std::string key;
  const auto append = [&key](std::string_view part) {
    AppendLittle(key, static_cast<uint32_t>(part.size()));
    key += part;
  };
  append(name);
  for (const AnyTag& tag : tags) {
    append(tag.key);
    append(tag.value);
  }
  return key;
}

Status CheckUtf8(std::string_view what, std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return OkStatus();
  return InvalidArgument("{} is not valid UTF-8", what);
}

Status CheckNew(const Metric& metric) {
  VARVE_RETURN_IF_ERROR(CheckUtf8("the name", metric.name));
  for (const Tag& tag : metric.tags) {
    VARVE_RETURN_IF_ERROR(CheckUtf8("the key of a tag", tag.key));
    VARVE_RETURN_IF_ERROR(CheckUtf8("the value of a tag", tag.value));
  }
  return CheckMetric(metric);
}

// What the client gave against what the metric has.
Status CheckSame(const Metric& metric, const SampleInput& input) {
  if (input.shape_if_new) return OkStatus();
  if (input.type && *input.type != metric.type) {
    return InvalidArgument("{} is a {}, not a {}", Label(metric), NameOf(metric.type),
                           NameOf(*input.type));
  }
  if (input.step_seconds && *input.step_seconds != metric.shape.step_seconds) {
    return InvalidArgument("{} has step {}, not {}", Label(metric), metric.shape.step_seconds,
                           *input.step_seconds);
  }
  if (input.slots && *input.slots != metric.shape.slots) {
    return InvalidArgument("{} has {} slots, not {}", Label(metric), metric.shape.slots,
                           *input.slots);
  }
  return OkStatus();
}

// Of a sample that names its metric by id: name and tags may be given too, and must agree.
Status CheckBound(const Metric& metric, const SampleInput& input) {
  if (!input.name.empty() && input.name != metric.name) {
    return InvalidArgument("{} is not {}", Label(metric), Shown(input.name));
  }
  for (const TagInput& given : input.tags) {
    const auto at = std::lower_bound(
        metric.tags.begin(), metric.tags.end(), given.key,
        [](const Tag& tag, std::string_view key) { return std::string_view(tag.key) < key; });
    if (at == metric.tags.end() || at->key != given.key) {
      return InvalidArgument("{} has no tag {}", Label(metric), Shown(given.key));
    }
    if (at->value != given.value) {
      return InvalidArgument("{} has {}=\"{}\", not \"{}\"", Label(metric), Shown(given.key),
                             at->value, Shown(given.value));
    }
  }
  return OkStatus();
}

bool SameTags(std::span<const TagInput> a, std::span<const TagInput> b) {
  if (a.data() == b.data() && a.size() == b.size()) return true;
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const TagInput& x, const TagInput& y) { return x.key == y.key && x.value == y.value; });
}

// One request. Keeps what it needs from sample to sample, so that a known metric costs a look-up
// and no allocation, and the second sample in a row of one metric not even that.
class Walk {
 public:
  Walk(const RingDefaults& defaults, NewMetrics& fresh, size_t samples)
      : defaults_(defaults), fresh_(fresh) {
    out_.samples.reserve(samples);
  }

  // The next samples, while nobody changes the metrics. Of one of a new metric the id stays open.
  Status Run(const ring::MetricFinder& known, std::span<const SampleInput> inputs) {
    last_ = nullptr;  // A metric that was found before may have gone since.
    for (const SampleInput& input : inputs) VARVE_RETURN_IF_ERROR(Add(known, input));
    return OkStatus();
  }
  size_t done() const { return out_.samples.size(); }
  ResolvedSamples Finish() {
    fresh_.GiveIds();
    for (const auto& [index, metric] : open_) out_.samples[index].metric = metric->id;
    return std::move(out_);
  }

 private:
  Status Add(const ring::MetricFinder& known, const SampleInput& input) {
    if (!IsOfTheSameMetric(input)) {
      VARVE_RETURN_IF_ERROR(Find(known, input));
    } else if (input.metric) {
      VARVE_RETURN_IF_ERROR(CheckBound(*metric_, input));
    }
    VARVE_RETURN_IF_ERROR(CheckSame(*metric_, input));
    if (input.ts < 0 || input.ts > ring::kTsMax || !std::isfinite(input.value)) {
      return ring::CheckSample(input.ts, input.value);
    }
    if (known_) {
      ++out_.of_known_metrics;
    } else {
      open_.emplace_back(out_.samples.size(), metric_);
    }
    out_.samples.push_back({metric_->id, input.ts, input.value});
    last_ = &input;
    return OkStatus();
  }
  bool IsOfTheSameMetric(const SampleInput& input) const {
    if (last_ == nullptr || input.metric != last_->metric) return false;
    return input.metric || (input.name == last_->name && SameTags(input.tags, last_->tags));
  }
  Status Find(const ring::MetricFinder& known, const SampleInput& input) {
    if (!input.metric) return FindByName(known, input);
    metric_ = known.Find(*input.metric);
    if (metric_ == nullptr) return NotFound("no metric has the id {}", input.metric->value);
    known_ = true;
    return CheckBound(*metric_, input);
  }
  Status FindByName(const ring::MetricFinder& known, const SampleInput& input) {
    if (input.name.empty()) return InvalidArgument("metric_id or name is needed");
    VARVE_RETURN_IF_ERROR(SortTags(input.tags));
    metric_ = known.Find(input.name, tags_);
    known_ = metric_ != nullptr;
    if (!known_) metric_ = fresh_.Find(input.name, tags_);
    return metric_ == nullptr ? MakeMetric(input) : OkStatus();
  }
  Status SortTags(std::span<const TagInput> tags) {
    tags_.assign(tags.begin(), tags.end());
    const auto by_key = [](const TagView& a, const TagView& b) { return a.key < b.key; };
    if (!std::is_sorted(tags_.begin(), tags_.end(), by_key)) {
      std::sort(tags_.begin(), tags_.end(), by_key);
    }
    const auto twice =
        std::adjacent_find(tags_.begin(), tags_.end(),
                           [](const TagView& a, const TagView& b) { return a.key == b.key; });
    if (twice == tags_.end()) return OkStatus();
    return InvalidArgument("tag {} is there twice", Shown(twice->key));
  }
  Status MakeMetric(const SampleInput& input) {
    Metric metric;
    metric.name = input.name;
    for (const TagView& tag : tags_) {
      metric.tags.push_back({std::string(tag.key), std::string(tag.value)});
    }
    metric.type = input.type.value_or(MetricType::kGauge);
    metric.shape.step_seconds = input.step_seconds.value_or(defaults_.shape.step_seconds);
    metric.shape.slots = input.slots.value_or(defaults_.shape.slots);
    VARVE_RETURN_IF_ERROR(CheckNew(metric));
    metric_ = &fresh_.Add(std::move(metric));
    return OkStatus();
  }

  const RingDefaults& defaults_;
  NewMetrics& fresh_;
  ResolvedSamples out_;
  std::vector<std::pair<size_t, const Metric*>> open_;  // samples of new metrics
  std::vector<TagView> tags_;
  // Of the last sample.
  const SampleInput* last_ = nullptr;
  const Metric* metric_ = nullptr;
  bool known_ = false;
};

}  // namespace

const Metric* NewMetrics::Find(std::string_view name, std::span<const TagView> tags) const {
  if (metrics_.empty()) return nullptr;
  const auto at = by_key_.find(KeyOf(name, tags));
  return at == by_key_.end() ? nullptr : at->second;
}

const Metric& NewMetrics::Add(Metric metric) {
  const Metric& kept = metrics_.emplace_back(std::move(metric));
  by_key_.emplace(KeyOf(kept.name, std::span(kept.tags)), &kept);
  return kept;
}

void NewMetrics::GiveIds() {
  for (; with_id_ < metrics_.size(); ++with_id_) metrics_[with_id_].id = take_id_();
}

std::vector<ring::MetricId> NewMetrics::ShrinkTo(size_t count) {
  std::vector<ring::MetricId> ids;
  while (metrics_.size() > count) {
    const Metric& last = metrics_.back();
    if (metrics_.size() <= with_id_) ids.push_back(last.id);
    by_key_.erase(KeyOf(last.name, std::span(last.tags)));
    metrics_.pop_back();
  }
  with_id_ = std::min(with_id_, count);
  std::reverse(ids.begin(), ids.end());
  return ids;
}

Result<ResolvedSamples> RingResolver::Resolve(std::span<const SampleInput> samples,
                                              NewMetrics& fresh) const {
  Walk walk(defaults_, fresh, samples.size());
  for (size_t begin = 0; begin < samples.size(); begin += kPieceSamples) {
    const auto piece = samples.subspan(begin, std::min(kPieceSamples, samples.size() - begin));
    Status walked;
    rings_.WithMetrics([&](const ring::MetricFinder& known) { walked = walk.Run(known, piece); });
    if (walked.ok()) continue;
    if (samples.size() == 1) return walked;
    return Annotate(walked, fmt::format("samples[{}]", walk.done()));
  }
  return walk.Finish();
}

}  // namespace varve::ingest
