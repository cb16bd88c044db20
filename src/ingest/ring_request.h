// Keeps a request of samples beyond the call that brought it, texts included.
//
// Role:     RingWriter::WriteAsync -> [RingRequest] -> its queue of requests that make metrics.
// Threads:  a value that moves.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "ingest/ring_writer.h"

namespace varve::ingest {

class RingRequest {
 public:
  explicit RingRequest(std::span<const SampleInput> samples)
      : samples_(samples.begin(), samples.end()) {
    size_t tags = 0;
    size_t text_bytes = 0;
    EachText(samples, [&](std::string_view text) { text_bytes += text.size(); }, &tags);
    tags_.reserve(tags);
    text_ = std::make_unique<char[]>(text_bytes);
    Copy();
    bytes_ = sizeof(*this) + samples_.size() * sizeof(SampleInput) +
             tags_.size() * sizeof(TagInput) + text_bytes;
  }

  std::span<const SampleInput> samples() const { return samples_; }
  size_t bytes() const { return bytes_; }

 private:
  template <typename Visit>
  static void EachText(std::span<const SampleInput> samples, Visit visit, size_t* tags) {
    for (const SampleInput& sample : samples) {
      visit(sample.name);
      *tags += sample.tags.size();
      for (const TagInput& tag : sample.tags) {
        visit(tag.key);
        visit(tag.value);
      }
    }
  }
  void Copy() {
    char* next = text_.get();
    const auto keep = [&next](std::string_view text) {
      if (text.empty()) return std::string_view();
      std::memcpy(next, text.data(), text.size());
      next += text.size();
      return std::string_view(next - text.size(), text.size());
    };
    for (SampleInput& sample : samples_) {
      sample.name = keep(sample.name);
      const size_t first = tags_.size();
      for (const TagInput& tag : sample.tags) tags_.push_back({keep(tag.key), keep(tag.value)});
      sample.tags = std::span(tags_).subspan(first);
    }
  }

  std::vector<SampleInput> samples_;
  std::vector<TagInput> tags_;  // never grows beyond what was reserved: samples_ point into it
  std::unique_ptr<char[]> text_;
  size_t bytes_ = 0;
};

}  // namespace varve::ingest
