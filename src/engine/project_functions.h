// Lets SQL give projects storage of their own and take it away.
//
// Role:     SELECT varve.create_project(...), varve.drop_project('x') -> [RegisterProjectFunctions]
//           -> catalog::ProjectStorage, LakeSync.
// Order:    both take effect at once, whatever becomes of the transaction around them.
// Errors:   42710, 42704, 22023, and one sentence about a bucket or key that cannot be used.
// Threads:  safe.
#pragma once

#include <duckdb.hpp>

#include "base/status.h"

namespace duckdb {
class ExtensionLoader;
}  // namespace duckdb

namespace varve::engine {

struct EngineCore;

void RegisterProjectFunctions(duckdb::ExtensionLoader& loader, EngineCore& core);
Status CreateProjectMacros(duckdb::Connection& connection);

}  // namespace varve::engine
