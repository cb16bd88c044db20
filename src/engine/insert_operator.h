// Collects the rows of an INSERT into a Varve table as batches for the log.
//
// Role:     redirection -> [RedirectInsert] replaces DuckDB's insert; when the statement has
//           succeeded, SessionState::statement_rows holds its rows, complete (types, NOT NULL,
//           derived date).
// Limits:   a statement's rows are gathered in memory; what the log refuses to take is refused
//           there.
// Errors:   23502, 22023 (CompleteBatch), 0A000 for ON CONFLICT. Nothing is kept after an error.
// Threads:  one DuckDB worker feeds the operator, so that rows keep the order of the statement.
#pragma once

#include <duckdb.hpp>
#include <duckdb/planner/operator/logical_insert.hpp>

#include "engine/session_state.h"

namespace varve::engine {

// Takes the insert apart and gives the operator that stands in its place.
duckdb::unique_ptr<duckdb::LogicalOperator> RedirectInsert(
    duckdb::unique_ptr<duckdb::LogicalOperator> insert, TableRef table,
    duckdb::shared_ptr<SessionState> session);

}  // namespace varve::engine
