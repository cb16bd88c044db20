#include "server/core/client_session.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace varve::server {
namespace {

size_t CharactersOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

Status ShiftPosition(Status status, size_t characters) {
  const std::optional<size_t> position = PositionOf(status);
  if (!position || characters == 0) return status;
  return WithPosition(std::move(status), *position + characters);
}

// Verbs that change something; everything else may run in a read-only transaction.
bool IsWriteVerb(std::string_view verb) {
  static constexpr std::string_view kWrites[] = {"INSERT", "UPDATE",  "DELETE", "CREATE",
                                                 "DROP",   "ALTER",   "COPY",   "TRUNCATE",
                                                 "MERGE",  "COMMENT", "VACUUM", "REFRESH"};
  return std::find(std::begin(kWrites), std::end(kWrites), verb) != std::end(kWrites);
}

bool IsSyntaxError(const Status& status) { return SqlStateOf(status) == sqlstate::kSyntaxError; }

}  // namespace

ClientSession::ClientSession(std::unique_ptr<engine::Session> session, Settings settings,
                             Clock& clock)
    : session_(std::move(session)), settings_(std::move(settings)), clock_(clock) {
  VARVE_CHECK(session_ != nullptr);
  for (const Settings::Row& row : settings_.All()) session_->NoteSetting(row.name, row.value);
  const Status pushed = PushChanges();
  // The engine may refuse a start-up value that only it understands; the client is told.
  if (!pushed.ok()) {
    AddNotice(Severity::kWarning, SqlStateOf(pushed), std::string(MessageOf(pushed)));
  }
}

Result<std::vector<ClientStatementRef>> ClientSession::Parse(std::string_view sql) {
  const std::string word = FirstWord(sql);
  if (word == "COPY") {
    VARVE_ASSIGN_OR_RETURN(auto copy, ingest::ParseCopy(sql));
    if (copy) {
      auto statement = std::make_shared<ClientStatement>();
      statement->verb = word;
      statement->text = sql;
      statement->copy = std::move(copy);
      return std::vector<ClientStatementRef>{std::move(statement)};
    }
  }
  if (IsServerWord(word)) {
    auto parsed = ParsePostgres(sql);
    if (parsed.ok()) return FromPostgres(sql, *std::move(parsed));
  }
  auto statements = session_->Parse(sql);
  if (statements.ok()) return FromEngine(sql, *statements);
  if (!IsSyntaxError(statements.status()) || sql.size() > kPostgresTextMax) {
    return std::move(statements).status();
  }
  VARVE_ASSIGN_OR_RETURN(auto parsed, ParsePostgres(sql));
  return FromPostgres(sql, std::move(parsed));
}

Result<std::vector<ClientStatementRef>> ClientSession::FromEngine(
    std::string_view sql, const std::vector<std::shared_ptr<engine::Statement>>& statements) {
  std::vector<ClientStatementRef> out;
  size_t from = 0;
  for (const auto& engine_statement : statements) {
    const std::string_view text = engine_statement->text();
    const size_t found = sql.find(text, from);
    const size_t offset = found == std::string_view::npos ? from : found;
    from = offset + (found == std::string_view::npos ? 0 : text.size());
    const std::string word = FirstWord(text);
    if (IsServerWord(word) || word == "COPY") {
      auto parsed = ParsePostgres(text);
      if (parsed.ok() && parsed->size() == 1) {
        VARVE_ASSIGN_OR_RETURN(auto own, FromPostgres(text, *std::move(parsed)));
        auto shifted = std::make_shared<ClientStatement>(*own.front());
        shifted->offset += CharactersOf(sql.substr(0, offset));
        out.push_back(std::move(shifted));
        continue;
      }
    }
    auto statement = std::make_shared<ClientStatement>();
    statement->verb = word;
    statement->text = text;
    statement->offset = CharactersOf(sql.substr(0, offset));
    statement->engine = engine_statement;
    out.push_back(std::move(statement));
  }
  return out;
}

Result<std::vector<ClientStatementRef>> ClientSession::FromPostgres(
    std::string_view sql, std::vector<ParsedPostgres> statements) {
  std::vector<ClientStatementRef> out;
  for (ParsedPostgres& parsed : statements) {
    if (std::holds_alternative<ForEngine>(parsed.statement)) {
      VARVE_ASSIGN_OR_RETURN(auto statement, EngineStatement(sql, parsed));
      out.push_back(std::move(statement));
      continue;
    }
    auto statement = std::make_shared<ClientStatement>();
    statement->verb = FirstWord(parsed.text);
    statement->text = parsed.text;
    statement->offset = CharactersOf(sql.substr(0, parsed.offset));
    statement->server = std::move(parsed.statement);
    out.push_back(std::move(statement));
  }
  return out;
}

Result<ClientStatementRef> ClientSession::EngineStatement(std::string_view sql,
                                                          const ParsedPostgres& parsed) {
  auto statement = std::make_shared<ClientStatement>();
  statement->verb = FirstWord(parsed.text);
  statement->text = parsed.text;
  statement->offset = CharactersOf(sql.substr(0, parsed.offset));
  if (statement->verb == "COPY") {
    VARVE_ASSIGN_OR_RETURN(statement->copy, ingest::ParseCopy(parsed.text));
    if (statement->copy) return ClientStatementRef(std::move(statement));
  }
  auto statements = session_->Parse(parsed.text);
  if (!statements.ok()) {
    if (!IsSyntaxError(statements.status())) {
      return ShiftPosition(std::move(statements).status(), statement->offset);
    }
    // PostgreSQL's grammar has accepted it, so it is no mistake of the client's.
    return WithDetail(SqlErrorf(sqlstate::kFeatureNotSupported, "this form of {} is not supported",
                                statement->verb),
                      MessageOf(statements.status()));
  }
  if (statements->size() != 1) {
    return SqlErrorf(sqlstate::kFeatureNotSupported, "this form of {} is not supported",
                     statement->verb);
  }
  statement->engine = std::move(statements->front());
  return ClientStatementRef(std::move(statement));
}

Result<engine::Description> ClientSession::Describe(const ClientStatementRef& statement,
                                                    const std::vector<Type>& parameter_types) {
  engine::Description description;
  if (statement->engine != nullptr) {
    auto described = session_->Describe(statement->engine, parameter_types);
    if (!described.ok()) return ShiftPosition(std::move(described).status(), statement->offset);
    return described;
  }
  if (const auto* show = std::get_if<ShowSetting>(&statement->server)) {
    if (show->name == "all") {
      for (const char* name : {"name", "setting", "description"}) {
        description.columns.push_back({name, Type(TypeKind::kText)});
      }
    } else {
      description.columns.push_back({settings_.DisplayName(show->name), Type(TypeKind::kText)});
    }
  }
  if (const auto* fetch = std::get_if<FetchCursor>(&statement->server); fetch && !fetch->move) {
    if (const Cursor* cursor = FindCursor(fetch->name)) description.columns = cursor->columns();
  }
  return description;
}

Status ClientSession::CheckMayRun(std::string_view verb) const {
  if (state() == engine::TransactionState::kFailed) {
    return SqlError(sqlstate::kInFailedTransaction,
                    "current transaction is aborted, commands ignored until end of transaction "
                    "block");
  }
  const bool read_only = state() == engine::TransactionState::kIdle
                             ? settings_.Show("default_transaction_read_only").value() == "on"
                             : settings_.transaction_read_only();
  if (read_only && IsWriteVerb(verb)) {
    return SqlErrorf(sqlstate::kReadOnlyTransaction, "cannot execute {} in a read-only transaction",
                     verb);
  }
  return OkStatus();
}

Result<std::unique_ptr<engine::ResultStream>> ClientSession::Execute(
    const ClientStatementRef& statement, const std::vector<Type>& parameter_types,
    const std::vector<engine::ParameterText>& parameters) {
  VARVE_CHECK(!statement->copy.has_value());
  const auto* control = std::get_if<TransactionControl>(&statement->server);
  const auto* savepoint = std::get_if<SavepointControl>(&statement->server);
  const bool undoes =
      (control != nullptr && control->kind != TransactionControl::Kind::kBegin) ||
      (savepoint != nullptr && savepoint->kind == SavepointControl::Kind::kRollbackTo);
  if (!undoes) {
    if (Status s = CheckMayRun(statement->verb); !s.ok()) {
      session_->NoteFailure();
      return s;
    }
  }
  if (statement->engine != nullptr) {
    auto stream = session_->Execute(statement->engine, parameter_types, parameters);
    if (!stream.ok()) return ShiftPosition(std::move(stream).status(), statement->offset);
    return stream;
  }
  StreamResult result =
      std::visit([&](const auto& server) { return Run(*statement, server); }, statement->server);
  if (!result.ok()) {
    session_->NoteFailure();
    return ShiftPosition(std::move(result).status(), statement->offset);
  }
  return result;
}

void ClientSession::NoteTransactionEnd(bool committed) {
  savepoints_.clear();
  cursors_.clear();
  settings_.EndTransaction(committed);
  if (Status s = PushChanges(); !s.ok()) {
    AddNotice(Severity::kWarning, SqlStateOf(s), std::string(MessageOf(s)));
  }
}

ingest::DecodeSettings ClientSession::decode_settings() const {
  return {settings_.text_style().time_zone, TimestampUs(clock_.NowUs())};
}

ingest::TableFinder ClientSession::table_finder() const {
  return [this](const std::optional<std::string>& schema, std::string_view table) {
    return session_->FindTable(schema, table);
  };
}

Cursor* ClientSession::FindCursor(std::string_view name) {
  const auto found = cursors_.find(name);
  return found == cursors_.end() ? nullptr : found->second.get();
}

std::vector<Notice> ClientSession::TakeNotices() {
  std::vector<Notice> notices = std::exchange(notices_, {});
  std::erase_if(notices, [this](const Notice& notice) {
    return !settings_.WantsNotice(notice.severity == Severity::kWarning);
  });
  return notices;
}

void ClientSession::AddNotice(Severity severity, std::string sqlstate, std::string message) {
  notices_.push_back({severity, std::move(sqlstate), std::move(message)});
}

Status ClientSession::PushChanges() {
  Status first;
  for (SettingChange& change : settings_.TakeChanges()) {
    const Status pushed = session_->SetOption(change.name, change.value);
    // The engine knows only the settings that change its answers.
    if (SqlStateOf(pushed) == sqlstate::kUndefinedObject) {
      session_->NoteSetting(change.name, change.value);
    } else if (!pushed.ok() && first.ok()) {
      first = pushed;
    }
    if (Settings::IsReported(change.name)) reports_.push_back(std::move(change));
  }
  return first;
}

}  // namespace varve::server
