// Registers the functions, aggregates and casts that make DuckDB answer as PostgreSQL does.
//
// Role:     engine start -> [RegisterFunctions] -> DuckDB's system catalogue: additions (first,
//           last, percentile_agg, ...) and replacements (time_bucket, `/`, `%`, avg, sum, ...).
// Threads:  call once per DuckDB instance, before its first connection is used.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

// Throws duckdb's exceptions when an entry cannot be made: the instance must not serve then.
void RegisterFunctions(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
