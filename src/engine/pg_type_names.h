// Says what PostgreSQL calls a type that DuckDB's parser or binder has.
//
// Role:     output names, format_type() -> [pg_type_names].
// Threads:  pure functions.
#pragma once

#include <duckdb.hpp>
#include <string>

namespace varve::engine {

// The short name, as in pg_type: "int4", "timestamptz", "_text" is "text". For an array the
// element's name, as PostgreSQL uses it for columns. Also for types that are not bound yet.
std::string PostgresTypeName(const duckdb::LogicalType& type);

// The full name, as pg_typeof() and error messages have it: "integer", "timestamp with time
// zone[]".
std::string PostgresTypeTitle(const duckdb::LogicalType& type);

// format_type(): the full name for a type's OID, with its modifier where that shows.
std::string PostgresTypeOfOid(int64_t oid, int32_t modifier);

}  // namespace varve::engine
