// Writes what a DELETE or UPDATE makes of a table's data files, without committing it.
//
// Role:     RowChange -> [ChangeWriter] -> objects of the store, and a FileEdit for RowChanger.
// Layout:   a file of which every row goes is only taken out; another one is copied without the
//           rows, in its order; new rows are written as flush writes them, sorted, by partition.
// Limits:   rows are streamed, or gathered up to kGatherBytes; scratch files go one by one.
// Errors:   57014 when interrupted, 53100 disk full, 53200 out of memory, 23502 and the like for
//           new rows, the store's. The objects in names() may be there then; nobody reads them.
// Threads:  not thread-safe; blocks on disk and network.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine_core.h"
#include "engine/row_change.h"
#include "model/file_set.h"

namespace varve::engine {

struct FileEdit {
  std::vector<std::string> removed;  // paths
  std::vector<std::shared_ptr<const DataFile>> added;
  std::optional<int64_t> stored_us;  // as in lake::FileChange
};

// How the writer is stopped from outside.
struct ChangeControl {
  std::function<Status()> check;                     // an error: stop
  std::function<void(duckdb::Connection*)> running;  // may be interrupted until nullptr comes
};

class ChangeWriter {
 public:
  ChangeWriter(EngineCore& core, TableRef table, const ChangeControl& control);

  // Takes the rows out of their files, and writes an UPDATE's new ones.
  Result<FileEdit> Write(const RowChange& change);
  // Writes rows that are complete (CompleteBatch) into new files.
  Status WriteRows(std::vector<BatchRef> batches, FileEdit& edit);

  // Objects that were, or may have been, stored.
  const std::vector<std::string>& names() const { return names_; }
  // What keeps vacuum from deleting them; hold on to it until they are committed.
  const std::vector<std::shared_ptr<const void>>& kept() const { return kept_; }

 private:
  Status WriteNewRows(const RowChange& change, FileEdit& edit);
  // Copies a file without the marked rows; nullptr when no row is left.
  Result<std::shared_ptr<const DataFile>> CopyWithout(const std::shared_ptr<const DataFile>& file,
                                                      const RowBits& out);
  Status Store(const DataFile& file, const std::string& local);

  EngineCore& core_;
  const TableRef table_;
  const ChangeControl& control_;
  const lake::ParquetSpec spec_;
  std::vector<std::string> names_;
  std::vector<std::shared_ptr<const void>> kept_;
};

}  // namespace varve::engine
