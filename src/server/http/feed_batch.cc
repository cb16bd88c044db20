#include "server/http/feed_batch.h"

namespace varve::server {

char* FeedBatch::Allocate(size_t bytes) { return static_cast<char*>(text_->allocate(bytes, 1)); }

void FeedBatch::AddSample(std::string_view name, std::optional<ring::MetricType> type, int64_t ts,
                          double value) {
  const auto tag_count = static_cast<uint32_t>(tags_.size() - tags_begin_);
  samples_.push_back({name, tags_begin_, tag_count, type, ts, value});
}

std::vector<ingest::SampleInput> FeedBatch::Inputs(const FeedShape& shape) const {
  std::vector<ingest::SampleInput> inputs;
  inputs.reserve(samples_.size());
  for (const Sample& sample : samples_) {
    ingest::SampleInput& input = inputs.emplace_back();
    input.name = sample.name;
    input.tags = std::span(tags_).subspan(sample.tags_begin, sample.tag_count);
    input.type = sample.type;
    input.step_seconds = shape.step_seconds;
    input.slots = shape.slots;
    input.shape_if_new = true;
    input.ts = sample.ts;
    input.value = sample.value;
  }
  return inputs;
}

}  // namespace varve::server
