// Reads samples out of the JSON of the ingest calls, without a copy of their texts.
//
// Role:     body of /ingest/* -> [SampleReader] -> ingest::RingWriter.
// Layout:   /ingest/gauge: one object with `value`; /ingest/counter: with `raw_value`;
//           /ingest/batch: {"samples": [...]}, each with `value` and perhaps `type`. Unknown fields
//           are passed over.
// Limits:   kRequestSamplesMax samples.
// Errors:   as JsonDocument's, and for each field its name; in a batch with the sample's index
//           first. ResourceExhausted: more samples than the limit.
// Threads:  one owner; what Read returned lives until its next call.
#pragma once

#include <simdjson.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ingest/ring_writer.h"
#include "server/http/json_reader.h"

namespace varve::server {

enum class SampleForm { kGauge, kCounter, kBatch };

class SampleReader {
 public:
  Result<std::span<const ingest::SampleInput>> Read(SampleForm form, std::string& body);
  // Of the memory that the samples of the last Read take here.
  size_t bytes() const;

 private:
  Status ReadBatch(simdjson::dom::element root);
  Status ReadSample(SampleForm form, simdjson::dom::element element, ingest::SampleInput& sample);
  Status ReadField(SampleForm form, std::string_view name, simdjson::dom::element value,
                   ingest::SampleInput& sample, uint32_t& seen);
  Status ReadTags(simdjson::dom::element value);

  JsonDocument document_;
  std::vector<ingest::SampleInput> samples_;
  // Of all samples; a sample's span is set when the last one is in its place.
  std::vector<ingest::TagInput> tags_;
  std::vector<size_t> tag_ends_;  // by sample
};

}  // namespace varve::server
