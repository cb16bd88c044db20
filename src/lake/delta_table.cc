#include "lake/delta_table.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "base/check.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/telemetry.h"
#include "base/uuid.h"
#include "lake/actions.h"
#include "lake/delta_log.h"
#include "lake/delta_schema.h"
#include "lake/table_state.h"

namespace varve::lake {
namespace {

constexpr int64_t kCheckpointInterval = 10;
// With the waits below: several minutes of other writers always being first.
constexpr int kCommitAttemptsMax = 1000;
constexpr int64_t kBackoffMsMax = 250;
constexpr int64_t kLogRetentionUs = int64_t{30} * 24 * 3600 * 1'000'000;

Counter& Commits() {
  static Counter& counter = Telemetry::Get().GetCounter("varve_lake_commits_total",
                                                        "Versions committed to Delta tables.");
  return counter;
}

Counter& Conflicts() {
  static Counter& counter = Telemetry::Get().GetCounter("varve_lake_commit_conflicts_total",
                                                        "Commits that found their version taken.");
  return counter;
}

Counter& CheckpointFailures() {
  static Counter& counter = Telemetry::Get().GetCounter(
      "varve_lake_checkpoint_failures_total", "Delta checkpoints that could not be written.");
  return counter;
}

// Waits a random time that grows with the attempts, so that writers do not meet again and again.
void BackOff(int attempt) {
  const int64_t limit_ms = std::min<int64_t>(int64_t{1} << std::min(attempt, 16), kBackoffMsMax);
  const auto wait_us =
      static_cast<int64_t>(Random::System().NextU64() % static_cast<uint64_t>(limit_ms * 1000));
  Mutex mu;
  CondVar never;
  MutexLock lock(mu);
  never.WaitFor(mu, std::chrono::microseconds(wait_us), [] { return false; });
}

class LoggedDeltaTable final : public DeltaTable {
 public:
  LoggedDeltaTable(const Context& context, TableRef table, TableState state)
      : context_(context),
        location_(table->location),
        log_(*context.store, *context.commits, *context.checkpoints, location_),
        table_(std::move(table)),
        state_(std::move(state)) {
    Publish();
  }

  FileSetRef files() const override {
    MutexLock lock(view_mu_);
    return files_;
  }

  std::optional<int64_t> txn_version(const std::string& app_id) const override {
    MutexLock lock(view_mu_);
    const auto txn = txns_.find(app_id);
    if (txn == txns_.end()) return std::nullopt;
    return txn->second;
  }

  Result<FileSetRef> Append(std::vector<DataFile> files, const std::string& app_id,
                            int64_t txn) override;
  Status UpdateSchema(TableRef table) override;
  Result<FileSetRef> Refresh() override;

 private:
  int64_t NowMs() const { return context_.clock->NowUs() / 1000; }

  // One version to be: the text of its commit, and what that does to the state.
  struct Draft {
    std::string content;
    std::vector<Action> actions;
  };
  Draft DraftAppend(const std::vector<DataFile>& files, const std::string& app_id,
                    int64_t txn) const VARVE_REQUIRES(commit_mu_);

  // Commits `draft` as the next version. False when another writer was first: its commits are
  // applied then, and the caller drafts again if there is something left to commit.
  Result<bool> TryCommit(Draft draft, int attempt) VARVE_REQUIRES(commit_mu_);
  Status CatchUp() VARVE_REQUIRES(commit_mu_);
  void MaybeCheckpoint() VARVE_REQUIRES(commit_mu_);
  void Publish() VARVE_REQUIRES(commit_mu_) VARVE_EXCLUDES(view_mu_);

  // Constant after construction.
  const Context context_;
  const std::string location_;
  const std::shared_ptr<const void> in_use_ = std::make_shared<char>();

  // Held across I/O: commits of one table are made one after the other.
  Mutex commit_mu_ VARVE_ACQUIRED_BEFORE(view_mu_);
  DeltaLog log_ VARVE_GUARDED_BY(commit_mu_);
  TableRef table_ VARVE_GUARDED_BY(commit_mu_);
  TableState state_ VARVE_GUARDED_BY(commit_mu_);

  mutable Mutex view_mu_;
  FileSetRef files_ VARVE_GUARDED_BY(view_mu_);
  std::map<std::string, int64_t> txns_ VARVE_GUARDED_BY(view_mu_);
};

void LoggedDeltaTable::Publish() {
  FileSetRef files = state_.MakeFileSet(in_use_);
  std::map<std::string, int64_t> txns = state_.txn_versions();
  MutexLock lock(view_mu_);
  files_ = std::move(files);
  txns_ = std::move(txns);
}

Status LoggedDeltaTable::CatchUp() {
  VARVE_ASSIGN_OR_RETURN(std::optional<TableState> newer, log_.ReadNewer(*table_, state_));
  if (!newer) return OkStatus();
  // Another writer may have changed the schema; we go on only if our rows still fit in it.
  VARVE_RETURN_IF_ERROR(newer->CheckFits(*table_));
  state_ = *std::move(newer);
  Publish();
  return OkStatus();
}

Result<bool> LoggedDeltaTable::TryCommit(Draft draft, int attempt) {
  const int64_t version = state_.version() + 1;
  Status put = context_.commits->Put(location_, version, draft.content);
  if (put.ok()) {
    VARVE_RETURN_IF_ERROR(state_.Apply(version, std::move(draft.actions), *table_));
    Commits().Add();
    Publish();
    MaybeCheckpoint();
    return true;
  }
  if (put.code() != StatusCode::kAlreadyExists) return put;
  Conflicts().Add();
  if (attempt >= kCommitAttemptsMax) {
    return Unavailable("other writers of the Delta table were first {} times: {}", attempt,
                       location_);
  }
  if (attempt > 1) BackOff(attempt);
  VARVE_RETURN_IF_ERROR(CatchUp());
  return false;
}

LoggedDeltaTable::Draft LoggedDeltaTable::DraftAppend(const std::vector<DataFile>& files,
                                                      const std::string& app_id,
                                                      int64_t txn) const {
  const int64_t now_ms = NowMs();
  Draft draft;
  draft.content = CommitInfoLine("WRITE", *table_, /*blind_append=*/true, now_ms);
  for (const DataFile& file : files) {
    NewAdd add = MakeAdd(file, StatsJson(*table_, file), now_ms);
    draft.content += add.line;
    draft.actions.emplace_back(std::move(add.action));
  }
  Txn mark = NewTxn(app_id, txn, now_ms);
  draft.content += ActionLine("txn", mark.json);
  draft.actions.emplace_back(std::move(mark));
  return draft;
}

Result<FileSetRef> LoggedDeltaTable::Append(std::vector<DataFile> files, const std::string& app_id,
                                            int64_t txn) {
  MutexLock lock(commit_mu_);
  const auto known = state_.txn_version(app_id);
  for (int attempt = 1;; ++attempt) {
    // These rows, or later ones together with them, are in the table already: an earlier call has
    // committed although its caller never heard of it.
    const auto committed = state_.txn_version(app_id);
    if (committed && *committed >= txn) break;
    // Some of these rows are there: a commit that the caller took for lost has arrived late.
    if (committed != known) {
      return Unavailable("a commit of \"{}\" arrived late: {}, version {}", app_id, location_,
                         state_.version());
    }
    VARVE_ASSIGN_OR_RETURN(const bool done, TryCommit(DraftAppend(files, app_id, txn), attempt));
    if (done) break;
  }
  return this->files();
}

Status LoggedDeltaTable::UpdateSchema(TableRef table) {
  MutexLock lock(commit_mu_);
  for (int attempt = 1;; ++attempt) {
    const Metadata& old = state_.metadata();
    VARVE_ASSIGN_OR_RETURN(std::string schema, SchemaJson(*table, old.schema_json));
    if (schema == old.schema_json) break;
    Metadata metadata = WithSchema(old, std::move(schema));
    Draft draft;
    draft.content = CommitInfoLine("ADD COLUMNS", *table, /*blind_append=*/false, NowMs());
    draft.content += ActionLine("metaData", metadata.json);
    draft.actions.emplace_back(std::move(metadata));
    VARVE_ASSIGN_OR_RETURN(const bool done, TryCommit(std::move(draft), attempt));
    if (done) break;
  }
  table_ = std::move(table);
  return OkStatus();
}

Result<FileSetRef> LoggedDeltaTable::Refresh() {
  MutexLock lock(commit_mu_);
  VARVE_RETURN_IF_ERROR(CatchUp());
  return this->files();
}

void LoggedDeltaTable::MaybeCheckpoint() {
  const int64_t version = state_.version();
  if (version == 0 || version % kCheckpointInterval != 0) return;
  const std::string scratch =
      fmt::format("{}/checkpoint-{}.parquet", context_.scratch_dir, Uuid::MakeV4().ToString());
  Status written = log_.WriteCheckpoint(state_, NowMs(), scratch);
  std::error_code ignored;
  std::filesystem::remove(scratch, ignored);
  if (written.ok()) {
    written = log_.CleanUp(context_.clock->NowUs() - kLogRetentionUs).status();
  }
  if (written.ok()) return;
  // The commit stands without it; readers replay more commits until the next one succeeds.
  CheckpointFailures().Add();
  spdlog::warn("Delta checkpoint of {} at version {} failed: {}", location_, version,
               MessageOf(written));
}

Status CheckContext(const DeltaTable::Context& context, const TableDef& table) {
  VARVE_CHECK(context.store != nullptr && context.commits != nullptr &&
              context.checkpoints != nullptr && context.clock != nullptr);
  if (table.location.empty()) return InvalidArgument("table {} has no location", table.name.table);
  return OkStatus();
}

// NotFound when there is no log.
Result<TableState> LoadState(const DeltaTable::Context& context, const TableDef& table) {
  DeltaLog log(*context.store, *context.commits, *context.checkpoints, table.location);
  VARVE_ASSIGN_OR_RETURN(TableState state, log.Load(table));
  VARVE_RETURN_IF_ERROR(state.CheckSupported());
  return state;
}

// Version 0; AlreadyExists when another writer was first.
Result<TableState> CommitFirst(const DeltaTable::Context& context, const TableDef& table) {
  VARVE_ASSIGN_OR_RETURN(std::string schema, SchemaJson(table));
  const int64_t now_ms = context.clock->NowUs() / 1000;
  Protocol protocol = NewProtocol();
  Metadata metadata = NewMetadata(table, Uuid::MakeV4().ToString(), std::move(schema), now_ms);
  const std::string content = CommitInfoLine("CREATE TABLE", table, /*blind_append=*/true, now_ms) +
                              ActionLine("protocol", protocol.json) +
                              ActionLine("metaData", metadata.json);
  VARVE_RETURN_IF_ERROR(context.commits->Put(table.location, 0, content));
  Commits().Add();
  TableState state;
  std::vector<Action> actions;
  actions.emplace_back(std::move(protocol));
  actions.emplace_back(std::move(metadata));
  VARVE_RETURN_IF_ERROR(state.Apply(0, std::move(actions), table));
  return state;
}

}  // namespace

Result<std::unique_ptr<DeltaTable>> DeltaTable::Create(const Context& context, TableRef table) {
  VARVE_RETURN_IF_ERROR(CheckContext(context, *table));
  // Also for a table that is there already: its types are checked before anything is looked up.
  VARVE_RETURN_IF_ERROR(SchemaJson(*table).status());
  Result<TableState> state = LoadState(context, *table);
  if (state.status().code() == StatusCode::kNotFound) {
    Result<TableState> first = CommitFirst(context, *table);
    if (first.ok()) {
      return std::make_unique<LoggedDeltaTable>(context, std::move(table), *std::move(first));
    }
    if (first.status().code() != StatusCode::kAlreadyExists) return first.status();
    state = LoadState(context, *table);
  }
  if (!state.ok()) return state.status();
  VARVE_ASSIGN_OR_RETURN(const bool same, state->HasColumnsOf(*table));
  if (!same) {
    return AlreadyExists("there is a Delta table with other columns at {}", table->location);
  }
  return std::make_unique<LoggedDeltaTable>(context, std::move(table), *std::move(state));
}

Result<std::unique_ptr<DeltaTable>> DeltaTable::Open(const Context& context, TableRef table) {
  VARVE_RETURN_IF_ERROR(CheckContext(context, *table));
  Result<TableState> state = LoadState(context, *table);
  if (!state.ok()) return state.status();
  VARVE_RETURN_IF_ERROR(state->CheckFits(*table));
  auto opened = std::make_unique<LoggedDeltaTable>(context, table, *std::move(state));
  // A crash may have come between the definition of a new column and its commit here. Files must
  // not hold columns that the schema does not have.
  VARVE_RETURN_IF_ERROR(opened->UpdateSchema(std::move(table)));
  return opened;
}

}  // namespace varve::lake
