#include "server/http/query_request.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "server/http/json_metric.h"
#include "server/http/json_reader.h"

namespace varve::server {
namespace {

using simdjson::dom::element;

// Of a placeholder: the alias with blanks around it.
constexpr size_t kPlaceholderBytesMax = kAliasBytesMax + 16;

bool IsAlias(std::string_view text) {
  if (text.empty() || text.size() > kAliasBytesMax) return false;
  if (!absl::ascii_isalpha(text[0]) && text[0] != '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

Status ReadMetricIds(element value, const ring::RingStore& rings,
                     std::vector<ring::MetricId>& metrics) {
  simdjson::dom::array array;
  if (value.get(array)) return InvalidArgument("metric_ids: must be an array of integers");
  if (array.size() > kQueryMetricsMax) {
    return InvalidArgument("metric_ids: at most {}", kQueryMetricsMax);
  }
  for (const element item : array) {
    VARVE_ASSIGN_OR_RETURN(const int64_t number, JsonInteger(item, "metric_ids", 1, UINT32_MAX));
    const ring::MetricId id(static_cast<uint32_t>(number));
    if (rings.Find(id) == nullptr) return NotFound("metric {} does not exist", number);
    metrics.push_back(id);
  }
  return OkStatus();
}

Status ReadSelector(element value, size_t index, const ring::RingStore& rings,
                    QueryAliases& aliases) {
  VARVE_ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::Of(value, "a selector"));
  ring::Selector selector;
  VARVE_ASSIGN_OR_RETURN(const element metric, fields.Require("metric"));
  VARVE_ASSIGN_OR_RETURN(const std::string_view name, JsonName(metric, "metric"));
  selector.name = std::string(name);
  if (const auto tags = fields.Find("tags")) {
    VARVE_ASSIGN_OR_RETURN(selector.tags, JsonTags(*tags));
  }
  std::string alias = fmt::format("S{}", index + 1);
  if (const auto given = fields.Find("alias")) {
    VARVE_ASSIGN_OR_RETURN(alias, JsonText(*given, "alias"));
    if (!IsAlias(alias)) {
      return InvalidArgument("alias: must be letters, digits and _, and not begin with a digit: {}",
                             alias);
    }
  }
  if (aliases.contains(alias)) return InvalidArgument("alias: {} is there twice", alias);
  const auto found = rings.Lookup(selector, kQueryMetricsMax + 1);
  if (found.empty()) return InvalidArgument("the selector {} of {} matches no metric", alias, name);
  if (found.size() > kQueryMetricsMax) {
    return InvalidArgument("the selector {} of {} matches more than {} metrics", alias, name,
                           kQueryMetricsMax);
  }
  std::vector<ring::MetricId>& ids = aliases[alias];
  for (const ring::MetricRef& one : found) ids.push_back(one->id);
  return OkStatus();
}

Status ReadSelectors(element value, const ring::RingStore& rings, QueryAliases& aliases) {
  simdjson::dom::array array;
  if (value.get(array)) return InvalidArgument("selectors: must be an array");
  if (array.size() > kQueryMetricsMax) {
    return InvalidArgument("selectors: at most {}", kQueryMetricsMax);
  }
  size_t index = 0;
  for (const element item : array) {
    const Status status = ReadSelector(item, index, rings, aliases);
    if (!status.ok()) return Annotate(status, fmt::format("selectors[{}]", index));
    ++index;
  }
  return OkStatus();
}

Status ReadRange(const JsonFields& fields, ring::SecondsRange& range) {
  VARVE_ASSIGN_OR_RETURN(const element start, fields.Require("start_ts"));
  VARVE_ASSIGN_OR_RETURN(const element end, fields.Require("end_ts"));
  VARVE_ASSIGN_OR_RETURN(range.start, JsonInteger(start, "start_ts", INT64_MIN, INT64_MAX));
  VARVE_ASSIGN_OR_RETURN(range.end, JsonInteger(end, "end_ts", INT64_MIN, INT64_MAX));
  if (range.start <= range.end) return OkStatus();
  return InvalidArgument("start_ts: {} is after end_ts: {}", range.start, range.end);
}

Result<ring::MetricId> IdOf(std::string_view alias, const QueryAliases& aliases) {
  const auto at = aliases.find(alias);
  if (at == aliases.end()) return InvalidArgument("{{{{{}}}}}: no selector has this alias", alias);
  if (at->second.size() == 1) return at->second.front();
  return InvalidArgument("{{{{{}}}}}: the alias stands for {} metrics, a placeholder for one",
                         alias, at->second.size());
}

}  // namespace

Result<std::string> FillPlaceholders(std::string_view sql, const QueryAliases& aliases) {
  std::string filled;
  for (;;) {
    const size_t begin = sql.find("{{");
    if (begin == sql.npos) break;
    // Only so far: looking to the end from each of a million braces would take hours.
    const std::string_view behind = sql.substr(begin + 2, kPlaceholderBytesMax + 2);
    const size_t length = std::min(behind.find("}}"), behind.size());
    const absl::string_view inside =
        absl::StripAsciiWhitespace(absl::string_view(behind.data(), length));
    const std::string_view alias(inside.data(), inside.size());
    if (length == behind.size() || !IsAlias(alias)) {
      filled.append(sql.substr(0, begin + 1));
      sql.remove_prefix(begin + 1);
      continue;
    }
    VARVE_ASSIGN_OR_RETURN(const ring::MetricId id, IdOf(alias, aliases));
    filled.append(sql.substr(0, begin)).append(std::to_string(id.value));
    sql.remove_prefix(begin + 2 + length + 2);
  }
  return filled.append(sql);
}

Result<QueryRequest> ReadQueryRequest(std::string& body, const ring::RingStore& rings) {
  JsonDocument document;
  VARVE_ASSIGN_OR_RETURN(const element root, document.Parse(body));
  VARVE_ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::Of(root, "the body"));
  QueryRequest request;
  VARVE_RETURN_IF_ERROR(ReadRange(fields, request.range));
  VARVE_ASSIGN_OR_RETURN(const element sql, fields.Require("sql"));
  VARVE_ASSIGN_OR_RETURN(const std::string_view text, JsonText(sql, "sql"));
  if (text.size() > kQuerySqlBytesMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex, "sql: must have at most {} bytes, not {}",
                     kQuerySqlBytesMax, text.size());
  }

  const auto ids = fields.Find("metric_ids");
  const auto selectors = fields.Find("selectors");
  if (!ids && !selectors) return InvalidArgument("metric_ids or selectors: required");
  if (ids) VARVE_RETURN_IF_ERROR(ReadMetricIds(*ids, rings, request.metrics));
  QueryAliases aliases;
  if (selectors) VARVE_RETURN_IF_ERROR(ReadSelectors(*selectors, rings, aliases));
  for (const auto& [alias, matched] : aliases) {
    request.metrics.insert(request.metrics.end(), matched.begin(), matched.end());
  }
  std::sort(request.metrics.begin(), request.metrics.end());
  request.metrics.erase(std::unique(request.metrics.begin(), request.metrics.end()),
                        request.metrics.end());
  if (request.metrics.empty()) return InvalidArgument("metric_ids or selectors: name no metric");
  if (request.metrics.size() > kQueryMetricsMax) {
    return InvalidArgument("the query is about {} metrics, more than {}", request.metrics.size(),
                           kQueryMetricsMax);
  }
  VARVE_ASSIGN_OR_RETURN(request.sql, FillPlaceholders(text, aliases));
  return request;
}

}  // namespace varve::server
