// Adds the scalar functions for series of samples, and what the window functions are made of.
//
// Role:     RegisterFunctions() -> [RegisterSeriesFunctions] -> DuckDB's system catalogue.
//           Users: ts_bucket, align_time, shift_ts, clamp, null_if_outside, series_add, series_sub,
//           series_mul, series_div, bucket_rate. For series_windows.h: varve_pct_change,
//           varve_counter_rate, varve_row_count, varve_grid, varve_on_grid.
// Units:    times and steps are whole seconds for users; any one unit in fact.
// Errors:   22023 for a step or bucket that is not positive, and for bounds of clamp that are NaN
//           or in the wrong order; 22003 when a result is out of its type's range.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

void RegisterSeriesFunctions(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
