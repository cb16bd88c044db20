// Lists what the HTTP server answers: each file of calls adds its own.
#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/status.h"
#include "server/core/session_registry.h"
#include "server/http/http_router.h"

namespace varve::server {

struct RouteParts {
  // OK while reads and writes are served; the message goes into the 503 of /readyz.
  std::function<Status()> readiness;
  SessionRegistry& statements;  // for time limits and stops of /query
  int64_t statement_timeout_ms = 0;
  Clock& clock;
};

void AddRoutes(HttpRouter& router, const RouteParts& parts);

// By file.
void AddServerCalls(HttpRouter& router, std::function<Status()> readiness);
void AddIngestCalls(HttpRouter& router);
void AddRingCalls(HttpRouter& router);
void AddSeriesCall(HttpRouter& router);
void AddFeedCalls(HttpRouter& router, std::function<Status()> readiness, Clock& clock);
void AddUiPages(HttpRouter& router);
void AddQueryCall(HttpRouter& router, SessionRegistry& statements, int64_t timeout_ms);
void AddDashboardCalls(HttpRouter& router);

}  // namespace varve::server
