// Sends reads and inserts of Varve tables from DuckDB's empty storage to ours.
//
// Role:     DuckDB's planner -> [pre-optimizer step] -> DuckDB's optimizer. A scan of a Varve table
//           becomes the buffer scan, the lake scan or their UNION ALL over the statement's
//           snapshot; INSERT, DELETE and UPDATE become our operators. A user's plan is
//           first shown to the access guard.
// Errors:   0A000 for MERGE; 42703 for DuckDB's rowid, which our rows do not have.
// Threads:  runs on the thread that plans the statement.
#pragma once

#include <duckdb.hpp>

#include "io/object_store.h"

namespace varve::engine {

// `store` must outlive the instance.
void RegisterRedirection(duckdb::DatabaseInstance& db, io::ObjectStore& store);

}  // namespace varve::engine
