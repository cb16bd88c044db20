// Takes samples: POST /ingest/gauge, /ingest/counter, /ingest/batch.
#include <fmt/format.h>

#include <utility>

#include "ingest/ring_writer.h"
#include "server/http/routes.h"
#include "server/http/sample_reader.h"
#include "server/http/sample_writing.h"

namespace varve::server {
namespace {

// A reader keeps what its largest body needed; readers of rare huge ones go with them.
constexpr size_t kKeptReaderBodyBytes = size_t{1} << 20;

HttpAnswer OneAnswer(const ingest::RingWritten& written, int64_t ts) {
  return JsonAnswer(fmt::format(R"({{"status":"ok","metric_id":{},"timestamp":{}{}}})",
                                written.metrics.at(0).value, ts,
                                written.stale > 0 ? R"(,"stale":true)" : ""));
}

HttpAnswer BatchAnswer(const ingest::RingWritten& written) {
  return JsonAnswer(fmt::format(R"({{"status":"ok","accepted":{},"stale":{}}})", written.accepted,
                                written.stale));
}

bool Answer(const HttpReply& reply, HttpAnswer answer) {
  reply(std::move(answer));
  return true;
}

bool Write(SampleForm form, SampleReader& reader, const HttpCallRef& call, const HttpReply& reply,
           MayWait may_wait) {
  const auto samples = reader.Read(form, call->body);
  if (!samples.ok()) return Answer(reply, BodyAnswer(samples.status()));
  if (samples->empty()) return Answer(reply, BatchAnswer({}));
  if (!call->held->RaiseTo(call->body.size() + reader.bytes())) {
    return Answer(reply, RetryAnswer(503, "too many bytes of requests are being answered"));
  }
  const int64_t ts = samples->front().ts;
  // `call` holds the storage until the answer is given.
  auto done = [form, ts, call, reply](const Result<ingest::RingWritten>& written) {
    if (!written.ok()) return reply(StatusAnswer(written.status()));
    reply(form == SampleForm::kBatch ? BatchAnswer(*written) : OneAnswer(*written, ts));
  };
  return WriteSamples(*call->services->writer, *samples, may_wait, std::move(done));
}

AsyncHandler Ingest(SampleForm form) {
  return [form](const HttpCallRef& call, const HttpReply& reply, MayWait may_wait) {
    if (call->body.size() > kKeptReaderBodyBytes) {
      SampleReader reader;
      return Write(form, reader, call, reply, may_wait);
    }
    thread_local SampleReader reader;
    return Write(form, reader, call, reply, may_wait);
  };
}

}  // namespace

void AddIngestCalls(HttpRouter& router) {
  router.AddAsync(HttpVerb::post, "/ingest/gauge", Ingest(SampleForm::kGauge));
  router.AddAsync(HttpVerb::post, "/ingest/counter", Ingest(SampleForm::kCounter));
  router.AddAsync(HttpVerb::post, "/ingest/batch", Ingest(SampleForm::kBatch));
}

}  // namespace varve::server
