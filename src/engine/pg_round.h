// Replaces round() by PostgreSQL's.
//
// Role:     RegisterFunctions() -> [RegisterRounding] -> DuckDB's system catalogue.
//           round(numeric, n) has exactly n digits after the point and goes half away from zero;
//           round(double) goes half to even.
// Errors:   22003 when the rounded number does not fit 38 digits.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

void RegisterRounding(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
