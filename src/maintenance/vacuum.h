// Deletes data files of a table that no version within the retention refers to.
//
// Role:     Upkeep -> [Vacuum] -> ObjectStore (List, DeleteMany), DeltaTable::KeptPaths.
// Rules:    Deleted are Parquet files below the table's folder that are neither in the newest
//           version, nor removed from it within delta.deletedFileRetentionDuration (7 days), nor
//           read by a statement of this server. Never one younger than an hour: it may belong to a
//           commit that is still to come. One whose name is not of Varve's form must be older than
//           that duration, as other engines' writers expect. Folders and files that begin with '_'
//           or '.' are left alone, except _change_data, _delta_index and those of partitions, as
//           Delta's own VACUUM does.
// Units:    ages are taken by the store's clock, which may differ from ours.
// Errors:   DataLoss, and nothing deleted, when the store does not list a file that the newest
//           version has: then names do not mean what we think.
// Threads:  safe; blocks on the store.
#pragma once

#include <string>

#include "base/status.h"
#include "maintenance/upkeep_parts.h"
#include "model/schema.h"

namespace varve::maintenance {

struct VacuumReport {
  int64_t files = 0;
  int64_t bytes = 0;
  std::string ToString() const;
};

Result<VacuumReport> Vacuum(const UpkeepParts& parts, const TableRef& table,
                            const Stopped& stopped);

}  // namespace varve::maintenance
