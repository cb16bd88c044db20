// Rewrites what DuckDB's parser reads differently from PostgreSQL, on the parsed statement.
//
// Role:     parser -> CheckStatementAllowed -> ApplyPostgresNames -> [RewriteDialect] -> binder.
//           - `x = ANY(array)` becomes IN or list_contains(): DuckDB makes a joined sub-query of it
//           - array_agg(DISTINCT x) and the like sort, as PostgreSQL's do
//           - `~`, `~*`, `!~*` match anywhere in the text; DuckDB's `~` wants all of it
//           - x::varchar(n) cuts; numeric without precision keeps digits (decision 0008)
//           - diff(v, n) OVER (...) and the like become lag(), avg(), sum(): series_windows.h
//           - pg_catalog.f(...) is looked up on the search path
// Threads:  changes the statement in place; no shared state.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

// Call after ApplyPostgresNames, which looks at the expressions as they were written.
void RewriteDialect(duckdb::SQLStatement& statement);

// Both in their order: what a user's statement needs between guard and binder.
void ApplyDialect(duckdb::SQLStatement& statement);

}  // namespace varve::engine
