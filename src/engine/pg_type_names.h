// Says what PostgreSQL calls a type that DuckDB's parser or binder has.
//
// Role:     output names, format_type() -> [pg_type_names].
// Threads:  pure functions.
#pragma once

#include <duckdb.hpp>

#include <string>

namespace varve::engine {

// The short name, as in pg_type: "int4", "timestamptz", "_text" is "text". For an array the element's
// name, as PostgreSQL uses it for columns. Also for types that are not bound yet.
std::string PostgresTypeName(const duckdb::LogicalType& type);

}  // namespace varve::engine
