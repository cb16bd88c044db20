// Replaces division and remainder by PostgreSQL's.
//
// Role:     RegisterFunctions() -> [RegisterArithmetic] -> DuckDB's system catalogue.
//           Integers truncate; numeric / numeric is numeric with kQuotientScale digits or the
//           larger scale of the operands.
// Errors:   22012 "division by zero" for every type; 22003 when a result does not fit.
#pragma once

#include <cstdint>
#include <duckdb.hpp>

namespace varve::engine {

// Digits after the point of quotients and averages. PostgreSQL keeps at least 16 significant digits
// and varies the scale by value; a DECIMAL has one scale for the whole column (decision 0007).
inline constexpr uint8_t kQuotientScale = 16;

void RegisterArithmetic(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
