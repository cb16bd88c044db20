#include "engine/duck_session.h"

#include <absl/strings/ascii.h>

#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/statement/execute_statement.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "engine/access_guard.h"
#include "engine/duck_guard.h"
#include "engine/read_only.h"

namespace varve::engine {

using duckdb::StatementType;

namespace {

// Keys of a project's storage are for nobody's eyes.
bool HoldsSecret(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
  return lower.find("create_project") != std::string::npos;
}

}  // namespace

DuckSession::DuckSession(EngineCore& core, const std::string& user, const std::string& database)
    : core_(core),
      id_(core.sessions.Add(user, database, Clock::System().NowUs())),
      settings_(core.options.statement_timeout_ms),
      state_(duckdb::make_shared_ptr<SessionState>(core.catalog)),
      changer_(core, *state_),
      facts_(duckdb::make_shared_ptr<SessionFacts>()) {
  state_->rows_bytes_max = core.options.transaction_bytes_max;
  state_->text_readers = core.options.text_readers;
  state_->text_writer = core.options.text_writer;
  facts_->user = user;
  facts_->database = database;
  facts_->backend_pid = static_cast<int32_t>(id_);
  facts_->setting = [this](const std::string& name) { return settings_.Shown(name); };
}

DuckSession::~DuckSession() {
  if (open_stream_ != nullptr) open_stream_->Orphan();
  DisarmTimeout();
  Rollback();
  core_.sessions.Remove(id_);
}

Status DuckSession::EnsureConnected() {
  auto current = core_.database->current();
  if (current->IsSpoilt()) {
    VARVE_RETURN_IF_ERROR(core_.database->RenewIfSpoilt(current, "(found by another statement)"));
    current = core_.database->current();
  }
  if (duck_ != nullptr && current == generation_) return OkStatus();
  const bool lost_transaction = duck_open_;
  duck_open_ = false;
  VARVE_RETURN_IF_ERROR(GuardDuck([&] {
    auto connection = std::make_unique<duckdb::Connection>(current->Connect());
    connection->context->registered_state->Insert(kSessionStateKey, state_);
    SessionFacts::Attach(*connection->context, facts_);
    MutexLock lock(connection_mu_);
    connection_ = std::move(connection);
    duck_ = connection_.get();
  }));
  generation_ = std::move(current);
  const InternalScope internal(*state_);
  VARVE_RETURN_IF_ERROR(settings_.Apply(*duck_));
  if (lost_transaction) {
    failed_ = mode_ != Mode::kAutoCommit;
    return SqlError(sqlstate::kInternalError,
                    "the transaction was lost in an internal error of the engine");
  }
  return OkStatus();
}

// Temporary tables live and die with the connection; the next statement opens another.
void DuckSession::Discard() {
  VARVE_CHECK(mode_ == Mode::kAutoCommit);
  DetachOpenStream();
  ForgetPrepared();
  has_temporary_ = false;
  generation_.reset();
  duck_ = nullptr;
  MutexLock lock(connection_mu_);
  connection_.reset();
}

void DuckSession::DetachOpenStream() {
  if (open_stream_ != nullptr) open_stream_->Detach();
}

Status DuckSession::FailWith(Status status) {
  state_->statement_rows.clear();
  if (mode_ != Mode::kAutoCommit) failed_ = true;
  if (generation_ && generation_->IsSpoilt()) {
    core_.database->RenewIfSpoilt(generation_, core_.sessions.StatementOf(id_)).IgnoreError();
    if (SqlStateOf(status) != sqlstate::kInternalError) {
      return SqlError(sqlstate::kInternalError, std::string(MessageOf(status)));
    }
  }
  if (timed_out_ && SqlStateOf(status) == sqlstate::kQueryCanceled) {
    return SqlError(sqlstate::kQueryCanceled, "canceling statement due to statement timeout");
  }
  return status;
}

void DuckSession::ArmTimeout() {
  timed_out_ = false;
  if (settings_.statement_timeout().count() == 0 || deadline_) return;
  deadline_ = core_.deadlines.Arm(settings_.statement_timeout(), [this] {
    timed_out_ = true;
    Cancel();
  });
}

void DuckSession::DisarmTimeout() {
  if (!deadline_) return;
  core_.deadlines.Disarm(*deadline_);
  deadline_.reset();
}

Result<std::vector<std::shared_ptr<Statement>>> DuckSession::Parse(std::string_view sql) {
  VARVE_RETURN_IF_ERROR(EnsureConnected());
  using Outcome = Result<std::vector<std::shared_ptr<Statement>>>;
  return GuardDuck(sql, [&]() -> Outcome {
    duckdb::Parser parser(duck_->context->GetParserOptions());
    parser.ParseQuery(std::string(sql));
    std::vector<std::shared_ptr<Statement>> statements;
    for (auto& parsed : parser.statements) {
      // The parser leaves each statement its own text, but the places in it count from the start of
      // all of them: a statement among others is parsed again alone.
      std::string text = parsed->query;
      duckdb::StringUtil::Trim(text);
      while (text.ends_with(';')) text.pop_back();
      if (parser.statements.size() > 1) {
        duckdb::Parser alone(duck_->context->GetParserOptions());
        alone.ParseQuery(text);
        if (alone.statements.size() == 1) parsed = std::move(alone.statements[0]);
      }
      statements.push_back(std::make_shared<DuckStatement>(std::move(parsed), std::move(text)));
    }
    return statements;
  });
}

std::string DuckSession::ShownText(const DuckStatement& statement) const {
  if (HoldsSecret(statement.text())) return "SELECT varve.create_project(...)";
  if (statement.parsed().type == StatementType::EXECUTE_STATEMENT) {
    const auto& name = statement.parsed().Cast<duckdb::ExecuteStatement>().name;
    const auto prepared = prepared_.find(name);
    if (prepared != prepared_.end() && HoldsSecret(prepared->second->text())) {
      return fmt::format("EXECUTE {}(...)", name);
    }
  }
  return std::string(statement.text());
}

StreamOutcome DuckSession::Execute(const std::shared_ptr<Statement>& statement,
                                   const std::vector<Type>& parameter_types,
                                   const std::vector<ParameterText>& parameters) {
  const auto& duck = static_cast<const DuckStatement&>(*statement);
  DetachOpenStream();
  running_ = duck.text();
  core_.sessions.NoteStatement(id_, ShownText(duck), Clock::System().NowUs());
  changer_.StatementBegins();
  ArmTimeout();
  auto outcome = GuardDuck(running_, [&] { return Dispatch(duck, parameter_types, parameters); });
  DisarmTimeout();
  // The plan holds what it reads; an idle session must not keep rows in memory that were flushed.
  state_->snapshot.reset();
  if (!outcome.ok()) outcome = FailWith(outcome.status());
  core_.sessions.NoteState(id_, mode_ == Mode::kExplicit ? "idle in transaction" : "idle");
  return outcome;
}

StreamOutcome DuckSession::Dispatch(const DuckStatement& statement,
                                    const std::vector<Type>& parameter_types,
                                    const std::vector<ParameterText>& parameters) {
  const auto& parsed = statement.parsed();
  if (state_->ring_scope) VARVE_RETURN_IF_ERROR(CheckOnlyReads(parsed));
  if (parsed.type == StatementType::TRANSACTION_STATEMENT) return RunTransaction(parsed);
  if (failed_) return AbortedTransaction();
  VARVE_RETURN_IF_ERROR(EnsureConnected());
  state_->snapshot = core_.parts.buffer->Snapshot();
  switch (parsed.type) {
    case StatementType::SET_STATEMENT:
      return RunSet(parsed);
    case StatementType::PREPARE_STATEMENT:
      return RunPrepare(statement);
    case StatementType::EXECUTE_STATEMENT:
      return RunExecute(parsed);
    default:
      break;
  }
  if (statement.verb() == "DEALLOCATE") return RunDeallocate(parsed);
  std::string option;
  if (ShownOption(parsed, option)) {
    VARVE_ASSIGN_OR_RETURN(auto value, settings_.Get(option));
    return TextResult("SHOW", option, {value});
  }
  VARVE_RETURN_IF_ERROR(CheckStatementAllowed(parsed));
  switch (parsed.type) {
    case StatementType::CREATE_STATEMENT:
    case StatementType::ALTER_STATEMENT:
    case StatementType::DROP_STATEMENT:
      if (!state_->edits.empty()) {
        return SqlError(sqlstate::kFeatureNotSupported,
                        "definitions cannot be changed in a transaction that deletes or updates "
                        "rows");
      }
      return RunDefinition(parsed, statement.text());
    default:
      break;
  }
  VARVE_ASSIGN_OR_RETURN(auto values, BindParameters(statement, parameter_types, parameters));
  if (parsed.type == StatementType::EXPLAIN_STATEMENT) {
    return RunExplain(parsed, statement.text(), std::move(values));
  }
  return RunSql(parsed, statement.text(), std::move(values));
}

void DuckSession::OnFetch() { ArmTimeout(); }

void DuckSession::OnFetched() { DisarmTimeout(); }

Status DuckSession::OnStreamError(const duckdb::ErrorData& error) {
  return FailWith(StatusFromDuck(error, running_));
}

void DuckSession::OnStreamClosed(DuckResultStream* stream) {
  if (open_stream_ == stream) open_stream_ = nullptr;
}

void DuckSession::NoteFailure() {
  if (mode_ != Mode::kAutoCommit) failed_ = true;
}

TransactionState DuckSession::transaction_state() const {
  if (mode_ != Mode::kExplicit) return TransactionState::kIdle;
  return failed_ ? TransactionState::kFailed : TransactionState::kActive;
}

TableRef DuckSession::FindTable(const std::optional<std::string>& schema,
                                std::string_view table) const {
  if (!schema && has_temporary_) return nullptr;  // DuckDB finds out which one is meant
  const auto find = [&](const std::string& in_schema) -> TableRef {
    const QualifiedName name{in_schema, std::string(table)};
    for (const auto& [id, own] : state_->own_tables) {
      if (own && !own->is_part() && own->name == name) return own;
    }
    auto found = core_.catalog.Find(name);
    return found && state_->own_tables.contains(found->id) ? nullptr : found;
  };
  if (schema) return find(*schema);
  for (const auto& searched : settings_.schemas()) {
    if (auto found = find(searched)) return found;
  }
  return nullptr;
}

Status DuckSession::SetOption(std::string_view name, std::string_view value) {
  if (!SessionSettings::IsKnown(name)) {
    return SqlErrorf(sqlstate::kUndefinedObject, "unrecognized configuration parameter \"{}\"",
                     name);
  }
  DetachOpenStream();
  VARVE_RETURN_IF_ERROR(EnsureConnected());
  const InternalScope internal(*state_);
  return settings_.Set(*duck_, name, value);
}

Status DuckSession::SetRingScope(std::optional<RingScope> scope) {
  VARVE_CHECK(mode_ == Mode::kAutoCommit);
  if (scope && !core_.users_own_ring_names.empty()) {
    // Its names would mean something else than the rings.
    return WithHint(
        SqlErrorf(sqlstate::kObjectNotInPrerequisiteState,
                  "the rings cannot be queried here: {} is a user's own from before schema {} was "
                  "given to live metrics",
                  core_.users_own_ring_names, kRingSchema),
        "Copy its rows to another table, drop it, and start the server again.");
  }
  DetachOpenStream();
  VARVE_RETURN_IF_ERROR(EnsureConnected());
  const InternalScope internal(*state_);
  VARVE_RETURN_IF_ERROR(
      scope ? settings_.Set(*duck_, "search_path", fmt::format("{}, public", kRingSchema))
            : settings_.Reset(*duck_, "search_path"));
  state_->ring_scope = scope ? std::make_shared<const RingScope>(*std::move(scope)) : nullptr;
  return OkStatus();
}

Result<std::string> DuckSession::GetOption(std::string_view name) const {
  return settings_.Get(name);
}

void DuckSession::NoteSetting(std::string_view name, std::string_view value) {
  facts_->Note(absl::AsciiStrToLower(absl::string_view(name.data(), name.size())),
               std::string(value));
}

void DuckSession::Cancel() {
  MutexLock lock(connection_mu_);
  if (committing_) return;
  if (connection_) connection_->Interrupt();
  changer_.Cancel();
}

}  // namespace varve::engine
