// Reads InfluxDB's line protocol into samples for rings.
//
// Role:     server/http (POST /write, /api/v2/write) -> [DecodeInfluxLines] -> ingest::RingWriter.
// Layout:   measurement[,tag=value]* field=value[,field=value]* [time], one point a line; comments
//           begin with #. In names and tags a backslash takes the meaning from comma, space and
//           equals sign, in strings from quote and backslash.
// Rules:    a field is a metric of its own, a gauge, named measurement_field, or as the measurement
//           alone when the field's name is `value` (Telegraf names its metrics for Prometheus so).
//           Integers (1i, 2u) become doubles, booleans 1 and 0; strings are left out and counted.
//           A point's time is floored to seconds; a point without one is of `now`.
// Limits:   kRequestSamplesMax samples.
// Errors:   InvalidArgument with the number of the line, for the first line that is wrong; nothing
//           of the body counts then. ResourceExhausted: beyond the limit.
// Threads:  pure.
#pragma once

#include <string_view>

#include "base/status.h"
#include "server/http/feed_batch.h"

namespace varve::server {

// A time of `per_second` units in a second, each of `seconds` seconds; one of the two is 1.
struct InfluxPrecision {
  int64_t per_second = 1'000'000'000;
  int64_t seconds = 1;
};

// Of n, ns, u, us, ms, s, m, h; nanoseconds when empty. InvalidArgument for others.
Result<InfluxPrecision> ParseInfluxPrecision(std::string_view name);

struct InfluxLines {
  FeedBatch batch;       // its views are into `body` too
  uint64_t strings = 0;  // fields left out
};

Result<InfluxLines> DecodeInfluxLines(std::string_view body, InfluxPrecision precision,
                                      int64_t now_seconds);

}  // namespace varve::server
