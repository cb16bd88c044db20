#include "flush/flusher.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "base/fault_point.h"
#include "lake/data_file.h"
#include "lake/delta_table.h"

namespace varve::flush {
namespace {

constexpr int64_t kFirstBackoffUs = 1'000'000;
constexpr int64_t kLongestBackoffUs = 60'000'000;
// Under pressure a flush takes this part of the budget at a time.
constexpr uint64_t kSharesOfBudget = 8;

int64_t BackoffUs(int failures) {
  return std::min(kLongestBackoffUs, kFirstBackoffUs << std::min(failures - 1, 6));
}

Status AnnotateFlush(const Status& status, const TableDef& table) {
  return status.ok() ? status : Annotate(status, "flush of " + table.name.ToString());
}

uint64_t BytesOf(const buffer::TableSnapshot& table) {
  uint64_t bytes = 0;
  for (const buffer::SegmentRef& segment : table.segments) bytes += segment->bytes;
  return bytes;
}

// Removes a local file at the end of a scope; one that was moved away is gone already.
class ScratchFile {
 public:
  ScratchFile(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  ~ScratchFile() { files_.Remove(path_).IgnoreError(); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  io::FileSystem& files_;
  const std::string path_;
};

}  // namespace

std::string TxnAppId(const std::string& node_id, TableId table) {
  return node_id + "/" + std::to_string(table.value);
}

Flusher::Flusher(const FlushParts& parts, FlushSettings settings)
    : parts_(parts), settings_(std::move(settings)) {}

Result<int64_t> Flusher::Flush(TableId table) {
  TableState* state = nullptr;
  {
    MutexLock lock(mu_);
    state = &states_[table];
    // A flush that runs already may have frozen before the caller's rows came.
    const uint64_t wanted = state->started + 1;
    changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return state->finished >= wanted || !busy_; });
    if (state->finished >= wanted) return state->last_result;
    busy_ = true;
    ++state->started;
  }
  return RunBusy(table, *state, UINT64_MAX);
}

Result<int64_t> Flusher::FlushOldest(TableId table, uint64_t bytes_max) {
  TableState* state = nullptr;
  {
    MutexLock lock(mu_);
    state = &states_[table];
    changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return !busy_; });
    busy_ = true;
  }
  return RunBusy(table, *state, bytes_max);
}

Result<int64_t> Flusher::RunBusy(TableId id, TableState& state, uint64_t bytes_max) {
  Result<int64_t> result = Internal("the flush was cut short by an exception");
  // However it ends: a flush that stays busy would stop all others for good.
  const auto end = absl::MakeCleanup([&] {
    {
      MutexLock lock(mu_);
      busy_ = false;
      Record(state, result);
    }
    changed_.NotifyAll();
  });
  result = Run(id, state.failed_commits, bytes_max);
  return Result<int64_t>(result);  // a copy: `end` still reads it
}

void Flusher::Record(TableState& state, const Result<int64_t>& result) {
  state.finished = state.started;
  state.last_result = result;
  state.failures = result.ok() ? 0 : state.failures + 1;
  state.not_before_us = result.ok() ? 0 : parts_.clock.MonotonicUs() + BackoffUs(state.failures);
}

Result<int64_t> Flusher::Run(TableId id, std::set<Lsn>& failed_commits, uint64_t bytes_max) {
  const std::shared_ptr<lake::DeltaTable> delta = parts_.tables.Find(id);
  if (delta == nullptr) return 0;  // dropped
  VARVE_RETURN_IF_ERROR(CheckTime());
  if (!failed_commits.empty()) {
    VARVE_RETURN_IF_ERROR(Settle(id, *delta, failed_commits).status());
  }

  // No commit may reach less far than one that failed and may yet happen: the two would overlap.
  if (!failed_commits.empty()) bytes_max = UINT64_MAX;
  const buffer::Buffer::Frozen frozen = parts_.buffer.Freeze(id, bytes_max);
  if (frozen.table == nullptr || frozen.segments.empty()) return 0;
  std::vector<BatchRef> batches;
  for (const buffer::SegmentRef& segment : frozen.segments) batches.push_back(segment->rows);
  VARVE_ASSIGN_OR_RETURN(const std::vector<lake::PartitionGroup> groups,
                         lake::PartitionRows(*frozen.table, batches));
  Upload upload;
  if (Status stored = StoreFiles(frozen.table, groups, upload); !stored.ok()) {
    DeleteObjects(upload.names);
    return stored;
  }
  VARVE_FAULT_POINT("flush.after_files");
  int64_t rows = 0;
  for (const lake::PartitionGroup& group : groups) rows += group.rows;
  NoteTried(id, frozen.through);

  const Result<FileSetRef> committed =
      delta->Append(std::move(upload.files), TxnAppId(settings_.node_id, id),
                    static_cast<int64_t>(frozen.through.value));
  if (committed.ok()) {
    VARVE_FAULT_POINT("flush.after_commit");
    failed_commits.clear();
    parts_.buffer.Swap(id, frozen.through, *committed);
    return rows;
  }
  failed_commits.insert(frozen.through);
  VARVE_ASSIGN_OR_RETURN(const Lsn reached, Settle(id, *delta, failed_commits));
  if (reached == frozen.through) return rows;
  // Unavailable: it may still happen, so its files must stay. Vacuum removes them if it does not.
  if (committed.status().code() != StatusCode::kUnavailable) DeleteObjects(upload.names);
  return committed.status();
}

Result<Lsn> Flusher::Settle(TableId id, lake::DeltaTable& delta,
                            const std::set<Lsn>& failed_commits) {
  VARVE_ASSIGN_OR_RETURN(const FileSetRef files, delta.Refresh());
  const std::optional<int64_t> txn = delta.txn_version(TxnAppId(settings_.node_id, id));
  const Lsn reached(static_cast<uint64_t>(txn.value_or(0)));
  const buffer::SnapshotRef snapshot = parts_.buffer.Snapshot();
  const auto at = snapshot->find(id);
  if (at == snapshot->end() || reached <= at->second->flushed) return reached;
  if (!failed_commits.contains(reached)) {
    return DataLoss("table {} was committed up to Lsn {} by another server with the node id \"{}\"",
                    at->second->table->name.ToString(), reached.value, settings_.node_id);
  }
  parts_.buffer.Swap(id, reached, files);
  return reached;
}

void Flusher::NoteTried(TableId id, Lsn through) {
  const buffer::SnapshotRef snapshot = parts_.buffer.Snapshot();
  const auto at = snapshot->find(id);
  if (at == snapshot->end()) return;
  MutexLock lock(mu_);
  TableState& state = states_[id];
  state.tried.insert(through);
  state.tried.erase(state.tried.begin(), state.tried.lower_bound(at->second->flushed));
}

Status Flusher::ShowFiles(TableId id, const FileSetRef& files) {
  const auto txn = files->txns.find(TxnAppId(settings_.node_id, id));
  const Lsn reached(txn == files->txns.end() ? 0 : static_cast<uint64_t>(txn->second));
  const buffer::SnapshotRef snapshot = parts_.buffer.Snapshot();
  const auto at = snapshot->find(id);
  if (at == snapshot->end()) return OkStatus();  // dropped
  const buffer::TableSnapshot& shown = *at->second;
  if (shown.files != nullptr && files->version < shown.files->version) return OkStatus();
  {
    MutexLock lock(mu_);
    // A flush of ours whose commit is there may not have come to its own swap yet.
    if (reached != shown.flushed && !states_[id].tried.contains(reached)) {
      return DataLoss("version {} of {} reaches Lsn {} of this node, which has flushed up to {}",
                      files->version, shown.table->name.ToString(), reached.value,
                      shown.flushed.value);
    }
  }
  parts_.buffer.Swap(id, reached, files);
  return OkStatus();
}

void Flusher::GiveUpAfter(std::chrono::milliseconds limit) {
  give_up_us_ = parts_.clock.MonotonicUs() +
                std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
}

Status Flusher::CheckTime() const {
  if (parts_.clock.MonotonicUs() < give_up_us_) return OkStatus();
  return SqlError(sqlstate::kAdminShutdown, "the flush was given up: the server is stopping");
}

Status Flusher::StoreFiles(const TableRef& table, const std::vector<lake::PartitionGroup>& groups,
                           Upload& upload) {
  std::deque<ScratchFile> scratch;
  std::vector<io::FileToPut> puts;
  const lake::ParquetSpec spec = lake::SpecFor(table, settings_.format);
  for (const lake::PartitionGroup& group : groups) {
    VARVE_RETURN_IF_ERROR(CheckTime());
    const std::string file_name = lake::NewDataFileName();
    const ScratchFile& local =
        scratch.emplace_back(parts_.files, io::JoinPath(settings_.scratch_dir, file_name));
    VARVE_ASSIGN_OR_RETURN(
        DataFile file, lake::WriteDataFile(parts_.parquet, spec, group, file_name, local.path()));
    puts.push_back({table->location + "/" + file.path, local.path()});
    upload.files.push_back(std::move(file));
    VARVE_FAULT_POINT("flush.mid_files");
  }
  // Before the attempt: a failed one may have left objects behind.
  for (const io::FileToPut& put : puts) upload.names.push_back(put.name);
  return parts_.store.PutFiles(puts);
}

void Flusher::DeleteObjects(const std::vector<std::string>& names) {
  for (const std::string& name : names) parts_.store.Delete(name).IgnoreError();
}

std::vector<Flusher::Candidate> Flusher::Candidates() const {
  // The snapshot goes at the end: held during a flush, it would keep the flushed rows in memory.
  const buffer::SnapshotRef snapshot = parts_.buffer.Snapshot();
  std::vector<Candidate> candidates;
  for (const auto& [id, table] : *snapshot) {
    if (!table->segments.empty()) candidates.push_back({table->table, BytesOf(*table)});
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.bytes > b.bytes; });
  return candidates;
}

Status Flusher::BackingOff(TableId table) {
  MutexLock lock(mu_);
  const TableState& state = states_[table];
  const bool is_early = parts_.clock.MonotonicUs() < state.not_before_us;
  return is_early ? state.last_result.status() : OkStatus();
}

Status Flusher::FlushAll(bool skip_backing_off) {
  Status first;
  for (const Candidate& candidate : Candidates()) {
    Status flushed = skip_backing_off ? BackingOff(candidate.table->id) : OkStatus();
    if (flushed.ok()) flushed = Flush(candidate.table->id).status();
    if (first.ok()) first = AnnotateFlush(flushed, *candidate.table);
  }
  return first;
}

bool Flusher::UnderPressure() const {
  const uint64_t hard = parts_.budget.hard_bytes();
  const uint64_t used = parts_.budget.used();
  return used > hard / 2 || used + parts_.budget.waiting_bytes() > hard;
}

Status Flusher::Relieve() {
  Status first;
  const uint64_t share = parts_.budget.hard_bytes() / kSharesOfBudget;
  for (const Candidate& candidate : Candidates()) {
    Result<int64_t> flushed = 0;
    if (Status early = BackingOff(candidate.table->id); !early.ok()) flushed = std::move(early);
    while (flushed.ok() && UnderPressure()) {
      flushed = FlushOldest(candidate.table->id, share);
      if (flushed.ok() && *flushed == 0) break;  // the rest is held by readers, or came too late
    }
    if (first.ok()) first = AnnotateFlush(flushed.status(), *candidate.table);
  }
  return first;
}

}  // namespace varve::flush
