// Moves the buffer's rows into the lake: one Parquet file per partition, one Delta commit per
// table.
//
// Role:     buffer (Freeze) -> [Flusher] -> ParquetWriter -> ObjectStore -> DeltaTable::Append ->
//           buffer (Swap). Cutting the log is LogTrimmer's.
// Layout:   <location>/<partition path>/part-<uuid>.zstd.parquet; the commit carries
//           txn {"<node id>/<table id>", Lsn through}, so that a restart knows what the files hold.
// Limits:   one flush at a time over all tables, so that the memory for writing is that of one.
// Errors:   whatever the parts give; the buffer is then as before and the rows stay readable, and
//           files that no commit can name are deleted. After a failed commit nothing of the table
//           is committed again before the Delta log was read and said whether that commit happened;
//           the files of one that may still happen stay.
// Threads:  safe; Flush blocks on disk and network. No lock is held meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "buffer/buffer.h"
#include "io/file.h"
#include "io/object_store.h"
#include "lake/data_file.h"
#include "lake/parquet_writer.h"
#include "lake/partition_rows.h"
#include "lake/table_set.h"
#include "model/ids.h"

namespace varve::flush {

// All outlive the flusher.
struct FlushParts {
  buffer::Buffer& buffer;
  buffer::MemoryBudget& budget;
  lake::TableSet& tables;
  lake::ParquetWriter& parquet;
  io::ObjectStore& store;
  io::FileSystem& files;
  Clock& clock;
};

struct FlushSettings {
  std::string node_id;
  std::string scratch_dir;  // exists; on the disk that temporary files may fill
  lake::DataFileFormat format = {};
};

// The appId of this node's commits to a table; start-up reads its txn version as the flushed Lsn.
std::string TxnAppId(const std::string& node_id, TableId table);

class Flusher {
 public:
  Flusher(const FlushParts& parts, FlushSettings settings);

  // Commits every row of the table that was visible at the call. Callers that come while a flush
  // runs share the next one. Returns the rows that this flush committed; 0 for an unknown table.
  Result<int64_t> Flush(TableId table) VARVE_EXCLUDES(mu_);

  // Puts files that were committed otherwise (DELETE, compaction, another server) in the place of
  // the buffer's. DataLoss when they do not reach as far as a flush of this node said.
  Status ShowFiles(TableId table, const FileSetRef& files) VARVE_EXCLUDES(mu_);

  // Flushes every table, goes on after errors and returns the first. With `skip_backing_off`, a
  // table whose last flush failed a short time ago is left out and its error counts again.
  Status FlushAll(bool skip_backing_off) VARVE_EXCLUDES(mu_);
  // From now on a flush ends with 57P01 once `limit` has passed, between two files: its rows stay
  // in the log. For the end of the process.
  void GiveUpAfter(std::chrono::milliseconds limit);
  // Flushes the oldest rows of the largest tables until the budget is at most half used and has
  // room for whoever waits. Each flush takes an eighth of the budget, so that memory comes back
  // while the rest is still written and writers wait for a part only.
  Status Relieve() VARVE_EXCLUDES(mu_);

 private:
  // Flushes of one table; created at the first.
  struct TableState {
    uint64_t started = 0;  // number of the last flush that began and that ended
    uint64_t finished = 0;
    Result<int64_t> last_result = 0;
    int failures = 0;  // in a row
    int64_t not_before_us = 0;
    // How far the commits went that failed since the last good one: any of them may have happened,
    // or may still, if the store was slow. Changed by the running flush only.
    std::set<Lsn> failed_commits;
    std::set<Lsn> tried;  // how far commits went that were begun since the last but one good one
  };
  struct Upload {
    std::vector<DataFile> files;
    std::vector<std::string> names;  // of the objects
  };

  // One flush of at least one segment and about `bytes_max`; only the caller that set busy_ is in
  // here.
  Result<int64_t> Run(TableId id, std::set<Lsn>& failed_commits, uint64_t bytes_max);
  // Waits for its turn and flushes the oldest rows of the table. Returns how many; no caller of
  // Flush may take this for its own.
  Result<int64_t> FlushOldest(TableId table, uint64_t bytes_max) VARVE_EXCLUDES(mu_);
  // Calls Run with busy_ set by the caller, and records how it ended.
  Result<int64_t> RunBusy(TableId id, TableState& state, uint64_t bytes_max) VARVE_EXCLUDES(mu_);
  // Reads from the Delta log how far this node's commits reach, and swaps the files of a failed
  // commit in that happened after all.
  Result<Lsn> Settle(TableId id, lake::DeltaTable& delta, const std::set<Lsn>& failed_commits);
  // `upload` also holds what was stored before an error.
  Status StoreFiles(const TableRef& table, const std::vector<lake::PartitionGroup>& groups,
                    Upload& upload);
  // For ShowFiles, before a commit that goes up to `through`.
  void NoteTried(TableId id, Lsn through) VARVE_EXCLUDES(mu_);
  Status CheckTime() const;
  // Best effort: what stays is removed by vacuum.
  void DeleteObjects(const std::vector<std::string>& names);
  // Tables that have rows in the buffer, the one with the most bytes first.
  struct Candidate {
    TableRef table;
    uint64_t bytes = 0;
  };
  std::vector<Candidate> Candidates() const;
  // The error of a table that failed a short time ago; OK when it may be tried.
  Status BackingOff(TableId table) VARVE_EXCLUDES(mu_);
  // True while the buffer should give memory back.
  bool UnderPressure() const;
  void Record(TableState& state, const Result<int64_t>& result) VARVE_REQUIRES(mu_);

  // Constant after construction.
  const FlushParts parts_;
  const FlushSettings settings_;

  // Own synchronization.
  std::atomic<int64_t> give_up_us_{INT64_MAX};  // of the monotonic clock

  Mutex mu_;
  CondVar changed_;
  std::map<TableId, TableState> states_ VARVE_GUARDED_BY(mu_);  // never erased: few, and small
  bool busy_ VARVE_GUARDED_BY(mu_) = false;
};

}  // namespace varve::flush
