// Runs read-only SQL over some rings and one range of time: POST /query.
#include <fmt/format.h>

#include <iterator>
#include <memory>

#include "base/check.h"
#include "engine/session.h"
#include "server/core/error_report.h"
#include "server/core/session_registry.h"
#include "server/http/http_limits.h"
#include "server/http/json_rows.h"
#include "server/http/query_request.h"
#include "server/http/routes.h"

namespace varve::server {
namespace {

// Ends the entry however the call ends; the session must not be stopped after it has gone.
class Statement {
 public:
  Statement(SessionRegistry& registry, std::shared_ptr<SessionEntry> entry, const HttpCall& call)
      : registry_(registry), entry_(std::move(entry)), call_(call) {
    call_.OnDisconnect([entry = entry_] { entry->StopForGood(StopReason::kDisconnect); });
  }
  ~Statement() {
    call_.OnDisconnect(nullptr);
    entry_->SetSession(nullptr);
    registry_.Unregister(entry_->pid());
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  SessionEntry& entry() { return *entry_; }

 private:
  SessionRegistry& registry_;
  const std::shared_ptr<SessionEntry> entry_;
  const HttpCall& call_;
};

Result<std::string> RunSql(engine::Session& session, const std::string& sql) {
  VARVE_ASSIGN_OR_RETURN(const auto statements, session.Parse(sql));
  if (statements.size() != 1) {
    return SqlErrorf(sqlstate::kSyntaxError, "sql: must be one statement, not {}",
                     statements.size());
  }
  VARVE_ASSIGN_OR_RETURN(const auto stream, session.Execute(statements.front(), {}, {}));
  JsonRows rows(stream->columns());
  for (;;) {
    VARVE_ASSIGN_OR_RETURN(const auto chunk, stream->Fetch());
    if (!chunk) break;
    rows.Append(*chunk);
    if (rows.bytes() > kAnswerBytesMax) {
      return SqlErrorf(sqlstate::kStatementTooComplex,
                       "the result is larger than {} MB; ask for less, or sum up",
                       kAnswerBytesMax >> 20);
    }
  }
  const uint64_t count = rows.count();
  return fmt::format(R"({{"rows":{},"count":{}}})", rows.Take(), count);
}

HttpAnswer StoppedAnswer() { return RetryAnswer(503, "the statement was stopped"); }

// SQL's own errors are the client's: also those that are 404 elsewhere, where the path names what
// does not exist.
HttpAnswer SqlAnswer(const Status& status, StopReason stopped) {
  if (stopped == StopReason::kStatementTimeout) {
    return DetailAnswer(400, "the statement was stopped: it ran longer than statement-timeout-ms");
  }
  if (stopped != StopReason::kNone) return StoppedAnswer();
  if (const unsigned code = HttpStatusOf(status); code == 429 || code >= 500) {
    return StatusAnswer(status);
  }
  std::string detail(MessageOf(status));
  if (const auto more = DetailOf(status)) detail += "; " + *more;
  if (const auto hint = HintOf(status)) detail += "; hint: " + *hint;
  return DetailAnswer(400, detail);
}

Result<HttpAnswer> Query(const HttpCall& call, SessionRegistry& registry, int64_t timeout_ms) {
  std::string body = call.body;
  VARVE_ASSIGN_OR_RETURN(QueryRequest request, ReadQueryRequest(body, *call.services->rings));
  auto entry = registry.Register();
  if (!entry.ok()) return entry.status();
  auto session = call.services->engine->NewSession("http", "varve");
  if (!session.ok()) {
    registry.Unregister((*entry)->pid());
    return session.status();
  }
  Statement statement(registry, *entry, call);
  statement.entry().SetSession(session->get());
  VARVE_RETURN_IF_ERROR(
      (*session)->SetRingScope(engine::RingScope{std::move(request.metrics), request.range}));
  statement.entry().BeginStatement(timeout_ms);
  // The engine would forget a stop that came before its query begins.
  if (statement.entry().stop_reason() != StopReason::kNone) return StoppedAnswer();
  Result<std::string> rows = RunSql(**session, request.sql);
  const StopReason stopped = statement.entry().EndStatement();
  if (!rows.ok()) return SqlAnswer(rows.status(), stopped);
  return JsonAnswer(*std::move(rows));
}

}  // namespace

void AddQueryCall(HttpRouter& router, SessionRegistry& statements, int64_t timeout_ms) {
  router.AddQuery(HttpVerb::post, "/query", [&statements, timeout_ms](const HttpCall& call) {
    return Query(call, statements, timeout_ms);
  });
}

}  // namespace varve::server
