// Gives the unnamed output columns of a parsed statement the names that PostgreSQL gives them.
//
// Role:     parser -> [ApplyPostgresNames] -> DuckDB's binder, which then sees explicit aliases:
//           `SELECT count(*)` becomes `SELECT count(*) AS count`, in sub-queries, CTEs, views too.
// Threads:  changes the statement in place; no shared state.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

// Call once per statement, before it is bound or copied for a plan.
void ApplyPostgresNames(duckdb::SQLStatement& statement);

}  // namespace varve::engine
