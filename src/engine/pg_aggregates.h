// Gives sum() and avg() of exact numbers PostgreSQL's result types and exactness.
//
// Role:     RegisterFunctions() -> [RegisterAggregates] -> DuckDB's system catalogue.
//           sum(smallint|integer) is bigint, sum(bigint) and avg(any exact number) are numeric.
// Errors:   22003 when a sum or average does not fit its type.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

void RegisterAggregates(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
