// Answers for the server itself: health, readiness, and what calls there are.
#include <utility>

#include "server/http/openapi.h"
#include "server/http/routes.h"

namespace varve::server {
namespace {

HttpAnswer Ready(const std::function<Status()>& readiness) {
  const Status status = readiness();
  if (!status.ok()) return RetryAnswer(503, MessageOf(status));
  HttpAnswer answer;
  answer.body = R"({"status":"ready"})";
  return answer;
}

}  // namespace

void AddServerCalls(HttpRouter& router, std::function<Status()> readiness) {
  router.AddOpen(HttpVerb::get, "/healthz", [](const HttpCall&) {
    HttpAnswer answer;
    answer.body = R"({"status":"ok"})";
    return answer;
  });
  router.AddOpen(HttpVerb::get, "/readyz",
                 [readiness = std::move(readiness)](const HttpCall&) { return Ready(readiness); });
  router.AddOpen(HttpVerb::get, "/openapi.json", [](const HttpCall&) {
    HttpAnswer answer;
    answer.body = OpenApiJson();
    return answer;
  });
}

}  // namespace varve::server
