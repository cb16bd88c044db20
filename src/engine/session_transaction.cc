// The transaction half of DuckSession: what waits for COMMIT, and in which order it becomes
// durable.
#include <duckdb/main/attached_database.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/transaction/duck_transaction.hpp>
#include <duckdb/transaction/meta_transaction.hpp>

#include "base/check.h"
#include "base/fault_point.h"
#include "engine/duck_guard.h"
#include "engine/duck_session.h"
#include "engine/read_only.h"

namespace varve::engine {

namespace {

uint64_t BytesOf(const WriteSet& rows) {
  uint64_t bytes = 0;
  for (const auto& part : rows) bytes += part.rows->MemoryBytes();
  return bytes;
}

void Move(WriteSet& from, WriteSet& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
  from.clear();
}

}  // namespace

Status DuckSession::AbortedTransaction() {
  return SqlError(
      sqlstate::kInFailedTransaction,
      "current transaction is aborted, commands ignored until end of transaction block");
}

Status DuckSession::CheckRoom(const WriteSet& rows) {
  const uint64_t bytes = transaction_bytes_ + BytesOf(rows);
  if (bytes > core_.options.transaction_bytes_max) {
    return WithHint(
        SqlErrorf(sqlstate::kStatementTooComplex, "the transaction writes more than {} bytes",
                  core_.options.transaction_bytes_max),
        "Commit more often.");
  }
  transaction_bytes_ = bytes;
  return OkStatus();
}

// Rows that were decoded while somebody else dropped their table must not be acknowledged: the
// buffer lets them go. What is dropped after this look counts as written before.
Status DuckSession::CheckTables(const WriteSet& rows) const {
  const auto snapshot = core_.parts.buffer->Snapshot();
  for (const auto& part : rows) {
    const TableId id = part.table->id;
    const auto shown = snapshot->find(id);
    if (shown != snapshot->end() && !shown->second->files->unreadable.empty()) {
      return UnreadableTable(*part.table, *shown->second->files);
    }
    if (state_->own_tables.contains(id) || core_.catalog.Find(id)) continue;
    if (part.table->is_part() && core_.catalog.Find(part.table->parent)) {
      return SqlErrorf(sqlstate::kSerializationFailure,
                       "project \"{}\" has lost its storage meanwhile", part.table->project);
    }
    return SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" does not exist any more",
                     part.table->name.table);
  }
  return OkStatus();
}

Status DuckSession::EnsureDuckTransaction() {
  if (mode_ == Mode::kAutoCommit || duck_open_) return OkStatus();
  const InternalScope internal(*state_);
  VARVE_RETURN_IF_ERROR(GuardDuck([&] { duck_->BeginTransaction(); }));
  duck_open_ = true;
  return OkStatus();
}

Status DuckSession::KeepStatementRows() {
  if (state_->statement_rows.empty()) return OkStatus();
  VARVE_ASSIGN_OR_RETURN(state_->statement_rows,
                         core_.router.Route(*state_, std::exchange(state_->statement_rows, {})));
  if (mode_ == Mode::kAutoCommit) {
    VARVE_ASSIGN_OR_RETURN(const auto pass, core_.router.Enter(state_->statement_rows));
    VARVE_RETURN_IF_ERROR(CheckTables(state_->statement_rows));
    // They may wait for memory, and what this statement holds does not come back meanwhile.
    state_->snapshot.reset();
    return core_.parts.writer->Write(std::exchange(state_->statement_rows, {}));
  }
  VARVE_RETURN_IF_ERROR(changer_.CheckMayWrite(state_->statement_rows));
  VARVE_RETURN_IF_ERROR(CheckRoom(state_->statement_rows));
  Move(state_->statement_rows, state_->transaction_rows);
  return OkStatus();
}

void DuckSession::WriteRows(TableRows rows, std::function<void(Status)> done) {
  if (failed_) return done(AbortedTransaction());
  if (state_->ring_scope) return done(ReadOnlyRefusal("INSERT"));
  WriteSet set;
  set.push_back(std::move(rows));
  auto routed = core_.router.Route(*state_, std::move(set));
  if (mode_ == Mode::kAutoCommit) {
    if (!routed.ok()) return done(routed.status());
    return WriteAsync(*std::move(routed), std::move(done));
  }
  Status room = routed.status();
  set = routed.ok() ? *std::move(routed) : WriteSet();
  if (room.ok()) room = changer_.CheckMayWrite(set);
  if (room.ok()) room = CheckRoom(set);
  if (!room.ok()) {
    failed_ = true;
    return done(room);
  }
  Move(set, state_->transaction_rows);
  done(OkStatus());
}

// Rows that were routed, without a transaction around them.
void DuckSession::WriteAsync(WriteSet rows, std::function<void(Status)> done) {
  auto pass = core_.router.Enter(rows);
  Status there = pass.ok() ? CheckTables(rows) : pass.status();
  if (!there.ok()) return done(std::move(there));
  if (*pass == nullptr) return core_.parts.writer->WriteAsync(std::move(rows), std::move(done));
  core_.parts.writer->WriteAsync(
      std::move(rows), [held = *std::move(pass), done = std::move(done)](Status status) mutable {
        held.reset();
        done(std::move(status));
      });
}

Status DuckSession::BeginImplicit() {
  if (mode_ == Mode::kAutoCommit) mode_ = Mode::kImplicit;
  return OkStatus();
}

void DuckSession::CommitImplicit(std::function<void(Status)> done) {
  if (mode_ != Mode::kImplicit) return done(OkStatus());
  if (failed_) {
    Rollback();
    return done(OkStatus());
  }
  if (!duck_open_ && changes_.empty() && state_->edits.empty()) {
    DetachOpenStream();
    WriteSet rows = std::exchange(state_->transaction_rows, {});
    auto routed = core_.router.Route(*state_, std::move(rows));
    ResetTransaction();
    if (!routed.ok()) return done(routed.status());
    if (routed->empty()) return done(OkStatus());
    return WriteAsync(*std::move(routed), std::move(done));
  }
  done(Commit());
}

void DuckSession::RollbackImplicit() {
  if (mode_ == Mode::kImplicit) Rollback();
}

Status DuckSession::Commit() {
  if (!state_->edits.empty()) return CommitEdits();
  DetachOpenStream();
  state_->snapshot.reset();  // or a table that is dropped here would seem to be read
  Status status = generation_ == core_.database->current() || !duck_open_
                      ? OkStatus()
                      : EnsureConnected();  // the transaction was lost with its instance
  size_t prepared = 0;
  while (status.ok() && prepared < changes_.size()) {
    status = changes_[prepared].Prepare(core_);
    if (status.ok()) prepared++;
  }
  // Rows of a table that the same transaction drops go nowhere.
  WriteSet rows = std::exchange(state_->transaction_rows, {});
  std::erase_if(rows, [&](const TableRows& part) {
    const auto own = state_->own_tables.find(part.table->id);
    return own != state_->own_tables.end() && !own->second;
  });
  // A project may have got storage of its own since they were written.
  if (status.ok()) {
    auto routed = core_.router.Route(*state_, std::move(rows));
    status = routed.status();
    rows = routed.ok() ? *std::move(routed) : WriteSet();
  }
  const bool is_alone = mode_ == Mode::kImplicit && changes_.size() == 1 && rows.empty();
  PartRouter::Pass pass;
  if (status.ok()) {
    auto entered = core_.router.Enter(rows);
    status = entered.status();
    if (entered.ok()) pass = *std::move(entered);
  }
  if (status.ok()) status = CheckTables(rows);
  if (status.ok()) status = WriteAndCommit(std::move(rows));
  if (!status.ok()) {
    changes_.resize(prepared);
    for (auto it = changes_.rbegin(); it != changes_.rend(); ++it) it->Undo(core_);
    changes_.clear();
    Rollback();
    return status;
  }
  const auto changes = std::exchange(changes_, {});
  ResetTransaction();
  for (const auto& change : changes) status.Update(change.Finish(core_, is_alone));
  return status;
}

// Definitions and rows are durable in two places, and only DuckDB's commit can say whether the
// definitions are possible: what they need may be gone. So that commit decides for both. The rows
// go to the log first, behind a number; the same number is a row of DuckDB's transaction; the rows
// become visible when that has committed. Killed before DuckDB's commit is durable, a restart finds
// rows whose number is not in meta.duckdb and leaves them out; killed after it, it finds both.
// Transactions of rows alone, and of definitions alone, know nothing of this.
Status DuckSession::WriteAndCommit(WriteSet rows) {
  if (rows.empty()) return CommitDefinitions();
  if (!HasDuckChanges()) {
    VARVE_RETURN_IF_ERROR(core_.parts.writer->Write(std::move(rows)));
    return CommitDefinitions();
  }
  VARVE_ASSIGN_OR_RETURN(const uint64_t number, core_.meta->NewCommitNumber());
  const InternalScope internal(*state_);
  VARVE_RETURN_IF_ERROR(MetaStore::NoteCommit(*duck_, number));
  return core_.parts.writer->WriteIf(number, std::move(rows), [this, number] {
    VARVE_FAULT_POINT("commit.before_definitions");
    Status status = CommitDefinitions();
    VARVE_FAULT_POINT("commit.after_definitions");
    return status.ok() ? status : AskWhetherCommitted(number, std::move(status));
  });
}

// A cancel, or an internal error of DuckDB, may come when its commit is durable already.
Status DuckSession::AskWhetherCommitted(uint64_t number, Status failure) {
  core_.database->RenewIfSpoilt(core_.database->current(), "COMMIT").IgnoreError();
  const auto committed = core_.meta->CommittedNumbers();
  VARVE_CHECK(committed.ok());  // whether the rows count, only the next start can tell then
  return committed->contains(number) ? OkStatus() : failure;
}

bool DuckSession::HasDuckChanges() {
  if (!duck_open_) return false;
  auto& transactions = duckdb::MetaTransaction::Get(*duck_->context);
  for (auto& database : transactions.OpenedTransactions()) {
    if (database.get().IsTemporary() || database.get().IsSystem()) continue;
    auto transaction = transactions.TryGetTransaction(database.get());
    if (transaction && transaction->Cast<duckdb::DuckTransaction>().ChangesMade()) return true;
  }
  return false;
}

Status DuckSession::CommitDefinitions() {
  for (const auto& change : changes_) change.Publish(core_);
  if (!duck_open_) return OkStatus();
  duck_open_ = false;
  SetCommitting(true);
  const InternalScope internal(*state_);
  const Status committed = GuardDuck([&] { duck_->Commit(); });
  SetCommitting(false);
  return committed;
}

void DuckSession::SetCommitting(bool committing) {
  MutexLock lock(connection_mu_);
  committing_ = committing;
}

TransactionMark DuckSession::Mark() const {
  return {state_->transaction_rows.size(), transaction_bytes_, changes_.size(),
          state_->edits.size()};
}

Status DuckSession::RollbackToMark(const TransactionMark& mark) {
  // An error has spoilt DuckDB's transaction, and with it the definitions from before the mark.
  const bool is_lost = failed_ && !changes_.empty();
  if (is_lost || changes_.size() != mark.definitions || has_temporary_) {
    return WithHint(SqlError(sqlstate::kFeatureNotSupported,
                             "ROLLBACK TO SAVEPOINT is not supported in a transaction that "
                             "changes definitions or a session with temporary tables"),
                    "Use ROLLBACK.");
  }
  DetachOpenStream();
  // It holds no rows, and the next statement begins another.
  if (failed_) RollbackDuck();
  VARVE_CHECK(mark.writes <= state_->transaction_rows.size());
  state_->transaction_rows.resize(mark.writes);
  changer_.DropEdits(mark.edits);
  state_->statement_rows.clear();
  transaction_bytes_ = mark.bytes;
  failed_ = false;
  return OkStatus();
}

void DuckSession::RollbackDuck() {
  if (!duck_open_) return;
  duck_open_ = false;
  const InternalScope internal(*state_);
  // DuckDB may have ended the transaction itself when it failed.
  GuardDuck([&] {
    if (!duck_->IsAutoCommit()) duck_->Rollback();
  }).IgnoreError();
}

void DuckSession::Rollback() {
  DetachOpenStream();
  RollbackDuck();
  changes_.clear();
  changer_.DropEdits(0);
  ResetTransaction();
}

void DuckSession::ResetTransaction() {
  mode_ = Mode::kAutoCommit;
  failed_ = false;
  transaction_bytes_ = 0;
  state_->transaction_rows.clear();
  state_->statement_rows.clear();
  state_->own_tables.clear();
  changer_.DropEdits(0);
}

}  // namespace varve::engine
