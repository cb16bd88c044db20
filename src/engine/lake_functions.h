// Lets SQL bring rows into the lake, and ask what lies there: varve.flush(t), varve.refresh([t]).
//
// Role:     SELECT varve.flush('t') -> [lake functions] -> catalog::Maintenance, LakeSync. A flush
//           gives the rows that it committed, a refresh the table's version in the lake.
// Errors:   42P01 for a table that is not Varve's; what the flush or the round gave.
// Threads:  safe; a call blocks on the store.
#pragma once

#include <duckdb.hpp>
#include <duckdb/main/extension/extension_loader.hpp>

#include "base/status.h"

namespace varve::engine {

struct EngineCore;

void RegisterLakeFunctions(duckdb::ExtensionLoader& loader, EngineCore& core);
// The names in schema varve that stand for them.
Status CreateLakeMacros(duckdb::Connection& connection);

}  // namespace varve::engine
