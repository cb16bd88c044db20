// Shows the server's own state as views of the schema varve.
//
// Role:     users' SQL -> varve.tables, files, lake_errors, jobs, options, sessions, projects, log,
//           cache -> [SystemViews] -> the engine's parts. The views stand over functions
//           varve_*_rows, which exist in each instance.
// Threads:  safe; the rows of a view are gathered when its scan starts.
#pragma once

#include <duckdb.hpp>

#include "base/status.h"

namespace varve::engine {

struct EngineCore;

// Registers these functions and those that act, as varve.flush; `core` outlives the instance.
void RegisterSystemFunctions(duckdb::DatabaseInstance& db, EngineCore& core);

// Makes schema, views and macros in meta.duckdb; replaces those of an older version, and writes
// nothing when there are none.
Status CreateSystemViews(duckdb::Connection& connection);

}  // namespace varve::engine
