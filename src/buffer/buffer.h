// Holds the rows that are durable in the log and not yet in the lake, and hands out snapshots.
//
// Role:     ingest (on_durable) -> Apply -> [Buffer] -> Snapshot -> engine scans; flush -> Freeze,
// Swap. Layout:   per table a list of immutable segments in Lsn order. Small batches are merged by
// size as they
//           arrive (each row is copied O(log n) times), so a scan meets few segments.
// Limits:   segments up to kBatchRowsMax rows; bytes are charged to one MemoryBudget.
// Threads:  safe. A snapshot is one immutable view of all tables; readers hold no lock.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "buffer/memory_budget.h"
#include "model/batch.h"
#include "model/file_set.h"
#include "model/ids.h"

namespace varve::buffer {

struct Segment {
  BatchRef rows;
  LsnRange lsns;  // of the records that it holds
  TimeRange time_range;
  uint64_t bytes = 0;  // charged to the budget
};
using SegmentRef = std::shared_ptr<const Segment>;

// Every row of one table exactly once: the files of one Delta version, and the segments after it.
struct TableSnapshot {
  TableRef table;
  FileSetRef files;
  std::vector<SegmentRef> segments;  // in Lsn order, oldest first
  Lsn flushed;                       // files hold every record up to here
};
using TableSnapshotRef = std::shared_ptr<const TableSnapshot>;
using SnapshotMap = std::map<TableId, TableSnapshotRef>;
using SnapshotRef = std::shared_ptr<const SnapshotMap>;

class Buffer {
 public:
  explicit Buffer(MemoryBudget& budget);

  // One consistent view of all tables: a transaction's rows are in it whole or not at all.
  SnapshotRef Snapshot() const VARVE_EXCLUDES(mu_);

  void AddTable(TableRef table, FileSetRef files, Lsn flushed) VARVE_EXCLUDES(mu_);
  // A new definition of the same table id (ADD COLUMN, SET).
  void UpdateTable(TableRef table) VARVE_EXCLUDES(mu_);
  void DropTable(TableId id) VARVE_EXCLUDES(mu_);

  // Makes rows visible, all tables at once. Their bytes are already reserved by the caller. Called
  // in Lsn order. Rows of a table that was dropped meanwhile are let go.
  void Apply(LsnRange lsns, std::span<const TableRows> rows) VARVE_EXCLUDES(mu_);

  // What a flush has to write: no later row is merged into these segments.
  struct Frozen {
    std::vector<SegmentRef> segments;
    Lsn through;  // every record of the table up to here is in `segments` or in the files
  };
  Frozen Freeze(TableId id) VARVE_EXCLUDES(mu_);
  // The rows up to `through` are in `files` now: both change places in one step.
  void Swap(TableId id, Lsn through, FileSetRef files) VARVE_EXCLUDES(mu_);

  // Highest Lsn such that no table has an unflushed record at or below it, given that everything up
  // to `durable` was applied: the log may be truncated through it.
  Lsn FlushedThrough(Lsn durable) const VARVE_EXCLUDES(mu_);

 private:
  MemoryBudget& budget_;
  mutable Mutex mu_;
  SnapshotRef current_ VARVE_GUARDED_BY(mu_);
  std::map<TableId, Lsn> frozen_through_ VARVE_GUARDED_BY(mu_);
  Lsn applied_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::buffer
