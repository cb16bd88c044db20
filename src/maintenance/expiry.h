// Takes the files out of a table all of whose rows are older than its retention.
//
// Role:     Upkeep -> [Expire] -> DeltaTable::Replace (operation DELETE, dataChange true),
//           Maintenance::ShowFiles. Vacuum deletes the files later.
// Rules:    by the latest time that the file's statistics give; a file without them stays, and so
//           do the rows of a file that is past the retention only in part.
// Errors:   the parts'; 40001 when other writers were first again and again.
// Threads:  safe; blocks on the store.
#pragma once

#include <string>

#include "base/status.h"
#include "maintenance/upkeep_parts.h"
#include "model/schema.h"

namespace varve::maintenance {

struct ExpiryReport {
  int64_t files = 0;
  int64_t rows = 0;  // of files that say how many they have
  std::string ToString() const;
};

// Does nothing for a table without a retention.
Result<ExpiryReport> Expire(const UpkeepParts& parts, const TableRef& table,
                            const Stopped& stopped);

}  // namespace varve::maintenance
