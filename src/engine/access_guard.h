// Keeps a user's SQL inside the database: no files, network, extensions or engine settings.
//
// Role:     parsed statement -> [CheckStatementAllowed] -> binder -> [CheckPlanAllowed] ->
//           execution. The first looks at what the user wrote before anything is opened or bound;
//           the second at what it was bound to, so that a view or macro cannot smuggle a call past
//           the first.
// Errors:   42501 names the thing that was refused; 0A000 for a change of the rings.
//           Statement kinds, table functions and plan operators are allow-lists: what is new in
//           DuckDB is refused until it is listed. Scalar functions are a deny-list, because nearly
//           all of them only compute: docs/decisions/0009-access-guard.md.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>

#include "base/status.h"

namespace duckdb {
class LogicalOperator;
}

namespace varve::engine {

// Schema of the live metrics: ring.samples. SQL reads it only.
inline constexpr const char* kRingSchema = "ring";

// Call before ApplyPostgresNames and before binding. Covers nested statements (EXPLAIN, PREPARE).
Status CheckStatementAllowed(const duckdb::SQLStatement& statement);

// Call on the bound plan of a user's statement, before the redirection puts in the engine's own
// scans. Throws duckdb::PermissionException.
void CheckPlanAllowed(duckdb::LogicalOperator& plan);

}  // namespace varve::engine
