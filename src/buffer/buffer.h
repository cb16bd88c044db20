// Holds the rows that are durable in the log and not yet in the lake, and hands out snapshots.
//
// Role:     ingest (on_durable) -> Apply -> [Buffer] -> Snapshot -> engine scans; flush -> Freeze,
//           Stage, Swap.
// Layout:   per table, in Lsn order: the files of a Delta version, staged parts (files on the local
//           disk), immutable segments. Small batches are merged by size (merge_policy.h), so a scan
//           meets few segments. A row is in exactly one of these places in a snapshot.
// Limits:   segments up to kBatchRowsMax rows; bytes are charged to one MemoryBudget until the last
//           snapshot that holds them is gone.
// Threads:  safe. A snapshot is one immutable view of all tables; readers hold no lock. Snapshot
//           waits for no more than a pointer copy; changes wait for each other, never for a merge.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "buffer/memory_budget.h"
#include "buffer/merge_policy.h"
#include "buffer/segment.h"
#include "buffer/staged_part.h"
#include "model/batch.h"
#include "model/file_set.h"
#include "model/ids.h"

namespace varve::buffer {

// Every row of one table exactly once: in the files of one Delta version, in the staged parts after
// it, or in the segments after those.
struct TableSnapshot {
  TableRef table;
  FileSetRef files;                   // those of the Delta version only
  std::vector<StagedPartRef> staged;  // in Lsn order, oldest first
  std::vector<SegmentRef> segments;   // in Lsn order, oldest first
  Lsn flushed;                        // `files` hold every record up to here
  FileSetRef scan_files;              // those of `files` and of `staged`: what a scan reads

  // Every record up to here has left memory.
  Lsn staged_through() const { return staged.empty() ? flushed : staged.back()->through(); }
};
using TableSnapshotRef = std::shared_ptr<const TableSnapshot>;
using SnapshotMap = std::map<TableId, TableSnapshotRef>;
using SnapshotRef = std::shared_ptr<const SnapshotMap>;

class Buffer {
 public:
  // `budget` outlives the buffer and every snapshot taken from it.
  explicit Buffer(MemoryBudget& budget);

  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // One consistent view of all tables: a transaction's rows are in it whole or not at all.
  SnapshotRef Snapshot() const VARVE_EXCLUDES(mu_);

  // `flushed`: the Lsn that the files reach, from the table's Delta log. The id must be new.
  void AddTable(TableRef table, FileSetRef files, Lsn flushed) VARVE_EXCLUDES(change_mu_, mu_);
  // A new definition of the same table id (ADD COLUMN, SET). Nothing happens if the id is unknown.
  void UpdateTable(TableRef table) VARVE_EXCLUDES(change_mu_, mu_);
  // Lets go of the table's rows; snapshots taken before keep theirs. An unknown id is no error.
  void DropTable(TableId id) VARVE_EXCLUDES(change_mu_, mu_);

  struct Transaction {
    LsnRange lsns;
    std::vector<TableRows> rows;
  };
  // Makes rows visible, all tables and transactions at once. SegmentBytes of each batch is already
  // charged by the caller and passes to the buffer. Called in Lsn order by one thread at a time;
  // `lsns` is the whole transaction's, also when `rows` is empty. Rows of a table that was dropped
  // meanwhile are let go.
  void Apply(std::span<const Transaction> transactions) VARVE_EXCLUDES(change_mu_, mu_);
  void Apply(LsnRange lsns, std::span<const TableRows> rows) VARVE_EXCLUDES(change_mu_, mu_);

  // What a flush has to write: no later row is merged into these segments.
  struct Frozen {
    TableRef table;  // null when the table is gone
    std::vector<SegmentRef> segments;
    Lsn through;  // every record of the table up to here is in `segments` or has left memory
  };
  // The oldest segments of the table: as many as come to `bytes_max`, one at least.
  Frozen Freeze(TableId id, uint64_t bytes_max = UINT64_MAX) VARVE_EXCLUDES(change_mu_, mu_);
  // The rows of a Freeze are in the files of `part` now: both change places in one step. Does
  // nothing when the table is gone.
  void Stage(TableId id, StagedPartRef part) VARVE_EXCLUDES(change_mu_, mu_);
  // The rows up to `through` (of a Freeze, or what the buffer has already) are in `files`: both
  // change places in one step. Files of an older version than the table's are ignored, so that
  // flushes and other changes of the files may come in any order.
  void Swap(TableId id, Lsn through, FileSetRef files) VARVE_EXCLUDES(change_mu_, mu_);
  // The same for a `through` that is not known to lie between segments and parts: false, and
  // nothing has changed, when it does not.
  bool TrySwap(TableId id, Lsn through, FileSetRef files) VARVE_EXCLUDES(change_mu_, mu_);

  // Highest Lsn, at most `durable`, such that no table has a record at or below it that is not in
  // the lake: as far as rows go, the log may be truncated through it. All rows up to `durable` must
  // have been applied; records of other things may lie between and behind them.
  Lsn FlushedThrough(Lsn durable) const VARVE_EXCLUDES(change_mu_, mu_);

  // Set once, before the first Apply. Called without a lock held when MergeLarge has work.
  void OnLargeMergeDue(std::function<void()> wake);
  // Merges one run of middle-sized segments; tens of milliseconds of copying, without a lock.
  // Returns false when there was none.
  bool MergeLarge() VARVE_EXCLUDES(change_mu_, mu_);

 private:
  struct Added {
    TableId table;
    SegmentRef segment;
  };

  // Installs `next` and returns the map that it replaces, for the caller to let go of after it has
  // released its lock: the last reference may free a lot of memory.
  SnapshotRef Publish(SnapshotMap next) VARVE_REQUIRES(change_mu_) VARVE_EXCLUDES(mu_);
  // Replaces the snapshot of one table; `edit` changes a copy. False when the id is unknown.
  bool Edit(TableId id, const std::function<void(TableSnapshot&)>& edit)
      VARVE_EXCLUDES(change_mu_, mu_);
  Lsn FrozenThrough(TableId id) const VARVE_REQUIRES(change_mu_);
  static bool MayMerge(const TableSnapshot& table);
  // Merges what SmallMerge finds at the end of the table's list. True when that made a segment that
  // LargeMerge may want.
  bool MergeTail(TableId id) VARVE_EXCLUDES(change_mu_, mu_);
  // Copies `run` into one segment and puts it in the run's place, unless a freeze, a flush or
  // another merge has touched the run meanwhile.
  void Merge(TableId id, std::span<const SegmentRef> run) VARVE_EXCLUDES(change_mu_, mu_);
  MergeLimits LargeLimits() const;

  // Constant after set-up.
  MemoryBudget& budget_;
  std::function<void()> wake_merger_;

  // Held by whoever builds the next map, so that no change is lost; never while rows are copied.
  mutable Mutex change_mu_ VARVE_ACQUIRED_BEFORE(mu_);
  std::map<TableId, Lsn> frozen_through_ VARVE_GUARDED_BY(change_mu_);
  Lsn applied_ VARVE_GUARDED_BY(change_mu_);
  // Held for a pointer copy only.
  mutable Mutex mu_;
  SnapshotRef current_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::buffer
