// Shows the server's own state as views of the schema varve, and runs varve.flush.
//
// Role:     users' SQL -> varve.tables, files, jobs, options, sessions, log -> [SystemViews] -> the
//           engine's parts. The views stand over functions varve_*_rows, which exist in each
//           instance.
// Threads:  safe; the rows of a view are gathered when its scan starts.
#pragma once

#include <duckdb.hpp>

#include "base/status.h"
#include "model/schema.h"

namespace varve::engine {

struct EngineCore;

// Registers the functions; `core` outlives the instance.
void RegisterSystemFunctions(duckdb::DatabaseInstance& db, EngineCore& core);

// Makes schema, views and macros in meta.duckdb; replaces those of an older version.
Status CreateSystemViews(duckdb::Connection& connection);

// The Varve table that a function's argument names; throws 42P01 for any other.
TableRef ResolveTable(duckdb::ClientContext& context, const std::string& text);
// The same, and its parts after it.
std::vector<TableRef> ResolveWithParts(duckdb::ClientContext& context, const std::string& text);

}  // namespace varve::engine
