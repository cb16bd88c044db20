// Moves the buffer's oldest rows into data files on the local disk, so that memory comes back
// without the object store.
//
// Role:     buffer (Freeze) -> [Stager] -> ParquetWriter -> staged parts in the buffer (Stage),
//           which Flusher commits to the lake. Replay and the soft limit use it alone.
// Layout:   <dir>/part-<uuid>.zstd.parquet, one file per partition and part; emptied at start.
// Limits:   one part is written at a time over all tables, so that the memory for it is that of
//           one. The disk space is bounded by that of the log, which keeps what is staged.
// Errors:   whatever the parts give, 53100 when the disk is full; the buffer is then as before, the
//           rows stay readable, and no file is left behind.
// Threads:  safe; Stage and Relieve block on the disk. No lock is held meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "buffer/buffer.h"
#include "flush/backoff.h"
#include "io/file.h"
#include "lake/data_file.h"
#include "lake/parquet_writer.h"
#include "lake/partition_rows.h"
#include "model/ids.h"

namespace varve::flush {

// All outlive the stager.
struct StagerParts {
  buffer::Buffer& buffer;
  buffer::MemoryBudget& budget;
  lake::ParquetWriter& parquet;
  io::FileSystem& disk;
  Clock& clock;
};

struct StagerSettings {
  std::string dir;  // exists, and is empty
  lake::DataFileFormat format = {};
};

class Stager {
 public:
  Stager(const StagerParts& parts, StagerSettings settings);

  // Stages the oldest rows in memory, about `bytes_max` and one segment at least: without a limit,
  // every row that was visible at the call. Returns how many; 0 for an unknown table.
  Result<int64_t> Stage(TableId table, uint64_t bytes_max = UINT64_MAX) VARVE_EXCLUDES(mu_);
  // Stages the oldest rows of the largest tables until the budget is at most half used and has room
  // for whoever waits. Each part takes an eighth of the budget, so that memory comes back while the
  // rest is still written and writers wait for a part only.
  Status Relieve() VARVE_EXCLUDES(mu_);
  // Set once, before the first Relieve, which calls it after each part: under load it may go on for
  // long, and the lake and the log must not wait for its end.
  void OnRelieved(std::function<void()> wake_flusher) { wake_flusher_ = std::move(wake_flusher); }

  // The error of a table that failed a short time ago; OK when it may be tried.
  Status BackingOff(TableId table) const VARVE_EXCLUDES(mu_);
  // True when the last try failed.
  bool IsFailing(TableId table) const VARVE_EXCLUDES(mu_);

  // From now on staging ends with 57P01 once `limit` has passed, between two files. For the end of
  // the process.
  void GiveUpAfter(std::chrono::milliseconds limit);
  // OK until then.
  Status CheckTime() const;

 private:
  // Only the caller that set busy_ is in here.
  Result<int64_t> WritePart(TableId table, uint64_t bytes_max);
  // Fills `content.files`; after an error it names what may have been left behind.
  Status WriteFiles(const TableRef& table, const std::vector<lake::PartitionGroup>& groups,
                    buffer::StagedContent& content);
  // True while the buffer should give memory back.
  bool UnderPressure() const;

  // Constant after set-up.
  const StagerParts parts_;
  const StagerSettings settings_;
  std::function<void()> wake_flusher_;

  // Own synchronization.
  std::atomic<int64_t> give_up_us_{INT64_MAX};  // of the monotonic clock

  mutable Mutex mu_;
  CondVar changed_;
  bool busy_ VARVE_GUARDED_BY(mu_) = false;
  std::map<TableId, Backoff> backoffs_ VARVE_GUARDED_BY(mu_);  // of tables that have failed
};

// Tables with rows in memory, the one with the most bytes first.
struct TableInMemory {
  TableRef table;
  uint64_t bytes = 0;
};
std::vector<TableInMemory> TablesInMemory(const buffer::SnapshotMap& snapshot);

}  // namespace varve::flush
