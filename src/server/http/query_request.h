// Reads what POST /query asks: which metrics, which time, and the SQL with its placeholders filled
// in.
//
// Layout:   {metric_ids?, selectors?: [{metric, tags?, alias?}], start_ts, end_ts, sql}. A
//           selector's alias is S1, S2, ... by its place unless it is given; {{alias}} in the SQL
//           becomes the one id that the selector matched.
// Limits:   kQueryMetricsMax metrics, of a selector and of all together; the bytes below.
// Errors:   InvalidArgument for all that contradicts these rules; NotFound for an unknown id; 54000
//           for too much SQL.
// Threads:  no shared state.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ring/ring_store.h"

namespace varve::server {

inline constexpr size_t kQueryMetricsMax = 500;
inline constexpr size_t kAliasBytesMax = 256;
inline constexpr size_t kQuerySqlBytesMax = size_t{1} << 20;

struct QueryRequest {
  std::vector<ring::MetricId> metrics;  // ascending, each once
  ring::SecondsRange range;
  std::string sql;
};

// Which ids a name in {{}} stands for.
using QueryAliases = std::map<std::string, std::vector<ring::MetricId>, std::less<>>;

// `body` may be moved to a larger place.
Result<QueryRequest> ReadQueryRequest(std::string& body, const ring::RingStore& rings);

// What is no name between double braces stays as it is. Around a name there may be a few blanks.
Result<std::string> FillPlaceholders(std::string_view sql, const QueryAliases& aliases);

}  // namespace varve::server
