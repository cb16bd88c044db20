// Adds first(value, time) and last(value, time): the value at the earliest and the latest time.
//
// Role:     RegisterFunctions() -> [RegisterFirstLast] -> DuckDB's system catalogue, beside
//           DuckDB's one-argument aggregates of these names.
//           Rows with a NULL time are ignored; a NULL value counts. Of several rows with the same
//           time the smallest value wins (NULL is larger than any): the answer does not depend on
//           the order in which threads and files were read.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

void RegisterFirstLast(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
