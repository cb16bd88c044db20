// Lists, finds, reshapes and drops metrics: /metrics and what is below it, but the series.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/json_string.h"
#include "base/telemetry.h"
#include "ingest/ring_writer.h"
#include "ring/ring_store.h"
#include "server/http/accept.h"
#include "server/http/http_limits.h"
#include "server/http/json_metric.h"
#include "server/http/json_reader.h"
#include "server/http/routes.h"
#include "server/http/url_parameters.h"

namespace varve::server {
namespace {

constexpr size_t kLookupLimit = 200;
constexpr size_t kLookupLimitMax = 2000;

// A listing grows with the rings; one that is too long to be held is refused.
Status CheckSize(const std::string& listing) {
  if (listing.size() <= kAnswerBytesMax) return OkStatus();
  return SqlErrorf(sqlstate::kStatementTooComplex,
                   "the list is larger than {} MB; ask POST /metrics/lookup for a part of it",
                   kAnswerBytesMax >> 20);
}

void AppendMetric(const ring::Metric& metric, std::string& out) {
  fmt::format_to(std::back_inserter(out), R"({{"metric_id":{},"name":)", metric.id.value);
  AppendJsonString(metric.name, out);
  out += R"(,"tags":{)";
  for (const ring::Tag& tag : metric.tags) {
    if (&tag != &metric.tags.front()) out += ',';
    AppendJsonString(tag.key, out);
    out += ':';
    AppendJsonString(tag.value, out);
  }
  fmt::format_to(std::back_inserter(out), R"(}},"type":{},"step":{},"slots":{}}})",
                 static_cast<int>(metric.type), metric.shape.step_seconds, metric.shape.slots);
}

Result<std::string> MetricsJson(const std::vector<ring::MetricRef>& metrics) {
  std::string out = R"({"metrics":[)";
  for (const ring::MetricRef& metric : metrics) {
    if (out.back() == '}') out += ',';
    AppendMetric(*metric, out);
    VARVE_RETURN_IF_ERROR(CheckSize(out));
  }
  out += ']';
  return out;
}

Status AppendTexts(const std::vector<std::string>& texts, std::string& out) {
  out += '[';
  for (const std::string& text : texts) {
    if (&text != &texts.front()) out += ',';
    AppendJsonString(text, out);
    VARVE_RETURN_IF_ERROR(CheckSize(out));
  }
  out += ']';
  return OkStatus();
}

// An absent body means the same as {}.
Result<JsonFields> FieldsOf(const HttpCall& call, JsonDocument& document) {
  std::string body = call.body.empty() ? "{}" : call.body;
  VARVE_ASSIGN_OR_RETURN(const auto root, document.Parse(body));
  return JsonFields::Of(root, "the body");
}

// The server's own telemetry, which needs no storage, when the client would rather have that than
// JSON; in the format that it would rather have.
std::optional<HttpAnswer> TelemetryIfWanted(const HttpCall& call) {
  const std::string_view accept = call.Field(HttpField::accept);
  const double open_metrics = QualityOf(accept, "application/openmetrics-text");
  const double plain = std::max(QualityOf(accept, "text/plain"), QualityOf(accept, "text/*"));
  const double named =
      std::max(QualityOf(accept, "application/json"), QualityOf(accept, "application/*"));
  const double text = std::max(open_metrics, plain);
  if (text <= 0 || text <= (named >= 0 ? named : QualityOf(accept, "*/*"))) return std::nullopt;
  HttpAnswer answer;
  if (open_metrics >= plain) {
    answer.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    answer.body = Telemetry::Get().OpenMetricsText();
  } else {
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = Telemetry::Get().PrometheusText();
  }
  return answer.With("Vary", "Accept");
}

Result<HttpAnswer> Metrics(const HttpCall& call) {
  VARVE_ASSIGN_OR_RETURN(std::string list, MetricsJson(call.services->rings->All()));
  HttpAnswer answer = JsonAnswer(std::move(list += '}'));
  answer.With("Vary", "Accept");
  return answer;
}

// One metric, as the list has it: a link names its id only.
Result<HttpAnswer> Describe(const HttpCall& call) {
  VARVE_ASSIGN_OR_RETURN(const ring::MetricId id, MetricIdOf(call.captured.at(0)));
  const ring::MetricRef metric = call.services->rings->Find(id);
  if (metric == nullptr) return NotFound("metric {} does not exist", id.value);
  std::string out;
  AppendMetric(*metric, out);
  return JsonAnswer(std::move(out));
}

Result<HttpAnswer> Lookup(const HttpCall& call) {
  JsonDocument document;
  VARVE_ASSIGN_OR_RETURN(const JsonFields fields, FieldsOf(call, document));
  ring::Selector selector;
  if (const auto name = fields.Find("name")) {
    VARVE_ASSIGN_OR_RETURN(const std::string_view text, JsonName(*name, "name"));
    selector.name = std::string(text);
  }
  if (const auto tags = fields.Find("tags")) {
    VARVE_ASSIGN_OR_RETURN(selector.tags, JsonTags(*tags));
  }
  size_t limit = kLookupLimit;
  if (const auto given = fields.Find("limit")) {
    VARVE_ASSIGN_OR_RETURN(const int64_t number, JsonInteger(*given, "limit", 1, INT64_MAX));
    limit = std::min(static_cast<size_t>(number), kLookupLimitMax);
  }
  std::vector<ring::MetricRef> metrics = call.services->rings->Lookup(selector, limit + 1);
  const bool hit_limit = metrics.size() > limit;
  if (hit_limit) metrics.pop_back();
  VARVE_ASSIGN_OR_RETURN(std::string out, MetricsJson(metrics));
  fmt::format_to(std::back_inserter(out), R"(,"hit_limit":{},"limit":{}}})", hit_limit, limit);
  return JsonAnswer(std::move(out));
}

Result<HttpAnswer> Names(const HttpCall& call) {
  std::string out = R"({"names":)";
  VARVE_RETURN_IF_ERROR(AppendTexts(call.services->rings->Names(), out));
  out += '}';
  return JsonAnswer(std::move(out));
}

Result<HttpAnswer> TagValues(const HttpCall& call) {
  JsonDocument document;
  VARVE_ASSIGN_OR_RETURN(const JsonFields fields, FieldsOf(call, document));
  std::optional<std::string_view> name;
  if (const auto given = fields.Find("name")) {
    VARVE_ASSIGN_OR_RETURN(name, JsonName(*given, "name"));
  }
  std::string out = R"({"tags":{)";
  for (const auto& [key, values] : call.services->rings->TagValues(name)) {
    if (out.back() == ']') out += ',';
    AppendJsonString(key, out);
    out += ':';
    VARVE_RETURN_IF_ERROR(AppendTexts(values, out));
  }
  out += "}}";
  return JsonAnswer(std::move(out));
}

Result<HttpAnswer> Reshape(const HttpCall& call) {
  VARVE_ASSIGN_OR_RETURN(const ring::MetricId id, MetricIdOf(call.captured.at(0)));
  JsonDocument document;
  VARVE_ASSIGN_OR_RETURN(const JsonFields fields, FieldsOf(call, document));
  VARVE_ASSIGN_OR_RETURN(const auto step, fields.Require("step"));
  VARVE_ASSIGN_OR_RETURN(const auto slots, fields.Require("slots"));
  ring::RingShape shape;
  VARVE_ASSIGN_OR_RETURN(const int64_t seconds,
                         JsonInteger(step, "step", 1, ring::kStepSecondsMax));
  VARVE_ASSIGN_OR_RETURN(const int64_t count, JsonInteger(slots, "slots", 1, ring::kSlotsMax));
  shape.step_seconds = static_cast<uint32_t>(seconds);
  shape.slots = static_cast<uint32_t>(count);
  VARVE_RETURN_IF_ERROR(call.services->writer->Reshape(id, shape));
  return JsonAnswer(fmt::format(R"({{"status":"ok","metric_id":{},"step":{},"slots":{}}})",
                                id.value, shape.step_seconds, shape.slots));
}

Result<HttpAnswer> Drop(const HttpCall& call) {
  VARVE_ASSIGN_OR_RETURN(const ring::MetricId id, MetricIdOf(call.captured.at(0)));
  VARVE_RETURN_IF_ERROR(call.services->writer->Drop(id));
  return JsonAnswer(fmt::format(R"({{"status":"ok","metric_id":{}}})", id.value));
}

}  // namespace

void AddRingCalls(HttpRouter& router) {
  router.AddBlocking(HttpVerb::get, "/metrics", Metrics, TelemetryIfWanted);
  router.AddBlocking(HttpVerb::post, "/metrics/lookup", Lookup);
  router.AddBlocking(HttpVerb::get, "/metrics/names", Names);
  router.AddBlocking(HttpVerb::post, "/metrics/tag-values", TagValues);
  router.AddBlocking(HttpVerb::post, "/metrics/{id}/retention", Reshape);
  router.AddBlocking(HttpVerb::get, "/metrics/{id}", Describe);
  router.AddBlocking(HttpVerb::delete_, "/metrics/{id}", Drop);
}

}  // namespace varve::server
