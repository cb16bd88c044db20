// Maps model types to DuckDB's and back.
//
// Role:     tables (ToDuck: what a column is declared as) and results (FromDuck: what a client is
//           told). A DuckDB type that clients have no name for becomes text.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>

#include "base/status.h"
#include "model/type.h"

namespace varve::engine {

// kNumericText and kUnknown, which no table has, map to VARCHAR.
duckdb::LogicalType ToDuck(const Type& type);

// The same for the engine's own work on rows: jsonb is text, that nobody parses.
duckdb::LogicalType ToPlainDuck(const Type& type);

// Every DuckDB type has an answer; kText stands for those that are rendered as text.
Type FromDuck(const duckdb::LogicalType& type);

// The type of a new table's column; 0A000 for a DuckDB type that a Varve table cannot hold.
Result<Type> ColumnTypeFromDuck(const duckdb::LogicalType& type);

// The DuckDB type in which values are read off as `FromDuck(type)`: `type` itself when its values
// need no conversion.
duckdb::LogicalType ReadableType(const duckdb::LogicalType& type);

}  // namespace varve::engine
