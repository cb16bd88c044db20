// Finds the rows that a DELETE or UPDATE of a Varve table changes, and an UPDATE's new rows.
//
// Role:     redirection -> [RedirectDelete, RedirectUpdate] replace DuckDB's operator; when the
//           statement has succeeded, SessionState::statement_change holds what it found. Writing it
//           is the session's (change_writer.h).
// Limits:   54000 when the marks of the rows need more memory than a statement may gather.
// Errors:   40001 when the table's columns changed since the transaction began.
// Threads:  DuckDB's workers feed one operator; it locks.
#pragma once

#include <duckdb.hpp>

#include "engine/session_state.h"

namespace varve::engine {

// What stands in the place of the operator, and which scan below it must give row addresses.
struct RedirectedChange {
  duckdb::unique_ptr<duckdb::LogicalOperator> plan;
  duckdb::idx_t target_index = 0;
};

// `view` is what the statement sees of the table: all of it in files.
RedirectedChange RedirectDelete(duckdb::unique_ptr<duckdb::LogicalOperator> op,
                                const TableView& view, duckdb::shared_ptr<SessionState> session);
RedirectedChange RedirectUpdate(duckdb::unique_ptr<duckdb::LogicalOperator> op,
                                const TableView& view, duckdb::shared_ptr<SessionState> session);

}  // namespace varve::engine
