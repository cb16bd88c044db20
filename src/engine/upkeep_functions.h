// Lets SQL ask for the upkeep of a table: varve.compact(t), varve.expire(t), varve.vacuum(t).
//
// Role:     SELECT varve.compact('t') -> [upkeep functions] -> catalog::TableUpkeep. Each returns a
//           sentence about what was done.
// Errors:   42P01 for a table that is not Varve's; 57014 when the statement is cancelled or times
//           out: what was committed until then stays.
// Threads:  safe; a call blocks until the work is done.
#pragma once

#include <duckdb.hpp>
#include <duckdb/main/extension/extension_loader.hpp>

#include "base/status.h"

namespace varve::engine {

struct EngineCore;

void RegisterUpkeepFunctions(duckdb::ExtensionLoader& loader, EngineCore& core);
// The names in schema varve that stand for them.
Status CreateUpkeepMacros(duckdb::Connection& connection);

}  // namespace varve::engine
