// Names the data files that make up one version of a table in the lake.
//
// Role:     lake -> [FileSet] -> buffer (one half of a table snapshot), engine (what to scan).
// Units:    bytes; rows; statistics are closed ranges. Partition values are text as the Delta log
//           has them, nullopt for NULL.
// Threads:  immutable and shared.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/type.h"

namespace varve {

// Statistics of one column in one file, values in the Delta log's JSON text form without quotes.
// Text bounds may be prefixes: min is a lower and max an upper bound, not necessarily a value.
struct ColumnStats {
  std::optional<std::string> min;
  std::optional<std::string> max;
  std::optional<int64_t> null_count;
};

struct DataFile {
  std::string path;  // relative to the table's folder, as the Delta log has it (URL-decoded)
  // Where this node reads the file while only its own disk has it; empty: from the table's store.
  std::string local_path;
  int64_t bytes = 0;
  std::optional<int64_t> rows;
  std::map<std::string, std::optional<std::string>, std::less<>> partition_values;
  std::map<std::string, ColumnStats, std::less<>> stats;
  TimeRange time_range;  // of the table's time column; empty when the statistics do not say
};

// The order of a FileSet: the newest first, by the newest row that the file may hold.
inline bool IsNewer(const std::shared_ptr<const DataFile>& a,
                    const std::shared_ptr<const DataFile>& b) {
  const auto age = [](const DataFile& file) {
    return file.time_range.empty() ? INT64_MAX : file.time_range.max.value;
  };
  const int64_t age_a = age(*a);
  const int64_t age_b = age(*b);
  return age_a != age_b ? age_a > age_b : a->path < b->path;
}

struct FileSet {
  int64_t version = -1;  // Delta version; -1: the table has no commit yet
  // Newest first: descending time_range.max, so that a Top-N on time can stop early.
  std::vector<std::shared_ptr<const DataFile>> files;
  // By appId, the txn version last committed in or before this version: with it the files say how
  // far the log of a node is in them.
  std::map<std::string, int64_t> txns;
  // Why the table cannot be served although it is known, empty for one that can: nobody may read
  // these files as all there is, nor write to the table.
  std::string unreadable;
  // One object for all versions that an open table gives out: while somebody holds any of them, the
  // files of a dropped table stay. Null where nobody deletes.
  std::shared_ptr<const void> in_use;
};

using FileSetRef = std::shared_ptr<const FileSet>;

}  // namespace varve
