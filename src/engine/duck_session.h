// Implements Session: one DuckDB connection, one transaction, one running statement.
//
// Role:     server -> [DuckSession] -> DuckDB for SQL; TableWriter for rows of Varve tables.
// Order:    COMMIT makes table definitions ready in the lake, writes the rows to the log, tells the
//           catalog, commits DuckDB's transaction, then shows the rows. What fails on the way
//           undoes everything (docs/decisions/0010-definitions-decide-for-rows.md).
// Threads:  one caller at a time; Cancel from any thread.
#pragma once

#include <atomic>
#include <duckdb.hpp>
#include <duckdb/parser/statement/insert_statement.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/definition_change.h"
#include "engine/engine_core.h"
#include "engine/result_stream.h"
#include "engine/row_changer.h"
#include "engine/session.h"
#include "engine/session_facts.h"
#include "engine/session_settings.h"
#include "engine/session_state.h"
#include "engine/statement.h"

namespace varve::engine {

using StreamOutcome = Result<std::unique_ptr<ResultStream>>;
using ParameterValues = duckdb::case_insensitive_map_t<duckdb::BoundParameterData>;

// A copy that means to DuckDB what the original means to PostgreSQL.
duckdb::unique_ptr<duckdb::SQLStatement> CopyForDuck(const duckdb::SQLStatement& parsed);

class DuckSession : public Session, private StreamOwner {
 public:
  DuckSession(EngineCore& core, const std::string& user, const std::string& database);
  ~DuckSession() override;

  Result<std::vector<std::shared_ptr<Statement>>> Parse(std::string_view sql) override;
  Result<Description> Describe(const std::shared_ptr<Statement>& statement,
                               const std::vector<Type>& parameter_types) override;
  Result<std::unique_ptr<ResultStream>> Execute(
      const std::shared_ptr<Statement>& statement, const std::vector<Type>& parameter_types,
      const std::vector<ParameterText>& parameters) override;
  void WriteRows(TableRows rows, std::function<void(Status)> done) override;

  Status BeginImplicit() override;
  void CommitImplicit(std::function<void(Status)> done) override;
  void RollbackImplicit() override;
  void ForgetPrepared() override { prepared_.clear(); }
  void Discard() override;
  TransactionMark Mark() const override;
  Status RollbackToMark(const TransactionMark& mark) override;
  void NoteFailure() override;
  TransactionState transaction_state() const override;

  TableRef FindTable(const std::optional<std::string>& schema,
                     std::string_view table) const override;
  Status SetOption(std::string_view name, std::string_view value) override;
  Result<std::string> GetOption(std::string_view name) const override;
  void NoteSetting(std::string_view name, std::string_view value) override;
  Status SetRingScope(std::optional<RingScope> scope) override;
  void Cancel() override;

 private:
  enum class Mode { kAutoCommit, kImplicit, kExplicit };

  StreamOwner* owner() { return this; }
  void OnFetch() override;
  void OnFetched() override;
  Status OnStreamError(const duckdb::ErrorData& error) override;
  void OnStreamClosed(DuckResultStream* stream) override;

  // duck_session.cc: connection and statement life cycle
  Status EnsureConnected();
  void DetachOpenStream();
  Status FailWith(Status status);
  static Status AbortedTransaction();
  void ArmTimeout();
  void DisarmTimeout();
  // As others may see it.
  std::string ShownText(const DuckStatement& statement) const;
  StreamOutcome Dispatch(const DuckStatement& statement, const std::vector<Type>& parameter_types,
                         const std::vector<ParameterText>& parameters);

  // session_run.cc: statements that DuckDB runs
  StreamOutcome RunSql(const duckdb::SQLStatement& parsed, std::string_view text,
                       ParameterValues values);
  StreamOutcome RunExplain(const duckdb::SQLStatement& parsed, std::string_view text,
                           ParameterValues values);
  Result<duckdb::unique_ptr<duckdb::QueryResult>> RunDuck(
      duckdb::unique_ptr<duckdb::SQLStatement> statement, std::string_view text,
      ParameterValues values, bool stream);
  StreamOutcome FinishMaterialized(const std::string& verb,
                                   duckdb::unique_ptr<duckdb::QueryResult> result);
  // Refuses ON CONFLICT; gives an INSERT without a column list the columns that its rows fill.
  Status CompleteInsert(duckdb::InsertStatement& insert, std::string_view text);
  Result<size_t> RowWidth(const duckdb::InsertStatement& insert, std::string_view text);
  Result<ParameterValues> BindParameters(const DuckStatement& statement,
                                         const std::vector<Type>& parameter_types,
                                         const std::vector<ParameterText>& parameters);
  Result<Description> DescribePlan(const duckdb::SQLStatement& parsed, std::string_view text,
                                   const std::vector<Type>& parameter_types, size_t count);

  // session_change.cc: DELETE and UPDATE of Varve tables
  // The Varve table that the statement deletes from or updates; nullptr for anything else.
  TableRef ChangedTable(const duckdb::SQLStatement& parsed);
  // The table itself, or the one part of it that the statement may change rows of; 0A000 when there
  // are several.
  Result<TableRef> PartToChange(const TableRef& table, const duckdb::SQLStatement& parsed,
                                const ParameterValues& values) const;
  Status CheckMayChange() const;
  StreamOutcome RunChange(const duckdb::SQLStatement& parsed, std::string_view text,
                          const ParameterValues& values, const TableRef& table);
  // Runs a statement, or the EXPLAIN of one, that changes rows of the table.
  Result<duckdb::unique_ptr<duckdb::QueryResult>> ChangeRows(const TableRef& table,
                                                             const duckdb::SQLStatement& statement,
                                                             std::string_view text,
                                                             const ParameterValues& values);
  Status CommitEdits();

  // session_commands.cc: statements that the session runs itself
  StreamOutcome RunTransaction(const duckdb::SQLStatement& parsed);
  StreamOutcome RunSet(const duckdb::SQLStatement& parsed);
  StreamOutcome RunPrepare(const DuckStatement& statement);
  StreamOutcome RunExecute(const duckdb::SQLStatement& parsed);
  StreamOutcome RunDeallocate(const duckdb::SQLStatement& parsed);
  // True for `SHOW name` of one of the session's settings.
  static bool ShownOption(const duckdb::SQLStatement& parsed, std::string& name);

  // session_definition.cc: CREATE, ALTER, DROP
  StreamOutcome RunDefinition(const duckdb::SQLStatement& parsed, std::string_view text);
  StreamOutcome RunCreate(const duckdb::SQLStatement& parsed, std::string_view text);
  StreamOutcome RunCreateTable(const duckdb::SQLStatement& parsed, std::string_view text);
  StreamOutcome RunAlter(const duckdb::SQLStatement& parsed, std::string_view text);
  // The same for the parts of a table in projects' own storage.
  Status CreateParts(const TableDef& table);
  Status AlterParts(const TableDef& changed);
  Status DropWithParts(const TableRef& table);
  Result<TableDef> PlanRename(const TableDef& table, const std::string& name);
  StreamOutcome RunDrop(const duckdb::SQLStatement& parsed, std::string_view text);
  duckdb::optional_ptr<duckdb::CatalogEntry> EntryOf(const std::string& schema,
                                                     const std::string& name);
  bool TableExists(const std::string& schema, const std::string& name);
  // The Varve table that the name means to DuckDB; nullptr for anything else.
  TableRef VarveTable(const std::string& schema, const std::string& name);
  std::vector<TableRef> TablesIn(const std::string& schema) const;
  void NoteChange(DefinitionChange change);

  // session_transaction.cc
  Status EnsureDuckTransaction();
  Status KeepStatementRows();
  void WriteAsync(WriteSet rows, std::function<void(Status)> done);
  Status Commit();
  Status WriteAndCommit(WriteSet rows);
  void SetCommitting(bool committing) VARVE_EXCLUDES(connection_mu_);
  // DuckDB's transaction has changes that outlive the session.
  bool HasDuckChanges();
  // Shows the definitions to the catalog and commits DuckDB's transaction.
  Status CommitDefinitions();
  // OK when DuckDB's commit of that number is durable in spite of the failure.
  Status AskWhetherCommitted(uint64_t number, Status failure);
  void Rollback();
  void RollbackDuck();
  void ResetTransaction();
  Status CheckRoom(const WriteSet& rows);
  Status CheckTables(const WriteSet& rows) const;

  EngineCore& core_;
  const uint64_t id_;
  SessionSettings settings_;
  duckdb::shared_ptr<SessionState> state_;
  RowChanger changer_;
  duckdb::shared_ptr<SessionFacts> facts_;
  GenerationRef generation_;
  // Replaced by the session's thread; Cancel reads it from others.
  mutable Mutex connection_mu_;
  std::unique_ptr<duckdb::Connection> connection_ VARVE_GUARDED_BY(connection_mu_);
  // The log has the rows: from here on the transaction cannot be stopped, only finished.
  bool committing_ VARVE_GUARDED_BY(connection_mu_) = false;
  duckdb::Connection* duck_ = nullptr;  // the session thread's own view of connection_

  Mode mode_ = Mode::kAutoCommit;
  bool failed_ = false;
  bool duck_open_ = false;      // DuckDB's transaction has begun
  bool has_temporary_ = false;  // a temporary table may hide one of ours
  uint64_t transaction_bytes_ = 0;
  std::vector<DefinitionChange> changes_;
  std::map<std::string, std::shared_ptr<DuckStatement>> prepared_;

  DuckResultStream* open_stream_ = nullptr;
  std::string running_;  // text of the running statement
  std::optional<Deadlines::Ticket> deadline_;
  std::atomic<bool> timed_out_{false};
};

}  // namespace varve::engine
