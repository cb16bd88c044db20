#include "engine/row_changer.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>

#include "base/fault_point.h"
#include "lake/commit_fate.h"

namespace varve::engine {

namespace {

// How often a statement is done again because another writer has replaced a file of it.
constexpr int kAttemptsMax = 5;
// How often a commit is tried whose fate the store did not tell.
constexpr int kCommitTriesMax = 3;

// 54000 when a file that the edit adds is gone: it has waited so long that the vacuum of another
// server has deleted it, and a commit would name it all the same. One that may go at any moment is
// for DeltaTable::Replace to refuse, by our clock: the store's may be another hour's.
Status CheckFilesStay(const lake::DeltaTable::Context& lake, const TableEdit& edit) {
  if (edit.added.empty()) return OkStatus();
  const std::string oldest = edit.table->location + "/" + edit.added.front()->path;
  Status stored = lake.store->Head(oldest).status();
  if (stored.code() != StatusCode::kNotFound) return stored;
  return WithHint(SqlErrorf(sqlstate::kStatementTooComplex,
                            "rows of \"{}\" were deleted or updated too long before their commit",
                            edit.table->name.table),
                  "Commit within 40 minutes.");
}

bool IsConflict(const Status& status) {
  return SqlStateOf(status) == sqlstate::kSerializationFailure;
}

// `base` and then `edit`, of the same transaction.
TableEditRef Extend(const TableEditRef& base, const TableRef& table, const std::string& operation,
                    const FileEdit& edit) {
  auto next = base ? std::make_shared<TableEdit>(*base) : std::make_shared<TableEdit>();
  next->table = table;
  next->operation = operation;
  for (const auto& path : edit.removed) {
    const auto own = std::find_if(next->added.begin(), next->added.end(),
                                  [&](const auto& file) { return file->path == path; });
    if (own == next->added.end()) {
      next->removed.insert(path);
    } else {
      next->added.erase(own);  // a file that only this transaction has seen
    }
  }
  next->added.insert(next->added.end(), edit.added.begin(), edit.added.end());
  if (!next->stored_us) next->stored_us = edit.stored_us;
  return next;
}

lake::FileChange ChangeOf(const TableEdit& edit) {
  lake::FileChange change;
  change.operation = edit.operation;
  change.removed.assign(edit.removed.begin(), edit.removed.end());
  for (const auto& file : edit.added) change.added.push_back(*file);
  change.stored_us = edit.stored_us;
  return change;
}

// Replace, again when it is not known whether it has happened: a change that has is recognised and
// not made twice. An error that is not known to have left everything as it was is Unavailable.
Result<FileSetRef> CommitChange(lake::DeltaTable& delta, const lake::FileChange& change) {
  Status doubt;  // what the first try that may have happened was told
  for (int tries = 1;; tries++) {
    Result<FileSetRef> committed = delta.Replace(change);
    // A conflict is one with what was read from the lake, past every version that was tried.
    if (committed.ok() || IsConflict(committed.status())) return committed;
    if (doubt.ok() && lake::IsKnownNotCommitted(committed.status())) return committed;
    doubt.Update(committed.status());
    if (tries < kCommitTriesMax) continue;
    return Unavailable("it is not known whether the rows were changed: {}", MessageOf(doubt));
  }
}

}  // namespace

TableEditRef RowChanger::edit() const {
  return state_.edits.empty() ? nullptr : state_.edits.back();
}

Status RowChanger::CheckMayWrite(const WriteSet& rows) const {
  return state_.edits.empty() ? OkStatus() : CheckOneTable(edit()->table, rows);
}

Status RowChanger::CheckMayChange(const TableRef& table) const {
  if (!state_.edits.empty() && edit()->table->id != table->id) {
    return WithHint(
        SqlErrorf(sqlstate::kFeatureNotSupported,
                  "a transaction cannot delete or update rows of both \"{}\" and \"{}\"",
                  edit()->table->name.table, table->name.table),
        "Use one transaction for each table.");
  }
  return CheckOneTable(table, state_.transaction_rows);
}

// The rows of the log and the files of the lake are two commits: a transaction that needs both
// could be left half done.
Status RowChanger::CheckOneTable(const TableRef& changed, const WriteSet& rows) {
  for (const auto& part : rows) {
    if (part.table->id == changed->id) continue;
    return WithHint(
        SqlErrorf(
            sqlstate::kFeatureNotSupported,
            "a transaction that deletes or updates rows of \"{}\" cannot write rows of \"{}\"",
            changed->name.table, part.table->name.table),
        "Use one transaction for each table.");
  }
  return OkStatus();
}

void RowChanger::StatementBegins() { cancelled_ = false; }

void RowChanger::Cancel() {
  cancelled_ = true;
  MutexLock lock(mu_);
  if (helper_ != nullptr) helper_->Interrupt();
}

ChangeControl RowChanger::Control() {
  return {[this] {
            if (!cancelled_) return OkStatus();
            return SqlError(sqlstate::kQueryCanceled, "canceling statement due to user request");
          },
          [this](duckdb::Connection* connection) {
            MutexLock lock(mu_);
            helper_ = connection;
            if (helper_ != nullptr && cancelled_) helper_->Interrupt();
          }};
}

// Rows that the transaction has inserted become files too, which DELETE and UPDATE then read as all
// others. Everything goes with one commit to the table's Delta log at the end.
Status RowChanger::MoveOwnRowsToFiles(const TableRef& table, const ChangeControl& control) {
  const TableEditRef base = edit();
  const size_t taken = base ? base->rows_taken : 0;
  if (taken == state_.transaction_rows.size()) return OkStatus();
  std::vector<BatchRef> batches;
  for (size_t i = taken; i < state_.transaction_rows.size(); i++) {
    batches.push_back(state_.transaction_rows[i].rows);
  }
  ChangeWriter writer(core_, table, control);
  FileEdit edit;
  const Status written = writer.WriteRows(std::move(batches), edit);
  names_.insert(names_.end(), writer.names().begin(), writer.names().end());
  kept_.insert(kept_.end(), writer.kept().begin(), writer.kept().end());
  VARVE_RETURN_IF_ERROR(written);
  auto next =
      std::make_shared<TableEdit>(*Extend(base, table, base ? base->operation : "WRITE", edit));
  next->rows_taken = state_.transaction_rows.size();
  state_.edits.push_back(std::move(next));
  return OkStatus();
}

// After this, every row that was visible when the statement came is in a file of the lake. Rows
// that arrive meanwhile belong to later statements.
Result<TableRef> RowChanger::PinForChange(const TableRef& table, const ChangeControl& control) {
  VARVE_RETURN_IF_ERROR(MoveOwnRowsToFiles(table, control));
  const auto all_in_lake = [&] {
    const auto found = state_.snapshot->find(table->id);
    return found == state_.snapshot->end() ||
           (found->second->segments.empty() && found->second->staged.empty());
  };
  state_.snapshot = core_.parts.buffer->Snapshot();
  if (!all_in_lake()) {
    VARVE_RETURN_IF_ERROR(core_.parts.maintenance->Flush(table).status());
    state_.snapshot = core_.parts.buffer->Snapshot();
  }
  // After the snapshot: the definition knows every column that its files have.
  auto newest = core_.catalog.Find(table->id);
  if (newest) return newest;
  return SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" does not exist", table->name.table);
}

Status RowChanger::Change(const TableRef& table, bool in_transaction, const WriteEdit& write) {
  VARVE_RETURN_IF_ERROR(CheckMayChange(table));
  const ChangeControl control = Control();
  if (lock_ == nullptr) {
    VARVE_ASSIGN_OR_RETURN(lock_, core_.change_locks.Acquire(table->id, control.check));
  }
  const auto end = absl::MakeCleanup([&] {
    state_.change_target.reset();
    state_.statement_change.reset();
    if (!in_transaction) lock_.reset();
  });
  for (int attempt = 1;; attempt++) {
    VARVE_ASSIGN_OR_RETURN(const TableRef newest, PinForChange(table, control));
    state_.change_target = table->id;
    auto written = write(newest, control);
    state_.change_target.reset();
    Status status = lake::NotCommitted(written.ok() ? written->status : written.status());
    if (status.ok()) status = KeepEdit(newest, *written, in_transaction);
    if (status.ok() || !lake::IsKnownNotCommitted(status)) return status;
    if (written.ok()) DeleteObjects(written->names);
    const bool again = !in_transaction && IsConflict(status) && attempt < kAttemptsMax;
    if (!again) return status;
  }
}

Status RowChanger::ChangeRows(const TableRef& table, bool in_transaction,
                              const std::function<Status()>& run) {
  return Change(table, in_transaction,
                [&](const TableRef&, const ChangeControl& control) -> Result<WrittenEdit> {
                  VARVE_RETURN_IF_ERROR(run());
                  const auto change = std::move(state_.statement_change);
                  if (change == nullptr) return WrittenEdit();  // EXPLAIN
                  ChangeWriter writer(core_, change->shape.table, control);
                  auto edit = writer.Write(*change);
                  WrittenEdit written;
                  written.names = writer.names();
                  written.kept = writer.kept();
                  written.operation = change->is_update ? "UPDATE" : "DELETE";
                  written.status = edit.status();
                  if (edit.ok()) written.edit = *std::move(edit);
                  return written;
                });
}

// Which rows, nobody needs to look up.
Result<std::optional<int64_t>> RowChanger::DeleteAll(const TableRef& table, bool in_transaction,
                                                     bool counted) {
  std::optional<int64_t> rows;
  VARVE_RETURN_IF_ERROR(
      Change(table, in_transaction,
             [&](const TableRef& newest, const ChangeControl&) -> Result<WrittenEdit> {
               WrittenEdit written;
               written.operation = "DELETE";
               rows = 0;
               const TableView view = *state_.ViewOfChange(newest);
               if (!view.files) return written;
               for (const auto& file : view.files->files) {
                 written.edit.removed.push_back(file->path);
                 rows = rows && file->rows ? std::optional(*rows + *file->rows) : std::nullopt;
               }
               if (!rows && counted) written.edit.removed.clear();
               return written;
             }));
  return rows;
}

Status RowChanger::KeepEdit(const TableRef& table, const WrittenEdit& written,
                            bool in_transaction) {
  if (written.edit.removed.empty() && written.edit.added.empty()) return OkStatus();
  const TableEditRef base = edit();
  TableEditRef next = Extend(base, table, written.operation, written.edit);
  if (!in_transaction) return CommitEdit(*next);
  state_.edits.push_back(std::move(next));
  names_.insert(names_.end(), written.names.begin(), written.names.end());
  kept_.insert(kept_.end(), written.kept.begin(), written.kept.end());
  return OkStatus();
}

Status RowChanger::CommitEdit(const TableEdit& edit) {
  if (edit.removed.empty() && edit.added.empty()) return OkStatus();
  const auto delta = core_.parts.tables->Find(edit.table->id);
  if (delta == nullptr) {
    return lake::NotCommitted(SqlErrorf(sqlstate::kUndefinedTable,
                                        "relation \"{}\" does not exist any more",
                                        edit.table->name.table));
  }
  VARVE_FAULT_POINT("dml.after_files");
  VARVE_RETURN_IF_ERROR(lake::NotCommitted(CheckFilesStay(core_.parts.lake, edit)));
  const Result<FileSetRef> committed = CommitChange(*delta, ChangeOf(edit));
  if (IsConflict(committed.status())) {
    // So that whoever tries again sees what is there now.
    if (const auto newest = delta->Refresh(); newest.ok()) {
      core_.parts.maintenance->ShowFiles(edit.table, *newest).IgnoreError();
    }
  }
  VARVE_RETURN_IF_ERROR(committed.status());
  VARVE_FAULT_POINT("dml.after_commit");
  return Annotate(core_.parts.maintenance->ShowFiles(edit.table, *committed),
                  "the rows were changed, but this server cannot show it yet");
}

Status RowChanger::Commit() {
  const ChangeControl control{[] { return OkStatus(); }, [](duckdb::Connection*) {}};
  Status status = lake::NotCommitted(MoveOwnRowsToFiles(edit()->table, control));
  if (status.ok()) status = CommitEdit(*edit());
  if (!status.ok()) {
    // The table may need its files.
    if (!lake::IsKnownNotCommitted(status)) names_.clear();
    return status;
  }
  // What stays are files that a later statement of the transaction has replaced.
  for (const auto& file : edit()->added) {
    std::erase(names_, edit()->table->location + "/" + file->path);
  }
  DropEdits(0);
  return OkStatus();
}

void RowChanger::DropEdits(size_t kept) {
  state_.edits.resize(kept);
  if (kept > 0) return;
  DeleteObjects(std::exchange(names_, {}));
  kept_.clear();
  lock_.reset();
}

// Best effort: what stays is removed by vacuum.
void RowChanger::DeleteObjects(const std::vector<std::string>& names) {
  for (const auto& name : names) core_.store.Delete(name).IgnoreError();
}

}  // namespace varve::engine
