#include "server/pg/wire_telemetry.h"

#include <string>

namespace varve::server::pg {

WireTelemetry& WireTelemetry::Get() {
  Telemetry& all = Telemetry::Get();
  static WireTelemetry wire{
      all.GetCounter("varve_pg_connections_total", "Connections of PostgreSQL clients, accepted."),
      all.GetCounter("varve_pg_connections_dropped_total",
                     "Connections closed at once because too many had not said who they are."),
      all.GetCounter("varve_pg_statements_total", "Statements that ended without an error."),
      all.GetCounter("varve_pg_rows_sent_total", "Rows sent to PostgreSQL clients."),
      all.GetCounter("varve_pg_rows_received_total",
                     "Rows that clients gave as values or with COPY, and that were taken."),
      all.GetCounter("varve_pg_sent_bytes_total", "Bytes sent to PostgreSQL clients."),
      all.GetCounter("varve_pg_received_bytes_total", "Bytes received from PostgreSQL clients.")};
  return wire;
}

void WireTelemetry::CountError(std::string_view sqlstate) {
  Telemetry::Get()
      .GetCounter("varve_pg_errors_total", "Errors that PostgreSQL clients were told, by SQLSTATE.",
                  "sqlstate=\"" + std::string(sqlstate) + "\"")
      .Add();
}

}  // namespace varve::server::pg
