// Reads what Prometheus and its kin send by remote write 1.0 into samples for rings.
//
// Role:     server/http (POST /api/v1/write) -> [DecodeRemoteWrite] -> ingest::RingWriter.
// Layout:   the protobuf message prometheus.WriteRequest, unpacked: series (1) of labels (1:
//           name 1, value 2), samples (2: value 1, milliseconds 2), exemplars 3, histograms 4;
//           metadata (3) of type (1) and family name (2). Spec: Prometheus Remote-Write 1.0.
// Rules:    label __name__ is the metric's name, the others its tags; an empty one means that it
//           is absent. Milliseconds are floored to seconds. Values that a ring cannot hold (stale
//           markers, NaN, infinities) are left out and counted, so are exemplars and native
//           histograms. A new metric is a counter when the request's metadata says so (counter;
//           histogram and summary for _bucket, _count, _sum), else when its name ends in _total,
//           _bucket, _count or _sum; else a gauge.
//           A series that no ring can have is refused and the rest of the request taken.
// Limits:   kRequestSamplesMax samples.
// Errors:   InvalidArgument: no WriteRequest. ResourceExhausted: beyond the limit.
// Threads:  pure.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "server/http/feed_batch.h"

namespace varve::server {

struct RemoteWrite {
  FeedBatch batch;  // its views are into `message`
  uint64_t not_finite = 0;
  uint64_t exemplars = 0;
  uint64_t histograms = 0;
  uint64_t refused = 0;  // samples of series that no ring can have
  std::string refusal;   // why, for the first of them
};

Result<RemoteWrite> DecodeRemoteWrite(std::string_view message);

}  // namespace varve::server
