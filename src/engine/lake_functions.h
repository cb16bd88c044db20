// Lets SQL ask what lies in the lake: varve.refresh([table]).
//
// Role:     SELECT varve.refresh('t') -> [lake functions] -> LakeSync.
// Errors:   42P01 for a table that is not Varve's; what the round gave.
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
