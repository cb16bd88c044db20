// Makes, changes and removes a table's part in lake and buffer when its definition changes.
//
// Role:     CREATE, ALTER, DROP TABLE -> [LakeTables] -> DeltaTable, TableSet, Buffer.
// Errors:   Unavailable when the object store is; AlreadyExists from Create when the folder holds a
//           table with other columns. After an error nothing has changed for readers.
// Threads:  safe; every call may block on the object store.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "buffer/buffer.h"
#include "io/object_store.h"
#include "lake/table_set.h"
#include "model/schema.h"

namespace varve::engine {

class LakeTables {
 public:
  LakeTables(buffer::Buffer& buffer, lake::TableSet& tables, lake::DeltaTable::Context context)
      : buffer_(buffer), tables_(tables), context_(std::move(context)) {}

  // Shows a new table to the buffer, and to the flusher when another server has made it already.
  // Nothing is written to the lake: Make follows when the definition is durable, UndoCreate when it
  // never becomes so.
  Status Create(const TableRef& table) VARVE_EXCLUDES(mu_);
  // Writes the Delta table's version 0, which no other server may see before the definition is
  // durable, and shows the table to the flusher. What fails here is done by the next refresh, or
  // the next start; until then the rows stay in the log.
  Status Make(const TableRef& table) VARVE_EXCLUDES(mu_);
  // Between Create and the end of Make or UndoCreate.
  bool IsBeingMade(TableId id) const VARVE_EXCLUDES(mu_);
  // Commits new columns to the Delta table, then hands the definition to buffer and flusher. Waits
  // for the end of Make.
  Status Update(const TableRef& table) VARVE_EXCLUDES(mu_);
  // Takes the table from buffer and flusher: its rows are gone for every later statement.
  void Remove(TableId id);
  // The same after Create, when the definition did not become durable.
  void UndoCreate(TableId id) VARVE_EXCLUDES(mu_);
  // The same for a table whose DROP is durable; its folder goes when nobody uses it any more. Waits
  // for the end of Make.
  void Drop(const TableRef& table) VARVE_EXCLUDES(mu_);
  // A DROP that an earlier run did not come to the end of.
  Status ResumeDrop(TableId id, const std::string& location) VARVE_EXCLUDES(mu_);
  // Deletes the folders of dropped tables that no running statement or flush uses any more, and
  // returns the ids of those that are gone for good. On a store that others share, the commit that
  // says so stays for kDropMarkUs, or a server that has not looked meanwhile would go on writing.
  // What cannot be done now is tried again at the next call.
  std::vector<TableId> DeleteUnusedFolders() VARVE_EXCLUDES(mu_);

  static constexpr int64_t kDropMarkUs = int64_t{24} * 3600 * 1'000'000;

 private:
  struct DroppedFolder {
    TableId id;
    std::string location;
    std::weak_ptr<const void> in_use;  // held by statements that read its files and by a flush
    std::shared_ptr<lake::DeltaTable> unmarked;  // until its log says that it is dropped
    bool unopened = false;                       // its log is still to be looked at
    int64_t gone_us = 0;                         // when all but that commit was deleted; UTC
  };

  bool IsShared(const std::string& location) const;
  void WaitUntilMade(TableId id) VARVE_EXCLUDES(mu_);
  void EndMake(TableId id) VARVE_EXCLUDES(mu_);
  // One step further; true when nothing is left.
  Result<bool> Advance(DroppedFolder& folder);
  // Deletes every object below a location that no table has any more; with `keep_newest`, all but
  // the newest version of its log, which goes last otherwise.
  Status DeleteFolder(const std::string& location, bool keep_newest);

  buffer::Buffer& buffer_;
  lake::TableSet& tables_;
  const lake::DeltaTable::Context context_;
  mutable Mutex mu_;
  CondVar made_;
  std::vector<DroppedFolder> dropped_ VARVE_GUARDED_BY(mu_);
  std::set<TableId> being_made_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::engine
