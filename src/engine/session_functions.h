// Replaces the functions about the server and the session that PostgreSQL's clients call.
//
// Role:     RegisterFunctions() -> [RegisterSessionFunctions] -> DuckDB's system catalogue:
//           version, current_setting, current_database, current_catalog, current_schema,
//           current_user, session_user, user, pg_backend_pid, pg_typeof, format_type.
// Errors:   42704 for a setting that is not known, unless missing_ok.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

void RegisterSessionFunctions(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
