// Holds one atomic change of rings and puts it into, and takes it out of, a log record.
//
// Role:     ingest::RingWriter -> [EncodeChange] -> log record kRingSamples -> [DecodeChange] ->
//           RingStore::Apply. Samples carry their time, not a window: a ring's step may change
//           between the request and its record.
// Layout:   docs/formats/ring.md, "Log record".
// Errors:   DataLoss for bytes that are no change.
// Threads:  values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ring/metric.h"

namespace varve::ring {

struct DropMetric {
  MetricId id;
};
struct ReshapeMetric {
  MetricId id;
  RingShape shape;
};

// Applied in this order: new metrics, samples, then drops and changes of shape.
struct RingChange {
  std::vector<Metric> created;
  std::vector<Sample> samples;
  std::vector<DropMetric> dropped;
  std::vector<ReshapeMetric> reshaped;
};

void EncodeChange(const RingChange& change, std::string& out);
Result<RingChange> DecodeChange(std::string_view payload);

}  // namespace varve::ring
