// Adds percentile_agg(x), a summary of numbers, and approx_percentile(share, summary).
//
// Role:     RegisterFunctions() -> [RegisterPercentile] -> DuckDB's system catalogue. The summary
//           is a bytea (percentile_sketch.h) that may be stored and asked later.
// Errors:   22023 for a share outside [0, 1] and for bytes that are no summary.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

void RegisterPercentile(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
