// Makes, changes and removes a table's part in lake and buffer when its definition changes.
//
// Role:     CREATE, ALTER, DROP TABLE -> [LakeTables] -> DeltaTable, TableSet, Buffer.
// Errors:   Unavailable when the object store is; AlreadyExists from Create when the folder holds a
//           table with other columns. After an error nothing has changed for readers.
// Threads:  safe; every call may block on the object store.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "buffer/buffer.h"
#include "engine/meta_store.h"
#include "io/object_store.h"
#include "lake/table_set.h"
#include "model/schema.h"

namespace varve::engine {

// Says to readers and writers why a table that is not in the lake cannot be served. Its rows stay.
void ShowUnreadable(buffer::Buffer& buffer, TableId id, const Status& why);

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
  // the next start; until then the rows stay in the log. AlreadyExists when another server was
  // first and its table has other columns: then nothing is written to this one (ShowUnreadable).
  Status Make(const TableRef& table) VARVE_EXCLUDES(mu_);
  // Between Create and the end of Make or UndoCreate.
  bool IsBeingMade(TableId id) const VARVE_EXCLUDES(mu_);
  void WaitUntilMade(TableId id) VARVE_EXCLUDES(mu_);
  // Commits new columns to the Delta table, then hands the definition to buffer and flusher. Waits
  // for the end of Make.
  Status Update(const TableRef& table) VARVE_EXCLUDES(mu_);
  // OK when a table that is not in the lake may have the folder of `renamed`; nothing is changed.
  Status CheckFree(const TableRef& renamed) const;
  // Takes the table from buffer and flusher: its rows are gone for every later statement.
  void Remove(TableId id);
  // The same after Create, when the definition did not become durable.
  void UndoCreate(TableId id) VARVE_EXCLUDES(mu_);
  // The Delta table of that id that is open here, by what tells it from others; nullopt: none.
  std::optional<std::string> LakeId(TableId id) const;
  // The same for a table whose DROP is durable; its folder goes when nobody uses it any more. Waits
  // for the end of Make. What this server has neither made nor opened is another's, and stays.
  void Drop(const TableRef& table) VARVE_EXCLUDES(mu_);
  // A DROP that an earlier run did not come to the end of.
  void ResumeDrop(const DroppedTable& dropped) VARVE_EXCLUDES(mu_);
  // Deletes the folders of dropped tables that no running statement or flush uses any more, and
  // returns the ids of those that are gone for good. On a store that others share, the Delta log,
  // whose last commit says so, stays for kDropMarkUs: a server that has not looked meanwhile would
  // go on writing. What cannot be done now is tried again at the next call.
  std::vector<TableId> DeleteUnusedFolders() VARVE_EXCLUDES(mu_);

  static constexpr int64_t kDropMarkUs = int64_t{24} * 3600 * 1'000'000;

 private:
  struct DroppedFolder {
    TableId id;
    std::string location;
    std::string lake_id;
    std::weak_ptr<const void> in_use;  // held by statements that read its files and by a flush
    std::shared_ptr<lake::DeltaTable> unmarked;  // until its log says that it is dropped
    int64_t gone_us = 0;                         // when all but its log was deleted; UTC
  };

  bool IsShared(const std::string& location) const;
  void EndMake(TableId id) VARVE_EXCLUDES(mu_);
  // One step further; true when nothing of the table is left.
  Result<bool> Advance(DroppedFolder& folder);
  // False when another server has made a table there since, whose files they are. Marks the dropped
  // one if an earlier run did not come to that.
  Result<bool> IsStillThere(const DroppedFolder& folder);
  // Deletes every object below a location that no table has any more; with `keep_log`, all but its
  // Delta log, whose newest version goes last otherwise.
  Status DeleteFolder(const std::string& location, bool keep_log);

  buffer::Buffer& buffer_;
  lake::TableSet& tables_;
  const lake::DeltaTable::Context context_;
  mutable Mutex mu_;
  CondVar made_;
  std::vector<DroppedFolder> dropped_ VARVE_GUARDED_BY(mu_);
  std::set<TableId> being_made_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::engine
