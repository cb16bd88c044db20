// Answers the senders of other systems: Prometheus' remote write, InfluxDB's line protocol.
#include <absl/strings/match.h>
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/json_string.h"
#include "base/telemetry.h"
#include "ingest/ring_writer.h"
#include "server/http/feed_batch.h"
#include "server/http/influx_line.h"
#include "server/http/known_samples.h"
#include "server/http/remote_write.h"
#include "server/http/routes.h"
#include "server/http/sample_writing.h"
#include "server/http/url_parameters.h"

namespace varve::server {
namespace {

constexpr std::string_view kInfluxVersionField = "X-Influxdb-Version";
constexpr std::string_view kInfluxVersion = "varve";

// What of a feed cannot be kept; `reason` as a label.
Counter& LeftOut(std::string_view feed, std::string_view reason) {
  return Telemetry::Get().GetCounter("varve_feed_left_out_total",
                                     "What a feed sent and a ring cannot hold, by the reason.",
                                     fmt::format("feed=\"{}\",reason=\"{}\"", feed, reason));
}

// How many samples and the like were left out of remote writes.
struct RemoteWrites {
  Counter& not_finite = LeftOut("remote_write", "not finite");
  Counter& exemplars = LeftOut("remote_write", "exemplar");
  Counter& histograms = LeftOut("remote_write", "native histogram");
  Counter& refused = LeftOut("remote_write", "refused");

  static const RemoteWrites& Get() {
    static const RemoteWrites kCounters;
    return kCounters;
  }
  void Add(const RemoteWrite& write) const {
    not_finite.Add(write.not_finite);
    exemplars.Add(write.exemplars);
    histograms.Add(write.histograms);
    refused.Add(write.refused);
  }
};

Counter& InfluxStrings() {
  static Counter& counter = LeftOut("influx", "string");
  return counter;
}

HttpAnswer Done() {
  HttpAnswer answer;
  answer.status = 204;
  return answer;
}

Result<FeedShape> ShapeOf(const Parameters& parameters) {
  FeedShape shape;
  VARVE_ASSIGN_OR_RETURN(const auto step, NumberOf(parameters, "step", 1, ring::kStepSecondsMax));
  VARVE_ASSIGN_OR_RETURN(const auto slots, NumberOf(parameters, "slots", 1, ring::kSlotsMax));
  if (step) shape.step_seconds = static_cast<uint32_t>(*step);
  if (slots) shape.slots = static_cast<uint32_t>(*slots);
  return shape;
}

// For what the samples of a feed take beside the body.
Status Charge(const HttpCall& call, const FeedBatch& batch) {
  const size_t bytes = batch.size() * sizeof(ingest::SampleInput);
  if (call.held->RaiseTo(call.body.size() + bytes)) return OkStatus();
  return SqlError(sqlstate::kOutOfMemory, "too many bytes of requests are being answered");
}

// nullopt: a request of the kind that we read.
std::optional<HttpAnswer> CheckRemoteWriteHeader(const HttpCall& call) {
  const std::string_view type = call.Field(HttpField::content_type);
  const std::string_view encoding = call.Field(HttpField::content_encoding);
  const auto version = call.header["X-Prometheus-Remote-Write-Version"];
  const absl::string_view type_text(type.data(), type.size());
  const bool is_protobuf =
      type.empty() || absl::StartsWithIgnoreCase(type_text, "application/x-protobuf");
  // Version 2 says so in the type's parameter `proto`, and falls back to 1 when it is told 415.
  if (!is_protobuf || absl::StrContains(type_text, "io.prometheus.write.v2") ||
      (!version.empty() && version[0] >= '2')) {
    return DetailAnswer(415,
                        "this call takes remote write 1.0: application/x-protobuf, "
                        "prometheus.WriteRequest");
  }
  if (!absl::EqualsIgnoreCase(absl::string_view(encoding.data(), encoding.size()), "snappy")) {
    return DetailAnswer(415, "remote write wants content-encoding snappy");
  }
  return std::nullopt;
}

// Departs from the table of errors: senders of this protocol repeat 5xx, and 429 only when told to.
HttpAnswer RemoteWriteAnswer(const Status& status) {
  HttpAnswer answer = StatusAnswer(status);
  if (answer.status == 429) answer.status = 503;
  return answer;
}

// One remote write on its way, held by what the writer calls in the end.
struct RemoteWriting {
  HttpCallRef call;  // keeps storage open until the answer, and has what the batch points into
  HttpReply reply;
  RemoteWrite write;
  FeedShape shape;

  void Answer() const {
    if (write.refused == 0) return reply(Done());
    reply(DetailAnswer(400, fmt::format("{} samples refused, the others written; {}", write.refused,
                                        write.refusal)));
  }
};

// Writes what is of known metrics, after the writer refused the whole for a limit that waiting does
// not lift: there may be no more metrics. The sender would else lose these samples too, or send all
// of it again for ever.
void WriteKnown(const std::shared_ptr<RemoteWriting>& writing, const Status& refused) {
  const HttpServices& services = *writing->call->services;
  std::vector<ingest::SampleInput> samples = writing->write.batch.Inputs(writing->shape);
  const size_t all = samples.size();
  const size_t left_out = all - KeepKnown(*services.rings, samples);
  if (left_out == 0) return writing->reply(RemoteWriteAnswer(refused));
  RemoteWrites::Get().refused.Add(left_out);
  if (writing->write.refused == 0) writing->write.refusal = MessageOf(refused);
  writing->write.refused += left_out;
  if (samples.empty()) return writing->Answer();
  services.writer->WriteAsync(samples, [writing](const Result<ingest::RingWritten>& written) {
    if (!written.ok()) return writing->reply(RemoteWriteAnswer(written.status()));
    writing->Answer();
  });
}

void Start(const std::shared_ptr<RemoteWriting>& writing) {
  if (writing->write.batch.size() == 0) return writing->Answer();
  const std::vector<ingest::SampleInput> samples = writing->write.batch.Inputs(writing->shape);
  writing->call->services->writer->WriteAsync(
      samples, [writing](const Result<ingest::RingWritten>& written) {
        if (written.ok()) return writing->Answer();
        const bool is_limit = SqlStateOf(written.status()) == sqlstate::kStatementTooComplex;
        if (is_limit) return WriteKnown(writing, written.status());
        writing->reply(RemoteWriteAnswer(written.status()));
      });
}

// An error: nothing was begun, and nothing answered.
Status BeginRemoteWrite(const HttpCallRef& call, const HttpReply& reply) {
  VARVE_ASSIGN_OR_RETURN(const Parameters parameters, call->Parameters());
  VARVE_ASSIGN_OR_RETURN(const FeedShape shape, ShapeOf(parameters));
  auto write = DecodeRemoteWrite(call->body);
  if (!write.ok()) {
    reply(BodyAnswer(write.status()));
    return OkStatus();
  }
  VARVE_RETURN_IF_ERROR(Charge(*call, write->batch));
  RemoteWrites::Get().Add(*write);
  Start(std::make_shared<RemoteWriting>(RemoteWriting{call, reply, *std::move(write), shape}));
  return OkStatus();
}

bool RemoteWriteCall(const HttpCallRef& call, const HttpReply& reply, MayWait may_wait) {
  if (auto refused = CheckRemoteWriteHeader(*call)) {
    reply(*std::move(refused));
    return true;
  }
  if (may_wait == MayWait::kNo) return false;  // an encoded body has no place on an io thread
  const Status status = BeginRemoteWrite(call, reply);
  if (!status.ok()) reply(RemoteWriteAnswer(status));
  return true;
}

// Clients of InfluxDB 1 look for `error`, those of 2 for `code` and `message`.
HttpAnswer InfluxAnswer(HttpAnswer answer) {
  constexpr std::string_view kHead = R"({"detail":)";
  answer.With(std::string(kInfluxVersionField), std::string(kInfluxVersion));
  if (!answer.body.starts_with(kHead)) return answer;
  const std::string text = answer.body.substr(kHead.size(), answer.body.size() - kHead.size() - 1);
  const std::string_view code = answer.status == 413   ? "request too large"
                                : answer.status == 429 ? "too many requests"
                                : answer.status == 503 ? "unavailable"
                                : answer.status >= 500 ? "internal error"
                                                       : "invalid";
  answer.body =
      fmt::format(R"({{"detail":{0},"error":{0},"code":"{1}","message":{0}}})", text, code);
  return answer;
}

Result<bool> TryInflux(Clock& clock, const HttpCallRef& call, const HttpReply& reply,
                       MayWait may_wait) {
  VARVE_ASSIGN_OR_RETURN(const Parameters parameters, call->Parameters());
  VARVE_ASSIGN_OR_RETURN(const FeedShape shape, ShapeOf(parameters));
  VARVE_ASSIGN_OR_RETURN(const auto precision,
                         ParseInfluxPrecision(ValueOf(parameters, "precision")));
  const auto lines = DecodeInfluxLines(call->body, precision, clock.NowUs() / 1'000'000);
  if (!lines.ok()) {
    reply(InfluxAnswer(BodyAnswer(lines.status())));
    return true;
  }
  VARVE_RETURN_IF_ERROR(Charge(*call, lines->batch));
  bool is_done = true;
  if (lines->batch.size() == 0) {
    reply(InfluxAnswer(Done()));
  } else {
    // `call` keeps storage open until the answer.
    is_done =
        WriteSamples(*call->services->writer, lines->batch.Inputs(shape), may_wait,
                     [call, reply](const Result<ingest::RingWritten>& written) {
                       reply(InfluxAnswer(written.ok() ? Done() : StatusAnswer(written.status())));
                     });
  }
  if (is_done) InfluxStrings().Add(lines->strings);
  return is_done;
}

bool InfluxCall(Clock& clock, const HttpCallRef& call, const HttpReply& reply, MayWait may_wait) {
  const Result<bool> is_done = TryInflux(clock, call, reply, may_wait);
  if (is_done.ok()) return *is_done;
  reply(InfluxAnswer(StatusAnswer(is_done.status())));
  return true;
}

HttpAnswer InfluxHealth(const Status& status) {
  HttpAnswer answer = status.ok() ? HttpAnswer{} : RetryAnswer(503, "");
  answer.body = R"({"name":"varve","message":)";
  AppendJsonString(status.ok() ? "ready for writes" : MessageOf(status), answer.body);
  answer.body += fmt::format(R"(,"checks":[],"status":"{}"}})", status.ok() ? "pass" : "fail");
  return answer;
}

}  // namespace

void AddFeedCalls(HttpRouter& router, std::function<Status()> readiness, Clock& clock) {
  // A scrape finds them from the start: a counter that appears with its first event has no rate.
  RemoteWrites::Get();
  InfluxStrings();
  router.AddAsync(HttpVerb::post, "/api/v1/write", RemoteWriteCall);
  const auto influx = [&clock](const HttpCallRef& call, const HttpReply& reply, MayWait may_wait) {
    return InfluxCall(clock, call, reply, may_wait);
  };
  router.AddAsync(HttpVerb::post, "/write", influx);
  router.AddAsync(HttpVerb::post, "/api/v2/write", influx);
  router.AddOpen(HttpVerb::get, "/ping", [](const HttpCall&) { return InfluxAnswer(Done()); });
  router.AddOpen(HttpVerb::get, "/health", [readiness = std::move(readiness)](const HttpCall&) {
    return InfluxHealth(readiness());
  });
}

}  // namespace varve::server
