// Gives the points of one ring, summed up by buckets: GET /metrics/{id}/series.
#include <algorithm>

#include "ring/ring_store.h"
#include "server/http/http_limits.h"
#include "server/http/json_writer.h"
#include "server/http/routes.h"
#include "server/http/series.h"
#include "server/http/url_parameters.h"

namespace varve::server {
namespace {

struct SeriesQuery {
  ring::SecondsRange range;
  int64_t bucket = 1;
};

Result<SeriesQuery> ReadQuery(const HttpCall& call) {
  VARVE_ASSIGN_OR_RETURN(const Parameters parameters, call.Parameters());
  VARVE_ASSIGN_OR_RETURN(const auto start, NumberOf(parameters, "start_ts", INT64_MIN, INT64_MAX));
  VARVE_ASSIGN_OR_RETURN(const auto end, NumberOf(parameters, "end_ts", INT64_MIN, INT64_MAX));
  VARVE_ASSIGN_OR_RETURN(const auto bucket, NumberOf(parameters, "bucket", 1, INT64_MAX));
  SeriesQuery query;
  query.range.start = start.value_or(query.range.start);
  query.range.end = end.value_or(query.range.end);
  query.bucket = bucket.value_or(1);
  if (query.range.start > query.range.end) {
    return InvalidArgument("start_ts: {} is after end_ts: {}", query.range.start, query.range.end);
  }
  return query;
}

// So many points the ring can have in the range, whatever it has.
size_t PointsMax(const ring::RingShape& shape, const ring::SecondsRange& range) {
  const int64_t start = std::clamp(range.start, int64_t{0}, ring::kTsMax);
  const int64_t end = std::clamp(range.end, int64_t{0}, ring::kTsMax);
  const int64_t steps = end / shape.step_seconds - start / shape.step_seconds + 1;
  return static_cast<size_t>(std::min<int64_t>(steps, shape.slots));
}

Result<std::string> SeriesJson(const std::vector<SeriesRow>& rows) {
  std::string out = R"({"rows":[)";
  out.reserve(std::min(48 * rows.size() + 16, kAnswerBytesMax));
  for (const SeriesRow& row : rows) {
    if (out.back() == '}') out += ',';
    out += R"({"bucket":)";
    AppendJsonNumber(row.bucket, out);
    out += R"(,"value":)";
    if (row.value) {
      AppendJsonNumber(*row.value, out);
    } else {
      out += "null";
    }
    out += '}';
    if (out.size() > kAnswerBytesMax) {
      return SqlErrorf(sqlstate::kStatementTooComplex,
                       "the series is larger than {} MB; ask for a larger bucket or a shorter time",
                       kAnswerBytesMax >> 20);
    }
  }
  out += "]}";
  return out;
}

Result<HttpAnswer> Series(const HttpCall& call) {
  VARVE_ASSIGN_OR_RETURN(const ring::MetricId id, MetricIdOf(call.captured.at(0)));
  VARVE_ASSIGN_OR_RETURN(const SeriesQuery query, ReadQuery(call));
  const ring::RingStore& rings = *call.services->rings;
  const ring::MetricRef metric = rings.Find(id);
  if (metric == nullptr) return NotFound("metric {} does not exist", id.value);
  const size_t points_max = PointsMax(metric->shape, query.range);
  if (points_max > kSeriesPointsMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex,
                     "from start_ts to end_ts are {} slots, and a series has at most {}; ask for a "
                     "shorter time",
                     points_max, kSeriesPointsMax);
  }
  const size_t bytes_max = points_max * (sizeof(ring::Point) + sizeof(SeriesRow));
  if (!call.held->RaiseTo(call.body.size() + bytes_max)) {
    return SqlError(sqlstate::kOutOfMemory, "too many bytes of series are being read");
  }
  std::vector<ring::Point> points;
  VARVE_RETURN_IF_ERROR(rings.Read(id, query.range, points));
  VARVE_ASSIGN_OR_RETURN(std::string body, SeriesJson(metric->type == ring::MetricType::kCounter
                                                          ? CounterRates(points, query.bucket)
                                                          : BucketAverages(points, query.bucket)));
  return JsonAnswer(std::move(body));
}

}  // namespace

void AddSeriesCall(HttpRouter& router) {
  router.AddBlocking(HttpVerb::get, "/metrics/{id}/series", Series);
}

}  // namespace varve::server
