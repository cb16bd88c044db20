// Counts what PostgreSQL clients and this server exchange; /metrics shows it as varve_pg_*.
//
// Role:     connections and protocol add -> [WireTelemetry] -> base/telemetry.
// Units:    messages' own bytes, without those of TCP; statements and rows that were answered.
// Threads:  safe; adding is one relaxed atomic operation, but for errors, which take a lock.
#pragma once

#include <string_view>

#include "base/telemetry.h"

namespace varve::server::pg {

struct WireTelemetry {
  static WireTelemetry& Get();

  // An error or the end of a connection, as the client is told of it.
  void CountError(std::string_view sqlstate);

  Counter& connections;
  Counter& connections_dropped;
  Counter& statements;
  Counter& rows_sent;
  Counter& rows_received;
  Counter& bytes_sent;
  Counter& bytes_received;
};

}  // namespace varve::server::pg
