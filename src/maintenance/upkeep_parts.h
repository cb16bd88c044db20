// Names what the upkeep of tables works with.
//
// Threads:  the parts are safe by themselves and outlive what uses them.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "catalog/maintenance.h"
#include "catalog/table_upkeep.h"
#include "io/file.h"
#include "io/object_store.h"
#include "lake/file_rewriter.h"
#include "lake/table_set.h"

namespace varve::maintenance {

struct UpkeepParts {
  lake::TableSet& tables;
  io::ObjectStore& store;
  io::FileSystem& files;
  lake::FileRewriter& rewriter;
  catalog::Maintenance& maintenance;  // shows what was committed to readers
  Clock& clock;
};

using Stopped = catalog::TableUpkeep::Stopped;

// The table in the lake; 42P01 when it was dropped.
inline Result<std::shared_ptr<lake::DeltaTable>> FindDelta(const UpkeepParts& parts,
                                                           const TableDef& table) {
  std::shared_ptr<lake::DeltaTable> delta = parts.tables.Find(table.id);
  if (delta != nullptr) return delta;
  return SqlErrorf(sqlstate::kUndefinedTable, "table {} was dropped", table.name.ToString());
}

inline bool IsStopped(const Stopped& stopped) { return stopped && stopped(); }

inline Status StoppedError() {
  return SqlError(sqlstate::kQueryCanceled, "the upkeep of the table was stopped");
}

}  // namespace varve::maintenance
