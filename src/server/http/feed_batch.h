// Collects the samples of one request of a foreign protocol, with the text that they point into.
//
// Role:     remote_write, influx_line -> [FeedBatch] -> Inputs -> ingest::RingWriter.
// Limits:   kRequestSamplesMax samples, which the decoders watch.
// Threads:  not thread-safe; movable, and the views stay valid when it is moved.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "ingest/ring_writer.h"
#include "ring/metric.h"
#include "server/http/http_limits.h"

namespace varve::server {

// Seconds that any step can hold: a window is 32 bits.
inline constexpr int64_t kFeedSecondsMax = UINT32_MAX;

// Of the request's URL: how metrics that it makes are shaped.
struct FeedShape {
  std::optional<uint32_t> step_seconds;
  std::optional<uint32_t> slots;
};

class FeedBatch {
 public:
  // Memory of this batch, not initialised.
  char* Allocate(size_t bytes);

  // The tags of the samples that are added from here on.
  void StartTags() { tags_begin_ = tags_.size(); }
  void AddTag(std::string_view key, std::string_view value) { tags_.push_back({key, value}); }
  std::span<const ingest::TagInput> tags() const { return std::span(tags_).subspan(tags_begin_); }

  void AddSample(std::string_view name, std::optional<ring::MetricType> type, int64_t ts,
                 double value);
  size_t size() const { return samples_.size(); }

  // The views are into this batch and into what was given to it.
  std::vector<ingest::SampleInput> Inputs(const FeedShape& shape) const;

 private:
  struct Sample {
    std::string_view name;
    size_t tags_begin;
    uint32_t tag_count;
    std::optional<ring::MetricType> type;
    int64_t ts;
    double value;
  };

  std::unique_ptr<std::pmr::monotonic_buffer_resource> text_ =
      std::make_unique<std::pmr::monotonic_buffer_resource>();
  std::vector<ingest::TagInput> tags_;
  std::vector<Sample> samples_;
  size_t tags_begin_ = 0;
};

}  // namespace varve::server
