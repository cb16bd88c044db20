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
#include "lake/commit_fate.h"
#include "lake/commit_store.h"
#include "lake/delta_log.h"
#include "lake/delta_schema.h"
#include "lake/table_definition.h"
#include "lake/table_state.h"

namespace varve::lake {
namespace {

// With the waits below: several minutes of other writers always being first.
constexpr int kCommitAttemptsMax = 1000;
constexpr int64_t kBackoffMsMax = 250;
// No log is cleaned of a version so soon after a newer one.
constexpr int64_t kSeenForUs = int64_t{3600} * 1'000'000;

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
        log_(*context.store, *context.commits, *context.checkpoints, context.scratch_dir,
             location_),
        table_(std::move(table)),
        state_(std::move(state)),
        seen_us_(context.clock->NowUs()) {
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

  Result<std::optional<int64_t>> RecoverTxn(const std::string& app_id, int64_t noted,
                                            int64_t since) override;
  Result<FileSetRef> Append(std::vector<DataFile> files, const std::string& app_id,
                            int64_t txn) override;
  std::string lake_id() const override;
  Result<Definition> definition() const override;
  bool dropped() const override;
  void Adopt(TableRef table) override;
  KeptFiles KeptPaths(int64_t now_us) const override;
  std::shared_ptr<const void> Keep(std::string path) override;
  Result<FileSetRef> Replace(FileChange change) override;
  Status UpdateSchema(TableRef table) override;
  Status MarkDropped() override;
  Status Fence() override;
  Result<FileSetRef> Refresh() override;
  // Commits the columns that the lake lacks: a crash may have come between the definition of a new
  // column and its commit. Files must not hold columns that the schema does not have.
  Status AddMissing();

 private:
  int64_t NowMs() const { return context_.clock->NowUs() / 1000; }

  // One version to be: the text of its commit, and what that does to the state.
  struct Draft {
    std::string content;
    std::vector<Action> actions;
  };
  Draft DraftAppend(const std::vector<DataFile>& files, const std::string& app_id,
                    int64_t txn) const VARVE_REQUIRES(commit_mu_);

  bool HasHappened(const FileChange& change) const VARVE_REQUIRES(commit_mu_);
  // The same for a change that adds no file by which it could be known: whether one of its commits
  // in doubt is there.
  Result<bool> HasTakenOut(const FileChange& change) VARVE_REQUIRES(commit_mu_);
  // 54000 when vacuum may have deleted what it adds.
  Status CheckFresh(const FileChange& change) const VARVE_REQUIRES(commit_mu_);
  // 40001 when a file that it removes is gone.
  Result<Draft> DraftChange(const FileChange& change) const VARVE_REQUIRES(commit_mu_);

  // Commits `draft` as the next version. False when another writer was first: its commits are
  // applied then, and the caller drafts again if there is something left to commit. Errors are
  // marked as commit_fate.h says; after one that is not, state_ may lack the version.
  Result<bool> TryCommit(Draft draft, int attempt) VARVE_REQUIRES(commit_mu_);
  // A log that somebody has deleted would take any version, and nobody could read it: an error
  // then. False when other writers have committed meanwhile, and state_ has it.
  Result<bool> StillReachesState() VARVE_REQUIRES(commit_mu_);
  Status CatchUp(DeltaLog::Look look = DeltaLog::Look::kNext) VARVE_REQUIRES(commit_mu_);
  // After a commit: Unavailable if its version had come and gone before.
  Status CheckNotTooLate() VARVE_REQUIRES(commit_mu_);
  void MaybeCheckpoint() VARVE_REQUIRES(commit_mu_);
  void Publish() VARVE_REQUIRES(commit_mu_) VARVE_EXCLUDES(view_mu_);
  Status CheckNotDropped() const VARVE_REQUIRES(commit_mu_);
  // Commits `table` as the definition, unless the lake says the same already.
  Status CommitDefinition(const TableDef& table) VARVE_REQUIRES(commit_mu_);

  // Constant after construction.
  const Context context_;
  const std::string location_;
  const std::shared_ptr<const void> in_use_ = std::make_shared<char>();

  // Held across I/O: commits of one table are made one after the other.
  mutable Mutex commit_mu_ VARVE_ACQUIRED_BEFORE(view_mu_);
  DeltaLog log_ VARVE_GUARDED_BY(commit_mu_);
  TableRef table_ VARVE_GUARDED_BY(commit_mu_);
  TableState state_ VARVE_GUARDED_BY(commit_mu_);
  // Commits of the last change of which the store did not tell whether they happened.
  struct Doubt {
    std::vector<std::string> removed;
    int64_t version;
    std::string content;
  };
  std::vector<Doubt> doubts_ VARVE_GUARDED_BY(commit_mu_);
  // When state_ was the newest version, by a clock that goes on while the machine sleeps.
  int64_t seen_us_ VARVE_GUARDED_BY(commit_mu_);

  mutable Mutex view_mu_;
  FileSetRef files_ VARVE_GUARDED_BY(view_mu_);
  std::vector<std::weak_ptr<const FileSet>> given_out_ VARVE_GUARDED_BY(view_mu_);
  std::vector<std::weak_ptr<const std::string>> kept_ VARVE_GUARDED_BY(view_mu_);
  std::map<std::string, int64_t> txns_ VARVE_GUARDED_BY(view_mu_);
  std::shared_ptr<const Metadata> metadata_ VARVE_GUARDED_BY(view_mu_);
};

void LoggedDeltaTable::Publish() {
  state_.ReadStatistics(*table_);
  FileSetRef files = state_.MakeFileSet(in_use_);
  std::map<std::string, int64_t> txns = state_.txn_versions();
  MutexLock lock(view_mu_);
  std::erase_if(given_out_, [](const auto& set) { return set.expired(); });
  given_out_.push_back(files);
  files_ = std::move(files);
  txns_ = std::move(txns);
  if (metadata_ == nullptr || metadata_->json != state_.metadata().json) {
    metadata_ = std::make_shared<const Metadata>(state_.metadata());
  }
}

KeptFiles LoggedDeltaTable::KeptPaths(int64_t now_us) const {
  MutexLock commit_lock(commit_mu_);
  KeptFiles kept{state_.KeptPaths(now_us), state_.properties().deleted_file_retention_us};
  MutexLock lock(view_mu_);
  for (const auto& given_out : given_out_) {
    const FileSetRef set = given_out.lock();
    if (set == nullptr) continue;
    for (const auto& file : set->files) kept.paths.insert(file->path);
  }
  for (const auto& path : kept_) {
    if (const auto held = path.lock()) kept.paths.insert(*held);
  }
  return kept;
}

std::shared_ptr<const void> LoggedDeltaTable::Keep(std::string path) {
  auto held = std::make_shared<const std::string>(std::move(path));
  MutexLock lock(view_mu_);
  std::erase_if(kept_, [](const auto& kept) { return kept.expired(); });
  kept_.push_back(held);
  return held;
}

Result<DeltaTable::Definition> LoggedDeltaTable::definition() const {
  std::shared_ptr<const Metadata> metadata;
  {
    MutexLock lock(view_mu_);
    metadata = metadata_;
  }
  VARVE_ASSIGN_OR_RETURN(TableDef table, ReadDefinition(*metadata, location_));
  return Definition{std::move(table), HasDefinition(*metadata)};
}

std::string LoggedDeltaTable::lake_id() const {
  MutexLock lock(view_mu_);
  return metadata_->id;
}

bool LoggedDeltaTable::dropped() const {
  MutexLock lock(view_mu_);
  return metadata_->configuration.find(kDroppedKey) != metadata_->configuration.end();
}

void LoggedDeltaTable::Adopt(TableRef table) {
  MutexLock lock(commit_mu_);
  table_ = std::move(table);
}

Status LoggedDeltaTable::CheckNotDropped() const {
  if (!state_.dropped()) return OkStatus();
  return SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" was dropped by another server",
                   table_->name.table);
}

Status LoggedDeltaTable::CatchUp(DeltaLog::Look look) {
  const int64_t began_us = context_.clock->NowUs();
  // Whoever slept until the commit after its own had been cleaned up does not wake by asking for
  // that one.
  if (began_us - seen_us_ >= kSeenForUs) look = DeltaLog::Look::kList;
  VARVE_ASSIGN_OR_RETURN(std::optional<TableState> newer, log_.ReadNewer(state_, look));
  if (!newer) {
    seen_us_ = began_us;
    return OkStatus();
  }
  // Another writer may have changed the schema; we go on only if our rows still fit in it.
  if (!newer->dropped()) VARVE_RETURN_IF_ERROR(newer->CheckFits(*table_));
  newer->KeepTxns(state_);
  state_ = *std::move(newer);
  seen_us_ = began_us;
  Publish();
  return OkStatus();
}

Status LoggedDeltaTable::CheckNotTooLate() {
  if (context_.clock->NowUs() - seen_us_ < kSeenForUs || state_.version() < 0) return OkStatus();
  // The log is cleaned from its beginning on, and never of its newest version.
  Status before = context_.store->Head(CommitName(location_, state_.version())).status();
  if (before.code() != StatusCode::kNotFound) return before;
  return Unavailable("a commit came too late, others have cleaned the log since: {}, version {}",
                     location_, state_.version() + 1);
}

Result<bool> LoggedDeltaTable::StillReachesState() {
  const int64_t version = state_.version();
  const Status there = context_.store->Head(CommitName(location_, version)).status();
  if (there.code() != StatusCode::kNotFound) {
    VARVE_RETURN_IF_ERROR(NotCommitted(there));
    return true;
  }
  VARVE_RETURN_IF_ERROR(NotCommitted(CatchUp(DeltaLog::Look::kList)));
  VARVE_RETURN_IF_ERROR(CheckNotDropped());
  return state_.version() == version;
}

Result<bool> LoggedDeltaTable::TryCommit(Draft draft, int attempt) {
  const int64_t began_us = context_.clock->NowUs();
  if (began_us - seen_us_ >= kSeenForUs) {
    // The version that we would write may have been written, replaced by a checkpoint and deleted.
    VARVE_RETURN_IF_ERROR(NotCommitted(CatchUp()));
    VARVE_RETURN_IF_ERROR(CheckNotDropped());
    return false;
  }
  VARVE_ASSIGN_OR_RETURN(const bool is_newest, StillReachesState());
  if (!is_newest) return false;
  const int64_t version = state_.version() + 1;
  Status put = context_.commits->Put(location_, version, draft.content);
  if (put.ok()) {
    VARVE_RETURN_IF_ERROR(CheckNotTooLate());
    seen_us_ = began_us;
    VARVE_RETURN_IF_ERROR(state_.Apply(version, std::move(draft.actions)));
    Commits().Add();
    Publish();
    MaybeCheckpoint();
    return true;
  }
  if (put.code() == StatusCode::kUnavailable) return put;
  if (put.code() != StatusCode::kAlreadyExists) return NotCommitted(put);
  // From here on errors are not marked: until the version is read, it may be ours, by a proxy that
  // has sent the request twice.
  Conflicts().Add();
  if (attempt >= kCommitAttemptsMax) {
    return Unavailable("other writers of the Delta table were first {} times: {}", attempt,
                       location_);
  }
  if (attempt > 1) BackOff(attempt);
  VARVE_RETURN_IF_ERROR(CatchUp());
  VARVE_RETURN_IF_ERROR(CheckNotDropped());
  return false;
}

LoggedDeltaTable::Draft LoggedDeltaTable::DraftAppend(const std::vector<DataFile>& files,
                                                      const std::string& app_id,
                                                      int64_t txn) const {
  const int64_t now_ms = NowMs();
  Draft draft;
  draft.content = CommitInfoLine("WRITE", *table_, /*blind_append=*/true, now_ms);
  for (const DataFile& file : files) {
    NewAdd add = MakeAdd(file, StatsJson(*table_, file), /*data_change=*/true, now_ms);
    draft.content += add.line;
    draft.actions.emplace_back(std::move(add.action));
  }
  Txn mark = NewTxn(app_id, txn, now_ms);
  draft.content += ActionLine("txn", mark.json);
  draft.actions.emplace_back(std::move(mark));
  return draft;
}

Result<std::optional<int64_t>> LoggedDeltaTable::RecoverTxn(const std::string& app_id,
                                                            int64_t noted, int64_t since) {
  MutexLock lock(commit_mu_);
  VARVE_ASSIGN_OR_RETURN(const DeltaLog::TxnSearch search,
                         log_.FindTxn(app_id, since, state_.version()));
  std::optional<int64_t> found = search.version;
  if (found < noted) {
    // A checkpoint that leaves a txn out leaves it out altogether: a lower one is another history.
    const bool may_be_cleaned = state_.version() >= since && !search.is_complete;
    if (!may_be_cleaned || state_.txn_version(app_id)) return std::optional<int64_t>();
    found = noted;
  }
  state_.SetTxn(NewTxn(app_id, *found, NowMs()));
  Publish();
  return found;
}

Result<FileSetRef> LoggedDeltaTable::Append(std::vector<DataFile> files, const std::string& app_id,
                                            int64_t txn) {
  MutexLock lock(commit_mu_);
  VARVE_RETURN_IF_ERROR(CheckNotDropped());
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

Result<LoggedDeltaTable::Draft> LoggedDeltaTable::DraftChange(const FileChange& change) const {
  const int64_t now_ms = NowMs();
  if (change.data_change && !change.removed.empty()) {
    VARVE_RETURN_IF_ERROR(state_.CheckRowsMayGo());
  }
  Draft draft;
  draft.content = CommitInfoLine(change.operation, *table_, /*blind_append=*/false, now_ms);
  for (const std::string& path : change.removed) {
    const std::string* add_json = state_.AddJson(path);
    if (add_json == nullptr) {
      return SqlErrorf(sqlstate::kSerializationFailure,
                       "another writer has changed the same rows: {}/{} is gone in version {}",
                       location_, path, state_.version());
    }
    NewRemove remove = MakeRemove(path, *add_json, change.data_change, now_ms);
    draft.content += remove.line;
    draft.actions.emplace_back(std::move(remove.action));
  }
  for (const DataFile& file : change.added) {
    NewAdd add = MakeAdd(file, StatsJson(*table_, file), change.data_change, now_ms);
    draft.content += add.line;
    draft.actions.emplace_back(std::move(add.action));
  }
  return draft;
}

bool LoggedDeltaTable::HasHappened(const FileChange& change) const {
  for (const DataFile& file : change.added) {
    // A version is committed as a whole: any of its files there means that all of it happened, even
    // when somebody has replaced some of them since.
    if (state_.Knows(file.path)) return true;
  }
  return false;
}

Result<bool> LoggedDeltaTable::HasTakenOut(const FileChange& change) {
  for (const Doubt& doubt : doubts_) {
    if (doubt.removed != change.removed) continue;
    const auto there = context_.store->Get(CommitName(location_, doubt.version));
    if (there.status().code() == StatusCode::kNotFound) continue;
    VARVE_RETURN_IF_ERROR(there.status());
    if (*there == doubt.content) return true;
  }
  return false;
}

Status LoggedDeltaTable::CheckFresh(const FileChange& change) const {
  if (!change.stored_us) return OkStatus();
  if (context_.clock->MonotonicUs() - *change.stored_us < kStoredGoodForUs) return OkStatus();
  return WithHint(
      SqlErrorf(sqlstate::kStatementTooComplex,
                "new files of \"{}\" were stored too long before their commit", table_->name.table),
      "Change fewer rows at a time, and commit within 40 minutes.");
}

Result<FileSetRef> LoggedDeltaTable::Replace(FileChange change) {
  MutexLock lock(commit_mu_);
  for (int attempt = 1;; ++attempt) {
    VARVE_RETURN_IF_ERROR(NotCommitted(CheckNotDropped()));
    if (HasHappened(change)) break;
    Result<Draft> draft = DraftChange(change);
    if (SqlStateOf(draft.status()) == sqlstate::kSerializationFailure) {
      VARVE_ASSIGN_OR_RETURN(const bool is_ours, HasTakenOut(change));
      if (is_ours) break;
    }
    // Versions that an earlier attempt may have made have been read, and are not ours.
    VARVE_RETURN_IF_ERROR(NotCommitted(draft.status()));
    VARVE_RETURN_IF_ERROR(NotCommitted(CheckFresh(change)));
    Doubt doubt{change.removed, state_.version() + 1, draft->content};
    const Result<bool> done = TryCommit(*std::move(draft), attempt);
    if (!done.ok()) {
      if (!doubts_.empty() && doubts_.front().removed != change.removed) doubts_.clear();
      doubts_.push_back(std::move(doubt));
      return done.status();
    }
    if (*done) break;
  }
  doubts_.clear();
  return this->files();
}

Status LoggedDeltaTable::CommitDefinition(const TableDef& table) {
  for (int attempt = 1;; ++attempt) {
    VARVE_RETURN_IF_ERROR(CheckNotDropped());
    const Metadata& old = state_.metadata();
    // What others have set since would be lost without a word.
    const auto theirs = old.configuration.find(kDefinitionKey);
    const std::string value = DefinitionValue(table);
    if (theirs != old.configuration.end() && theirs->second != DefinitionValue(*table_) &&
        theirs->second != value) {
      return WithHint(SqlErrorf(sqlstate::kSerializationFailure,
                                "the definition of table \"{}\" was changed by another server",
                                table.name.table),
                      "SELECT varve.refresh('...') picks the change up; then try again.");
    }
    VARVE_ASSIGN_OR_RETURN(std::string schema, SchemaJson(table, old.schema_json));
    const bool same_columns = schema == old.schema_json;
    if (same_columns && theirs != old.configuration.end() && theirs->second == value) break;
    Metadata metadata = WithSetting(WithSchema(old, std::move(schema)), kDefinitionKey, value);
    Draft draft;
    draft.content = CommitInfoLine(same_columns ? "SET TBLPROPERTIES" : "ADD COLUMNS", table,
                                   /*blind_append=*/false, NowMs());
    draft.content += ActionLine("metaData", metadata.json);
    draft.actions.emplace_back(std::move(metadata));
    VARVE_ASSIGN_OR_RETURN(const bool done, TryCommit(std::move(draft), attempt));
    if (done) break;
  }
  return OkStatus();
}

Status LoggedDeltaTable::UpdateSchema(TableRef table) {
  MutexLock lock(commit_mu_);
  VARVE_RETURN_IF_ERROR(CatchUp());
  VARVE_RETURN_IF_ERROR(CommitDefinition(*table));
  table_ = std::move(table);
  return OkStatus();
}

Status LoggedDeltaTable::AddMissing() {
  MutexLock lock(commit_mu_);
  VARVE_ASSIGN_OR_RETURN(const std::vector<DeltaField> fields,
                         ParseSchema(state_.metadata().schema_json));
  bool is_missing = false;
  for (const ColumnDef& column : table_->columns) {
    const bool found = std::any_of(fields.begin(), fields.end(), [&](const DeltaField& field) {
      return field.name == column.name;
    });
    is_missing = is_missing || !found;
  }
  // Tables that Varve made before definitions were kept in the lake: all their columns have ids.
  const bool is_ours = std::all_of(fields.begin(), fields.end(), [](const DeltaField& field) {
    return field.column_id.has_value();
  });
  if (!is_missing && (!is_ours || HasDefinition(state_.metadata()))) return OkStatus();
  if (!HasDefinition(state_.metadata())) return CommitDefinition(*table_);
  // Only the columns are ours to say; options are those of the lake.
  VARVE_ASSIGN_OR_RETURN(const TableDef lake, ReadDefinition(state_.metadata(), location_));
  VARVE_ASSIGN_OR_RETURN(const TableDef merged, Reconcile(*table_, lake, true));
  const TableRef mine = table_;
  table_ = std::make_shared<const TableDef>(lake);
  const Status committed = CommitDefinition(merged);
  table_ = mine;
  return committed;
}

Status LoggedDeltaTable::MarkDropped() {
  MutexLock lock(commit_mu_);
  VARVE_RETURN_IF_ERROR(CatchUp());
  for (int attempt = 1; !state_.dropped(); ++attempt) {
    Metadata metadata = WithSetting(state_.metadata(), kDroppedKey, std::to_string(NowMs()));
    Draft draft;
    draft.content = CommitInfoLine("DROP TABLE", *table_, /*blind_append=*/false, NowMs());
    draft.content += ActionLine("metaData", metadata.json);
    draft.actions.emplace_back(std::move(metadata));
    const Result<bool> done = TryCommit(std::move(draft), attempt);
    if (!done.ok() && !state_.dropped()) return done.status();
  }
  return OkStatus();
}

Status LoggedDeltaTable::Fence() {
  MutexLock lock(commit_mu_);
  for (int attempt = 1;; ++attempt) {
    Draft draft;
    draft.content = CommitInfoLine("FENCE", *table_, /*blind_append=*/true, NowMs());
    VARVE_ASSIGN_OR_RETURN(const bool done, TryCommit(std::move(draft), attempt));
    if (done) return OkStatus();
  }
}

Result<FileSetRef> LoggedDeltaTable::Refresh() {
  MutexLock lock(commit_mu_);
  VARVE_RETURN_IF_ERROR(CatchUp());
  return this->files();
}

void LoggedDeltaTable::MaybeCheckpoint() {
  const int64_t version = state_.version();
  const TableProperties properties = state_.properties();
  if (version == 0 || version % properties.checkpoint_interval != 0) return;
  state_.ForgetOldRemovals(context_.clock->NowUs());
  const std::string scratch =
      fmt::format("{}/checkpoint-{}.parquet", context_.scratch_dir, Uuid::MakeV4().ToString());
  Status written = log_.WriteCheckpoint(state_, NowMs(), scratch);
  std::error_code ignored;
  std::filesystem::remove(scratch, ignored);
  if (written.ok() && properties.clean_log) {
    const int64_t kept_us = std::max(properties.log_retention_us, 2 * kSeenForUs);
    written = log_.CleanUp(context_.clock->NowUs() - kept_us).status();
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

// NotFound when there is no log. A dropped table has a state too.
Result<TableState> LoadState(const DeltaTable::Context& context, const std::string& location) {
  DeltaLog log(*context.store, *context.commits, *context.checkpoints, context.scratch_dir,
               location);
  VARVE_ASSIGN_OR_RETURN(TableState state, log.Load());
  if (!state.dropped()) VARVE_RETURN_IF_ERROR(state.CheckSupported());
  return state;
}

Status Dropped(const std::string& location) {
  return NotFound("the table was dropped: {}", location);
}

// The state of a table that is still there.
Result<TableState> LoadLive(const DeltaTable::Context& context, const std::string& location) {
  VARVE_ASSIGN_OR_RETURN(TableState state, LoadState(context, location));
  if (state.dropped()) return Dropped(location);
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
  VARVE_RETURN_IF_ERROR(state.Apply(0, std::move(actions)));
  return state;
}

}  // namespace

Result<std::unique_ptr<DeltaTable>> DeltaTable::Join(const Context& context, TableRef table) {
  VARVE_RETURN_IF_ERROR(CheckContext(context, *table));
  // Also for a table that is there already: its types are checked before anything is looked up.
  VARVE_RETURN_IF_ERROR(SchemaJson(*table).status());
  VARVE_ASSIGN_OR_RETURN(TableState state, LoadState(context, table->location));
  if (state.dropped()) {
    return WithHint(
        SqlErrorf(sqlstate::kObjectInUse,
                  "the files of a dropped table are still being deleted: {}", table->location),
        "Try again later, or take another name.");
  }
  VARVE_ASSIGN_OR_RETURN(const bool same, state.HasColumnsOf(*table));
  if (!same) {
    return AlreadyExists("there is a Delta table with other columns at {}", table->location);
  }
  return std::make_unique<LoggedDeltaTable>(context, std::move(table), std::move(state));
}

Result<std::unique_ptr<DeltaTable>> DeltaTable::Create(const Context& context, TableRef table) {
  auto joined = Join(context, table);
  if (joined.status().code() != StatusCode::kNotFound) return joined;
  Result<TableState> first = CommitFirst(context, *table);
  if (first.status().code() == StatusCode::kAlreadyExists) return Join(context, std::move(table));
  if (!first.ok()) return first.status();
  return std::make_unique<LoggedDeltaTable>(context, std::move(table), *std::move(first));
}

Result<std::unique_ptr<DeltaTable>> DeltaTable::Open(const Context& context, TableRef table) {
  VARVE_RETURN_IF_ERROR(CheckContext(context, *table));
  VARVE_ASSIGN_OR_RETURN(TableState state, LoadState(context, table->location));
  // Also when it was dropped: who drops a table that has never been this one says nothing of it.
  VARVE_RETURN_IF_ERROR(state.CheckFits(*table));
  if (state.dropped()) return Dropped(table->location);
  auto opened = std::make_unique<LoggedDeltaTable>(context, std::move(table), std::move(state));
  VARVE_RETURN_IF_ERROR(opened->AddMissing());
  return opened;
}

Result<std::unique_ptr<DeltaTable>> DeltaTable::Discover(const Context& context,
                                                         const std::string& location) {
  VARVE_ASSIGN_OR_RETURN(TableState state, LoadLive(context, location));
  VARVE_ASSIGN_OR_RETURN(TableDef table, ReadDefinition(state.metadata(), location));
  return std::make_unique<LoggedDeltaTable>(
      context, std::make_shared<const TableDef>(std::move(table)), std::move(state));
}

}  // namespace varve::lake
