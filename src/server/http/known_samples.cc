#include "server/http/known_samples.h"

#include <algorithm>
#include <utility>

namespace varve::server {
namespace {

// Changes of the rings wait while metrics are looked up.
constexpr size_t kSamplesPerLook = 1000;

class KnownMetrics {
 public:
  explicit KnownMetrics(const ring::MetricFinder& finder) : finder_(finder) {}

  bool Has(const ingest::SampleInput& sample) {
    tags_.clear();
    for (const auto& tag : sample.tags) tags_.push_back({tag.key, tag.value});
    std::sort(tags_.begin(), tags_.end(),
              [](const ring::TagView& a, const ring::TagView& b) { return a.key < b.key; });
    return finder_.Find(sample.name, tags_) != nullptr;
  }

 private:
  const ring::MetricFinder& finder_;
  std::vector<ring::TagView> tags_;
};

}  // namespace

size_t KeepKnown(const ring::RingStore& rings, std::vector<ingest::SampleInput>& samples) {
  size_t kept = 0;
  for (size_t begin = 0; begin < samples.size(); begin += kSamplesPerLook) {
    const size_t end = std::min(begin + kSamplesPerLook, samples.size());
    rings.WithMetrics([&](const ring::MetricFinder& finder) {
      KnownMetrics known(finder);
      for (size_t i = begin; i < end; ++i) {
        if (known.Has(samples[i])) samples[kept++] = samples[i];
      }
    });
  }
  samples.resize(kept);
  return kept;
}

}  // namespace varve::server
