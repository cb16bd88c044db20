// Gives one client PostgreSQL's statements: the engine's, and those that the engine's grammar
// lacks.
//
// Role:     server/pg -> [ClientSession] -> engine::Session. Settings, transaction modes and
//           cursors are handled here; SELECT, INSERT and DDL go through.
// Errors:   as engine::Session; 0A000 for PostgreSQL's statements that nobody here can run; 25006
//           for a write in a read-only transaction.
// Threads:  one user at a time, as engine::Session. Calls may block: on the query pool.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/session.h"
#include "ingest/copy_spec.h"
#include "ingest/decode_settings.h"
#include "ingest/insert_decoder.h"
#include "server/core/cursor.h"
#include "server/core/error_report.h"
#include "server/core/pg_grammar.h"
#include "server/core/settings.h"

namespace varve::server {

struct ClientStatement {
  std::string verb;  // its first word, upper case
  std::string text;
  size_t offset = 0;  // characters before it in the query string
  PostgresStatement server;
  std::shared_ptr<engine::Statement> engine;  // when `server` is ForEngine and it is no COPY
  std::optional<ingest::CopySpec> copy;
};
using ClientStatementRef = std::shared_ptr<const ClientStatement>;

class ClientSession {
 public:
  // Forgets a prepared statement of the protocol; the empty name means all. False: no such one.
  using DeallocateHook = std::function<bool(const std::string& name)>;

  ClientSession(std::unique_ptr<engine::Session> session, Settings settings, Clock& clock);

  Result<std::vector<ClientStatementRef>> Parse(std::string_view sql);
  Result<engine::Description> Describe(const ClientStatementRef& statement,
                                       const std::vector<Type>& parameter_types);
  // Not for COPY. Positions of errors count from the start of the query string.
  Result<std::unique_ptr<engine::ResultStream>> Execute(
      const ClientStatementRef& statement, const std::vector<Type>& parameter_types,
      const std::vector<engine::ParameterText>& parameters);

  // 25P02 in a failed transaction, 25006 for a writing verb in a read-only one.
  Status CheckMayRun(std::string_view verb) const;
  // Must be called when the transaction may have ended another way than by a statement run here.
  void NoteTransactionEnd(bool committed);

  // What a literal means now.
  ingest::DecodeSettings decode_settings() const;
  ingest::TableFinder table_finder() const;

  Cursor* FindCursor(std::string_view name);
  void SetDeallocateHook(DeallocateHook hook) { deallocate_ = std::move(hook); }
  std::vector<Notice> TakeNotices();
  void AddNotice(Severity severity, std::string sqlstate, std::string message);
  // Settings that changed and that a client is told of.
  std::vector<SettingChange> TakeReports() { return std::exchange(reports_, {}); }

  engine::Session& engine() { return *session_; }
  const Settings& settings() const { return settings_; }
  engine::TransactionState state() const { return session_->transaction_state(); }

 private:
  using StreamResult = Result<std::unique_ptr<engine::ResultStream>>;

  Result<std::vector<ClientStatementRef>> FromEngine(
      std::string_view sql, const std::vector<std::shared_ptr<engine::Statement>>& statements);
  Result<std::vector<ClientStatementRef>> FromPostgres(std::string_view sql,
                                                       std::vector<ParsedPostgres> statements);
  Result<ClientStatementRef> EngineStatement(std::string_view sql, const ParsedPostgres& parsed);

  // One per statement of the server's own.
  StreamResult Run(const ClientStatement& statement, const ForEngine&);
  StreamResult Run(const ClientStatement& statement, const SetSetting& set);
  StreamResult Run(const ClientStatement& statement, const SetModes& set);
  StreamResult Run(const ClientStatement& statement, const ResetAll& reset);
  StreamResult Run(const ClientStatement& statement, const ShowSetting& show);
  StreamResult Run(const ClientStatement& statement, const TransactionControl& control);
  StreamResult Run(const ClientStatement& statement, const SavepointControl& control);
  StreamResult Run(const ClientStatement& statement, const DeclareCursor& declare);
  StreamResult Run(const ClientStatement& statement, const FetchCursor& fetch);
  StreamResult Run(const ClientStatement& statement, const CloseCursor& close);
  StreamResult Run(const ClientStatement& statement, const DiscardState& discard);
  StreamResult Run(const ClientStatement& statement, const Deallocate& deallocate);
  StreamResult Run(const ClientStatement& statement, const Unlisten& unlisten);
  StreamResult Run(const ClientStatement& statement, const Unsupported& unsupported);

  Status Begin(const TransactionControl& control);
  Status RollbackToSavepoint(size_t index);
  Result<std::string> RunEngineText(std::string_view sql);
  Status Set(std::string_view name, std::optional<std::string_view> value, bool local);
  Status SetTransactionModes(const std::vector<std::pair<std::string, std::string>>& modes,
                             bool session);
  // Hands changed settings to the engine and to the reports.
  Status PushChanges();

  std::unique_ptr<engine::Session> session_;
  Settings settings_;
  Clock& clock_;
  DeallocateHook deallocate_;
  using Cursors = std::map<std::string, std::shared_ptr<Cursor>, std::less<>>;
  struct Savepoint {
    std::string name;
    engine::TransactionMark mark;
    Settings::Snapshot settings;
    Cursors cursors;
  };

  Cursors cursors_;
  std::vector<Savepoint> savepoints_;  // of the open transaction; a name may come twice
  std::vector<Notice> notices_;
  std::vector<SettingChange> reports_;
};

}  // namespace varve::server
