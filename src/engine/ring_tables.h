// Shows the rings as tables of the schema ring: samples, metrics, metric_tags.
//
// Role:     users' SQL -> views of schema ring -> [ring tables] -> ring::RingStore.
//           A condition on metric_id, on a metric's name, or on a tag's key and value is looked up
//           instead of looking at every metric.
// Threads:  safe; the metrics are listed when a scan starts, a ring is read when its turn comes.
#pragma once

#include <duckdb.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <string>

#include "base/status.h"

namespace varve::engine {

struct EngineCore;

void RegisterRingTables(duckdb::ExtensionLoader& loader, EngineCore& core);

// Makes the schema and its views; replaces those of an older version. Before Varve had rings a user
// may have made a table or a view of one of these names: it stays, and the log says what to do.
Status CreateRingViews(duckdb::Connection& connection);
// Those that stayed, as "schema.name", with commas between them; empty: none.
Result<std::string> UsersOwnRingNames(duckdb::Connection& connection);
// Whether an entry of the schema is one of our views.
bool IsRingView(const duckdb::CatalogEntry& entry);

}  // namespace varve::engine
