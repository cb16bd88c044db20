// Commits rows to the lake: stages what is in memory, uploads the staged files, and puts them into
// the Delta table, as many parts as there are in few commits.
//
// Role:     Stager, buffer (staged parts) -> [Flusher] -> ObjectStore -> DeltaTable::Append ->
//           buffer (Swap). Cutting the log is BackgroundWork's.
// Layout:   <location>/<partition path>/part-<uuid>.zstd.parquet; the commit carries
//           txn {"<node id>/<table id>", Lsn through}, so that a restart knows what the files hold.
// Limits:   one flush of a table at a time. A commit has at most kCommitFilesMax files and
//           kCommitBytesMax bytes, or one part.
// Errors:   whatever the parts give; what is staged stays staged and readable and is tried again
//           under the same object names. After a commit that failed nothing of the table is
//           committed again before the Delta log was read and said whether that commit happened.
// Threads:  safe; Flush blocks on disk and network. No lock is held meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "buffer/buffer.h"
#include "flush/backoff.h"
#include "flush/stager.h"
#include "io/object_store.h"
#include "lake/flush_notes.h"
#include "lake/table_set.h"
#include "model/ids.h"

namespace varve::flush {

inline constexpr size_t kCommitFilesMax = 512;
inline constexpr int64_t kCommitBytesMax = int64_t{256} << 20;

// All outlive the flusher.
struct FlushParts {
  buffer::Buffer& buffer;
  Stager& stager;
  lake::TableSet& tables;
  io::ObjectStore& store;
  Clock& clock;
  lake::FlushNotes* notes = nullptr;  // may be missing: then only the lake says what is flushed
};

// The appId of this node's commits to a table; start-up reads its txn version as the flushed Lsn.
std::string TxnAppId(const std::string& node_id, TableId table);

class Flusher {
 public:
  Flusher(const FlushParts& parts, std::string node_id);

  // Commits every row of the table that was visible at the call, staged or in memory. Callers that
  // come while a flush runs share the next one. Returns the rows that this flush committed; 0 for
  // an unknown table. 55000, or Unavailable, when rows wait and the table is not open.
  Result<int64_t> Flush(TableId table) VARVE_EXCLUDES(mu_);

  // Puts files that were committed otherwise (DELETE, compaction, another server) in the place of
  // the buffer's. DataLoss when they do not reach as far as a flush of this node said.
  Status ShowFiles(TableId table, const FileSetRef& files) VARVE_EXCLUDES(mu_);

  // Flushes every table, goes on after errors and returns the first. With `skip_backing_off`, a
  // table whose last flush failed a short time ago is left out and its error counts again.
  Status FlushAll(bool skip_backing_off) VARVE_EXCLUDES(mu_);
  // Commits what is staged, and flushes the tables whose last flush failed; the same otherwise.
  Status FlushPending() VARVE_EXCLUDES(mu_);

  // From now on a flush ends with 57P01 once `limit` has passed, between two files: its rows stay
  // in the log. For the end of the process.
  void GiveUpAfter(std::chrono::milliseconds limit) { parts_.stager.GiveUpAfter(limit); }

 private:
  // Flushes of one table; created at the first.
  struct TableState {
    bool busy = false;
    uint64_t started = 0;  // number of the last Flush that began and that ended
    uint64_t finished = 0;
    Result<int64_t> last_result = 0;
    Backoff backoff{kLongestBackoffUs};  // of commits
    // How far the commits go that were begun since the last known to be good: any of them may have
    // happened, or may still, if the store was slow.
    std::set<Lsn> begun;
    // By part->through(): when the part's files were last stored, on the monotonic clock.
    std::map<Lsn, int64_t> uploaded;
  };
  // What one commit takes.
  struct CommitBatch {
    TableRef table;
    std::vector<buffer::StagedPartRef> parts;
    Lsn through() const { return parts.back()->through(); }
  };
  static constexpr int64_t kLongestBackoffUs = 60'000'000;

  // What a job does with one table; see FlushAll and FlushPending.
  Status FlushByJob(TableId id, bool pending_only) VARVE_EXCLUDES(mu_);
  // Commits what is staged, in a turn of its own that no caller of Flush may take for his.
  Status CommitOnly(TableId id) VARVE_EXCLUDES(mu_);
  // Calls each table's `flush`, goes on after errors and returns the first.
  Status ForUnflushed(const std::function<Status(TableId)>& flush);

  // Only the caller that made the table busy is in these.
  Result<int64_t> StageAndCommit(TableId id, TableState& state) VARVE_EXCLUDES(mu_);
  // Commits what is staged at the call; records the back-off.
  Result<int64_t> Commit(TableId id, TableState& state) VARVE_EXCLUDES(mu_);
  Result<int64_t> CommitParts(TableId id, TableState& state) VARVE_EXCLUDES(mu_);
  // The oldest parts up to `target`, within the limits of a commit.
  CommitBatch NextBatch(TableId id, Lsn target) const;
  // Stores the files that were not stored a short time ago.
  Status Upload(const CommitBatch& batch, TableState& state) VARVE_EXCLUDES(mu_);
  Status Append(TableId id, lake::DeltaTable& delta, const CommitBatch& batch, TableState& state)
      VARVE_EXCLUDES(mu_);
  // Shows what the Delta log holds now, and so the files of a commit that happened although it was
  // reported as failed. Returns how far this node's commits reach.
  Result<Lsn> Settle(TableId id, lake::DeltaTable& delta) VARVE_EXCLUDES(mu_);
  // Before the log lets go of what is flushed.
  void NoteFlushed(const buffer::TableSnapshot& shown, Lsn reached);

  // The error of a table that failed a short time ago; OK when it may be tried.
  Status BackingOff(TableId table) VARVE_EXCLUDES(mu_);
  bool IsFailing(TableId table) VARVE_EXCLUDES(mu_);

  // Constant after construction.
  const FlushParts parts_;
  const std::string node_id_;

  Mutex mu_;
  CondVar changed_;
  std::map<TableId, TableState> states_ VARVE_GUARDED_BY(mu_);  // never erased: few, and small
};

}  // namespace varve::flush
