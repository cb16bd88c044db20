#include "server/http/routes.h"

namespace varve::server {

void AddRoutes(HttpRouter& router, const RouteParts& parts) {
  AddServerCalls(router, parts.readiness);
  AddIngestCalls(router);
  AddRingCalls(router);
  AddSeriesCall(router);
  AddFeedCalls(router, parts.readiness, parts.clock);
  AddUiPages(router);
  AddQueryCall(router, parts.statements, parts.statement_timeout_ms);
  AddDashboardCalls(router);
}

}  // namespace varve::server
