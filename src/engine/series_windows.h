// Turns the window functions for series into those that DuckDB has.
//
// Role:     dialect rewrite -> [RewriteSeriesWindow] for each expression of a parsed statement.
//           diff(v, n), period_diff(v, n), pct_change(v, n), counter_rate(v, ts) look back with
//           lag(); rolling_mean(v, n) and rolling_sum(v, n) are avg() and sum() over a frame of
//           rows. What each means: docs/guide.md, "Live metrics in SQL".
// Errors:   42809 without OVER; 22023 for an n that is not a constant above 0; 42883 for another
//           number of arguments; 42P20 for a frame of a rolling function and for period_diff
//           without its one ORDER BY; 0A000 for DISTINCT, FILTER, IGNORE NULLS, ORDER BY inside.
// Threads:  changes the expression in place; no shared state.
#pragma once

#include <duckdb.hpp>
#include <duckdb/parser/parsed_expression.hpp>

namespace varve::engine {

// Replaces a call with OVER; refuses one without. Leaves every other expression as it is.
void RewriteSeriesWindow(duckdb::unique_ptr<duckdb::ParsedExpression>& slot);

}  // namespace varve::engine
