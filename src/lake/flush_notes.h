// Notes on the local disk how far this server's commits have brought each table.
//
// Role:     flush (a commit is known to be there) -> [FlushNotes] -> engine (start): what to do
//           when the lake says less, because another engine's checkpoint has dropped our `txn`, or
//           because the bucket was put back.
// Layout:   <dir>/<table id>.json (docs/formats/flushed.md), replaced by rename, synced before. A
//           note may be older than the last commit, never newer.
// Errors:   DataLoss for a note that cannot be read; the file system's.
// Threads:  safe.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "io/file.h"
#include "model/ids.h"

namespace varve::lake {

struct FlushNote {
  Lsn through;           // the txn version of the commit
  int64_t version = 0;   // the Delta version that it is, or an earlier one
  std::string location;  // of the table
};

class FlushNotes {
 public:
  FlushNotes(io::FileSystem& files, std::string dir) : files_(files), dir_(std::move(dir)) {}

  std::string PathOf(TableId table) const;
  // Nullopt when there is none.
  Result<std::optional<FlushNote>> Read(TableId table) const;
  // The table of the location; the highest id if there are several.
  Result<std::optional<TableId>> FindTable(const std::string& location) const;
  // Keeps the note unless this object has kept one that goes further.
  Status Write(TableId table, const FlushNote& note) VARVE_EXCLUDES(mu_);

 private:
  io::FileSystem& files_;
  const std::string dir_;

  Mutex mu_;  // held across I/O
  std::map<TableId, Lsn> written_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::lake
