// Carries out a session's DELETE and UPDATE statements: what DuckDB found becomes new data files
// and one commit to the table's Delta log, at once or with the transaction.
//
// Role:     DuckSession -> [RowChanger] -> ChangeWriter -> DeltaTable::Replace -> Maintenance
//           (show).
// Order:    the table is locked against other sessions' changes, its rows in memory are flushed, a
//           snapshot is taken; the statement runs on it, files are written, the commit is made. A
//           crash before the commit leaves files that nobody reads.
// Errors:   40001 when another writer has replaced a file of the statement: outside of a
//           transaction the statement is done again first, several times. 0A000 for a transaction
//           that also writes another table. Unavailable: it is unknown whether it was committed.
//           Files are deleted only after an error that is known to have committed nothing
//           (lake/commit_fate.h).
// Threads:  the session's; Cancel from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/change_writer.h"
#include "engine/engine_core.h"
#include "engine/session_state.h"

namespace varve::engine {

class RowChanger {
 public:
  // Both outlive this.
  RowChanger(EngineCore& core, SessionState& state) : core_(core), state_(state) {}

  // Runs a statement by `run`, which leaves SessionState::statement_change and may be called again,
  // and commits what it found, or keeps it for Commit.
  Status ChangeRows(const TableRef& table, bool in_transaction, const std::function<Status()>& run);
  // Takes all files out, unless rows are to be `counted` and a file of another writer does not say
  // how many it has: then nothing is done. Returns the rows, if all files say so.
  Result<std::optional<int64_t>> DeleteAll(const TableRef& table, bool in_transaction,
                                           bool counted);

  // 0A000 when the transaction's changes so far do not allow these rows to be written.
  Status CheckMayWrite(const WriteSet& rows) const;
  // Commits the transaction's edits, and the rows that it has inserted, as one version.
  // SessionState has no edits after it has succeeded; after an error, drop them.
  Status Commit();
  // Forgets all edits but the first `kept`; with none left, their files and the lock go.
  void DropEdits(size_t kept);

  // Before each statement: whatever was cancelled is over.
  void StatementBegins();
  void Cancel() VARVE_EXCLUDES(mu_);

 private:
  struct WrittenEdit {
    FileEdit edit;
    std::vector<std::string> names;  // objects that are there now
    std::vector<std::shared_ptr<const void>> kept;
    std::string operation;
    Status status;  // why the edit is not complete
  };
  using WriteEdit = std::function<Result<WrittenEdit>(const TableRef&, const ChangeControl&)>;

  TableEditRef edit() const;
  // Calls `write` with a snapshot in which all rows of the table are in files, and keeps its edit.
  Status Change(const TableRef& table, bool in_transaction, const WriteEdit& write);
  Result<TableRef> PinForChange(const TableRef& table, const ChangeControl& control);
  Status MoveOwnRowsToFiles(const TableRef& table, const ChangeControl& control);
  Status CheckMayChange(const TableRef& table) const;
  static Status CheckOneTable(const TableRef& changed, const WriteSet& rows);
  ChangeControl Control();
  Status KeepEdit(const TableRef& table, const WrittenEdit& written, bool in_transaction);
  Status CommitEdit(const TableEdit& edit);
  void DeleteObjects(const std::vector<std::string>& names);

  EngineCore& core_;
  SessionState& state_;
  std::unique_ptr<TableLocks::Held> lock_;         // of the table that state_.edits is of
  std::vector<std::string> names_;                 // objects that state_.edits has made
  std::vector<std::shared_ptr<const void>> kept_;  // from this server's vacuum
  std::atomic<bool> cancelled_{false};             // since the running statement began

  Mutex mu_;
  // Works for the running statement, beside the session's own connection.
  duckdb::Connection* helper_ VARVE_GUARDED_BY(mu_) = nullptr;
};

}  // namespace varve::engine
