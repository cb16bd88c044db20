// Takes date_trunc() and date_part() of a timestamptz past ICU while the session is in UTC.
//
// Role:     RegisterFunctions() -> [RegisterUtcDates] -> DuckDB's system catalogue. In UTC a
//           timestamptz has the bytes and the calendar of a timestamp, whose functions are 30 times
//           as fast. Any other zone keeps DuckDB's own. The choice is made when a statement is
//           bound.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

// Whether the session's time zone is UTC.
bool IsUtcSession(duckdb::ClientContext& context);

void RegisterUtcDates(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
