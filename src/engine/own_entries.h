// Brings the engine's own views and macros in meta.duckdb up to date, and writes nothing when they
// are.
//
// Role:     system_views (each start) -> [ReplaceOwnEntries] -> DuckDB.
// Errors:   of the statements; nothing has changed then.
// Threads:  before sessions are served.
#pragma once

#include <duckdb.hpp>
#include <functional>
#include <span>

#include "base/status.h"

namespace varve::engine {

// Runs `create`, statements on `connection` that make or replace views and macros of `schemas`, in
// a transaction, and undoes them when they have made what was there before: CREATE OR REPLACE
// writes even then, and a start on a full disk has to get by without.
Status ReplaceOwnEntries(duckdb::Connection& connection, std::span<const char* const> schemas,
                         const std::function<Status()>& create);

}  // namespace varve::engine
