#include "flush/flusher.h"

#include <absl/cleanup/cleanup.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/fault_point.h"
#include "lake/delta_table.h"

namespace varve::flush {
namespace {

// What is stored at once, so that a failure costs no more than that.
constexpr size_t kUploadFilesMax = 64;
// An object that no version names is vacuum's when it is older than an hour. What was stored longer
// ago than this is stored again before its commit.
constexpr int64_t kUploadGoodForUs = int64_t{20} * 60 * 1'000'000;

buffer::TableSnapshotRef Find(const buffer::Buffer& buffer, TableId id) {
  const buffer::SnapshotRef snapshot = buffer.Snapshot();
  const auto at = snapshot->find(id);
  return at == snapshot->end() ? nullptr : at->second;
}

Lsn StagedThrough(const buffer::Buffer& buffer, TableId id) {
  const buffer::TableSnapshotRef table = Find(buffer, id);
  return table == nullptr ? Lsn{0} : table->staged_through();
}

// As the Delta table is to have them.
std::vector<DataFile> LakeFiles(const std::vector<buffer::StagedPartRef>& parts) {
  std::vector<DataFile> files;
  for (const buffer::StagedPartRef& part : parts) {
    for (const DataFile& file : part->content().files) {
      files.push_back(file);
      files.back().local_path.clear();
    }
  }
  return files;
}

// Tables that are not wholly in the lake: those with the most memory first.
std::vector<TableRef> UnflushedTables(const buffer::Buffer& buffer) {
  // The snapshot goes at the end: held during a flush, it would keep the flushed rows in memory.
  const buffer::SnapshotRef snapshot = buffer.Snapshot();
  std::vector<TableRef> tables;
  for (TableInMemory& table : TablesInMemory(*snapshot)) tables.push_back(std::move(table.table));
  for (const auto& [id, table] : *snapshot) {
    if (table->segments.empty() && !table->staged.empty()) tables.push_back(table->table);
  }
  return tables;
}

// Rows that wait for a table that is not open here. OK when there are none.
Status CheckNothingWaits(const buffer::Buffer& buffer, TableId id) {
  const buffer::TableSnapshotRef table = Find(buffer, id);
  if (table == nullptr || (table->segments.empty() && table->staged.empty())) return OkStatus();
  const std::string name = table->table->name.ToString();
  if (table->files == nullptr || table->files->unreadable.empty()) {
    return Unavailable("rows of table {} wait in the log: the table is not in the lake yet", name);
  }
  return SqlErrorf(sqlstate::kObjectNotInPrerequisiteState,
                   "rows of table {} wait in the log: the table cannot be served: {}", name,
                   table->files->unreadable);
}

}  // namespace

std::string TxnAppId(const std::string& node_id, TableId table) {
  return node_id + "/" + std::to_string(table.value);
}

Flusher::Flusher(const FlushParts& parts, std::string node_id)
    : parts_(parts), node_id_(std::move(node_id)) {}

Result<int64_t> Flusher::Flush(TableId table) {
  TableState* state = nullptr;
  {
    MutexLock lock(mu_);
    state = &states_[table];
    // A flush that runs already may have frozen before the caller's rows came.
    const uint64_t wanted = state->started + 1;
    changed_.Wait(mu_,
                  [&]() VARVE_REQUIRES(mu_) { return state->finished >= wanted || !state->busy; });
    if (state->finished >= wanted) return state->last_result;
    state->busy = true;
    ++state->started;
  }
  Result<int64_t> result = Internal("the flush was cut short by an exception");
  // However it ends: a flush that stays busy would stop all others of the table for good.
  const auto end = absl::MakeCleanup([&] {
    {
      MutexLock lock(mu_);
      state->busy = false;
      state->finished = state->started;
      state->last_result = result;
    }
    changed_.NotifyAll();
  });
  result = StageAndCommit(table, *state);
  return Result<int64_t>(result);  // a copy: `end` still reads it
}

Status Flusher::CommitOnly(TableId id) {
  TableState* state = nullptr;
  {
    MutexLock lock(mu_);
    state = &states_[id];
    changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return !state->busy; });
    state->busy = true;
  }
  const auto end = absl::MakeCleanup([&] {
    {
      MutexLock lock(mu_);
      state->busy = false;
    }
    changed_.NotifyAll();
  });
  return Commit(id, *state).status();
}

Result<int64_t> Flusher::StageAndCommit(TableId id, TableState& state) {
  // Dropped, or not to be read now: then its rows must not become parts that its files may divide.
  if (parts_.tables.Find(id) == nullptr) return CommitParts(id, state);
  int64_t rows = 0;
  // While the store is down, what is staged tells as much as a further small part would.
  if (IsFailing(id)) {
    VARVE_ASSIGN_OR_RETURN(rows, Commit(id, state));
  }
  Status staged = parts_.stager.Stage(id).status();
  // Also after an error: on a full disk, commits make room.
  VARVE_ASSIGN_OR_RETURN(const int64_t more, Commit(id, state));
  if (!staged.ok()) return staged;
  return rows + more;
}

Result<int64_t> Flusher::Commit(TableId id, TableState& state) {
  Result<int64_t> rows = CommitParts(id, state);
  MutexLock lock(mu_);
  state.backoff.Record(rows.status(), parts_.clock.MonotonicUs());
  return rows;
}

Result<int64_t> Flusher::CommitParts(TableId id, TableState& state) {
  const std::shared_ptr<lake::DeltaTable> delta = parts_.tables.Find(id);
  if (delta == nullptr) {
    VARVE_RETURN_IF_ERROR(CheckNothingWaits(parts_.buffer, id));
    return 0;
  }
  VARVE_RETURN_IF_ERROR(parts_.stager.CheckTime());
  bool in_doubt = false;
  {
    MutexLock lock(mu_);
    in_doubt = !state.begun.empty();
  }
  if (in_doubt) VARVE_RETURN_IF_ERROR(Settle(id, *delta).status());

  // What is staged from here on is the next flush's: under load this would not end otherwise.
  const Lsn target = StagedThrough(parts_.buffer, id);
  int64_t rows = 0;
  while (true) {
    const CommitBatch batch = NextBatch(id, target);
    if (batch.parts.empty()) return rows;
    VARVE_RETURN_IF_ERROR(Upload(batch, state));
    VARVE_FAULT_POINT("flush.after_files");
    VARVE_RETURN_IF_ERROR(Append(id, *delta, batch, state));
    for (const buffer::StagedPartRef& part : batch.parts) rows += part->content().rows;
  }
}

Flusher::CommitBatch Flusher::NextBatch(TableId id, Lsn target) const {
  const buffer::TableSnapshotRef table = Find(parts_.buffer, id);
  if (table == nullptr) return {};
  CommitBatch batch{table->table, {}};
  size_t files = 0;
  int64_t bytes = 0;
  for (const buffer::StagedPartRef& part : table->staged) {
    files += part->content().files.size();
    bytes += part->content().bytes;
    if (target < part->through()) break;
    if (!batch.parts.empty() && (files > kCommitFilesMax || bytes > kCommitBytesMax)) break;
    batch.parts.push_back(part);
  }
  return batch;
}

Status Flusher::Upload(const CommitBatch& batch, TableState& state) {
  std::vector<io::FileToPut> puts;
  std::vector<Lsn> parts;
  const auto put = [&]() -> Status {
    if (puts.empty()) return OkStatus();
    VARVE_RETURN_IF_ERROR(parts_.stager.CheckTime());
    const int64_t began_us = parts_.clock.MonotonicUs();
    VARVE_RETURN_IF_ERROR(parts_.store.PutFiles(puts));
    VARVE_FAULT_POINT("flush.mid_upload");
    MutexLock lock(mu_);
    for (const Lsn part : parts) state.uploaded[part] = began_us;
    puts.clear();
    parts.clear();
    return OkStatus();
  };
  for (const buffer::StagedPartRef& part : batch.parts) {
    {
      MutexLock lock(mu_);
      const auto done = state.uploaded.find(part->through());
      if (done != state.uploaded.end() &&
          parts_.clock.MonotonicUs() < done->second + kUploadGoodForUs) {
        continue;
      }
    }
    const std::vector<DataFile>& files = part->content().files;
    if (puts.size() + files.size() > kUploadFilesMax) VARVE_RETURN_IF_ERROR(put());
    for (const DataFile& file : files) {
      puts.push_back({batch.table->location + "/" + file.path, file.local_path});
    }
    parts.push_back(part->through());
  }
  return put();
}

Status Flusher::Append(TableId id, lake::DeltaTable& delta, const CommitBatch& batch,
                       TableState& state) {
  const Lsn through = batch.through();
  {
    // Before it begins: whoever sees its version first must know it for ours.
    MutexLock lock(mu_);
    // One that failed may still happen, and it must not overlap with this one. It does not: parts
    // are only added behind those that it had, so that the same ones come first again.
    VARVE_CHECK(state.begun.empty() || *state.begun.rbegin() <= through);
    state.begun.insert(through);
  }
  const Result<FileSetRef> committed = delta.Append(LakeFiles(batch.parts), TxnAppId(node_id_, id),
                                                    static_cast<int64_t>(through.value));
  if (committed.ok()) {
    VARVE_FAULT_POINT("flush.after_commit");
    VARVE_RETURN_IF_ERROR(ShowFiles(id, *committed));
  } else {
    VARVE_ASSIGN_OR_RETURN(const Lsn reached, Settle(id, delta));
    if (reached < through) return committed.status();
  }
  // It took the version that each begun before it had wanted, so none of those can happen any more.
  MutexLock lock(mu_);
  state.begun.clear();
  state.uploaded.erase(state.uploaded.begin(), state.uploaded.upper_bound(through));
  return OkStatus();
}

Result<Lsn> Flusher::Settle(TableId id, lake::DeltaTable& delta) {
  VARVE_ASSIGN_OR_RETURN(const FileSetRef files, delta.Refresh());
  VARVE_RETURN_IF_ERROR(ShowFiles(id, files));
  const auto txn = files->txns.find(TxnAppId(node_id_, id));
  return Lsn(txn == files->txns.end() ? 0 : static_cast<uint64_t>(txn->second));
}

Status Flusher::ShowFiles(TableId id, const FileSetRef& files) {
  const auto txn = files->txns.find(TxnAppId(node_id_, id));
  const Lsn reached(txn == files->txns.end() ? 0 : static_cast<uint64_t>(txn->second));
  buffer::TableSnapshotRef before;
  {
    // A flush forgets what it has begun after its files are in the snapshot: looked at together,
    // one of the two knows them.
    MutexLock lock(mu_);
    const buffer::TableSnapshotRef shown = Find(parts_.buffer, id);
    if (shown == nullptr) return OkStatus();  // dropped
    if (shown->files != nullptr && files->version < shown->files->version) return OkStatus();
    if (reached != shown->flushed && !states_[id].begun.contains(reached)) {
      return DataLoss(
          "version {} of table {} reaches Lsn {} of this node (\"{}\"), which has flushed up to "
          "{}: "
          "another server has the same node id, or the table was replaced",
          files->version, shown->table->name.ToString(), reached.value, node_id_,
          shown->flushed.value);
    }
    before = shown;
  }
  NoteFlushed(*before, reached);
  before.reset();
  parts_.buffer.Swap(id, reached, files);
  return OkStatus();
}

void Flusher::NoteFlushed(const buffer::TableSnapshot& shown, Lsn reached) {
  if (parts_.notes == nullptr || reached == shown.flushed) return;
  const int64_t since = shown.files == nullptr ? 0 : shown.files->version + 1;
  const Status noted =
      parts_.notes->Write(shown.table->id, {reached, since, shown.table->location});
  // The lake says it too; the note is for when it does not any more.
  if (!noted.ok()) spdlog::warn("flush of {}: {}", shown.table->name.ToString(), MessageOf(noted));
}

Status Flusher::BackingOff(TableId table) {
  MutexLock lock(mu_);
  return states_[table].backoff.TooEarly(parts_.clock.MonotonicUs());
}

bool Flusher::IsFailing(TableId table) {
  MutexLock lock(mu_);
  return states_[table].backoff.failing();
}

Status Flusher::ForUnflushed(const std::function<Status(TableId)>& flush) {
  Status first;
  for (const TableRef& table : UnflushedTables(parts_.buffer)) {
    const Status flushed = flush(table->id);
    if (first.ok() && !flushed.ok()) {
      first = Annotate(flushed, "flush of " + table->name.ToString());
    }
  }
  return first;
}

Status Flusher::FlushAll(bool skip_backing_off) {
  return ForUnflushed([&](TableId id) {
    return skip_backing_off ? FlushByJob(id, /*pending_only=*/false) : Flush(id).status();
  });
}

Status Flusher::FlushPending() {
  return ForUnflushed([&](TableId id) { return FlushByJob(id, /*pending_only=*/true); });
}

Status Flusher::FlushByJob(TableId id, bool pending_only) {
  VARVE_RETURN_IF_ERROR(BackingOff(id));
  Status staging = parts_.stager.BackingOff(id);
  const bool is_failing = IsFailing(id) || parts_.stager.IsFailing(id);
  if (staging.ok() && (is_failing || !pending_only)) return Flush(id).status();
  // Also when rows cannot be staged: on a full disk, commits make room.
  VARVE_RETURN_IF_ERROR(CommitOnly(id));
  return staging;
}

}  // namespace varve::flush
