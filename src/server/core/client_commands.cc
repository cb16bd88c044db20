// The statements that ClientSession runs itself: settings, transactions, cursors and the like.
#include <algorithm>
#include <utility>

#include "server/core/client_session.h"
#include "server/core/result_streams.h"

namespace varve::server {
namespace {

using StreamResult = Result<std::unique_ptr<engine::ResultStream>>;

StreamResult Tag(std::string tag) { return std::make_unique<TagStream>(std::move(tag)); }

constexpr SqlState kNoActiveTransaction = "25P01";
// Each keeps the settings and cursors of its moment.
constexpr size_t kSavepointsMax = 1000;

}  // namespace

StreamResult ClientSession::Run(const ClientStatement& statement, const ForEngine&) {
  return Internal("Statement has no handler: {}", statement.verb);
}

StreamResult ClientSession::Run(const ClientStatement&, const Unsupported& unsupported) {
  return SqlErrorf(sqlstate::kFeatureNotSupported, "{} is not supported", unsupported.what);
}

StreamResult ClientSession::Run(const ClientStatement&, const Unlisten&) {
  return Tag("UNLISTEN");  // LISTEN is refused, so there is never anything to stop.
}

Status ClientSession::Set(std::string_view name, std::optional<std::string_view> value,
                          bool local) {
  if (local && state() == engine::TransactionState::kIdle) {
    AddNotice(Severity::kWarning, std::string(kNoActiveTransaction),
              "SET LOCAL can only be used in transaction blocks");
  }
  auto before = settings_.Show(name);
  VARVE_RETURN_IF_ERROR(settings_.Set(name, value, local));
  Status pushed = PushChanges();
  if (!pushed.ok() && before.ok()) {
    VARVE_RETURN_IF_ERROR(settings_.Set(name, *before, local));
    if (Status undone = PushChanges(); !undone.ok()) return undone;
  }
  return pushed;
}

StreamResult ClientSession::Run(const ClientStatement& statement, const SetSetting& set) {
  VARVE_RETURN_IF_ERROR(Set(set.name, set.value, set.local));
  return Tag(statement.verb == "RESET" ? "RESET" : "SET");
}

Status ClientSession::SetTransactionModes(
    const std::vector<std::pair<std::string, std::string>>& modes, bool session) {
  for (const auto& [name, value] : modes) {
    VARVE_RETURN_IF_ERROR(Set(session ? "default_" + name : name, value, false));
  }
  return OkStatus();
}

StreamResult ClientSession::Run(const ClientStatement&, const SetModes& set) {
  if (!set.session && state() == engine::TransactionState::kIdle) {
    AddNotice(Severity::kWarning, std::string(kNoActiveTransaction),
              "SET TRANSACTION can only be used in transaction blocks");
    return Tag("SET");
  }
  VARVE_RETURN_IF_ERROR(SetTransactionModes(set.modes, set.session));
  return Tag("SET");
}

StreamResult ClientSession::Run(const ClientStatement&, const ResetAll&) {
  settings_.ResetAll();
  VARVE_RETURN_IF_ERROR(PushChanges());
  return Tag("RESET");
}

StreamResult ClientSession::Run(const ClientStatement&, const ShowSetting& show) {
  std::vector<std::vector<std::string>> rows;
  if (show.name == "all") {
    for (Settings::Row& row : settings_.All()) {
      rows.push_back({std::move(row.name), std::move(row.value), std::move(row.description)});
    }
    return std::make_unique<TextRowsStream>(
        std::vector<std::string>{"name", "setting", "description"}, std::move(rows), "SHOW");
  }
  VARVE_ASSIGN_OR_RETURN(std::string value, settings_.Show(show.name));
  rows.push_back({std::move(value)});
  return std::make_unique<TextRowsStream>(
      std::vector<std::string>{settings_.DisplayName(show.name)}, std::move(rows), "SHOW");
}

Result<std::string> ClientSession::RunEngineText(std::string_view sql) {
  VARVE_ASSIGN_OR_RETURN(auto statements, session_->Parse(sql));
  if (statements.size() != 1) return Internal("Not one statement: {}", sql);
  VARVE_ASSIGN_OR_RETURN(auto stream, session_->Execute(statements.front(), {}, {}));
  for (;;) {
    VARVE_ASSIGN_OR_RETURN(auto chunk, stream->Fetch());
    if (!chunk) return stream->command_tag();
  }
}

Status ClientSession::Begin(const TransactionControl& control) {
  VARVE_RETURN_IF_ERROR(RunEngineText("BEGIN").status());
  settings_.BeginTransaction();
  Status modes = PushChanges();
  if (modes.ok()) modes = SetTransactionModes(control.modes, false);
  if (modes.ok()) return modes;
  // A mode that cannot be had leaves no transaction behind.
  const Status undone = RunEngineText("ROLLBACK").status();
  NoteTransactionEnd(false);
  return undone.ok() ? modes : undone;
}

StreamResult ClientSession::Run(const ClientStatement& statement,
                                const TransactionControl& control) {
  const bool idle = state() == engine::TransactionState::kIdle;
  if (control.kind == TransactionControl::Kind::kBegin) {
    const std::string tag = statement.verb == "START" ? "START TRANSACTION" : "BEGIN";
    if (!idle) {
      AddNotice(Severity::kWarning, std::string(sqlstate::kActiveTransaction),
                "there is already a transaction in progress");
      return Tag(tag);
    }
    VARVE_RETURN_IF_ERROR(Begin(control));
    return Tag(tag);
  }
  const bool commit = control.kind == TransactionControl::Kind::kCommit &&
                      state() != engine::TransactionState::kFailed;
  if (idle) {
    AddNotice(Severity::kWarning, std::string(kNoActiveTransaction),
              "there is no transaction in progress");
    return Tag(control.kind == TransactionControl::Kind::kCommit ? "COMMIT" : "ROLLBACK");
  }
  // Before the end of the transaction whose snapshot they hold.
  savepoints_.clear();
  cursors_.clear();
  const auto ended = RunEngineText(commit ? "COMMIT" : "ROLLBACK");
  NoteTransactionEnd(commit && ended.ok());
  VARVE_RETURN_IF_ERROR(ended.status());
  return Tag(commit ? "COMMIT" : "ROLLBACK");
}

StreamResult ClientSession::Run(const ClientStatement& statement, const SavepointControl& control) {
  using Action = SavepointControl::Kind;
  if (state() == engine::TransactionState::kIdle) {
    return SqlErrorf(kNoActiveTransaction, "{} can only be used in transaction blocks",
                     control.kind == Action::kSet       ? "SAVEPOINT"
                     : control.kind == Action::kRelease ? "RELEASE SAVEPOINT"
                                                        : "ROLLBACK TO SAVEPOINT");
  }
  if (control.kind == Action::kSet) {
    if (savepoints_.size() >= kSavepointsMax) {
      return SqlErrorf(sqlstate::kStatementTooComplex, "more than {} savepoints in a transaction",
                       kSavepointsMax);
    }
    savepoints_.push_back({control.name, session_->Mark(), settings_.Save(), cursors_});
    return Tag("SAVEPOINT");
  }
  // The latest of that name.
  size_t index = savepoints_.size();
  while (index > 0 && savepoints_[index - 1].name != control.name) --index;
  if (index == 0) {
    constexpr SqlState kInvalidSavepoint = "3B001";
    return SqlErrorf(kInvalidSavepoint, "savepoint \"{}\" does not exist", control.name);
  }
  if (control.kind == Action::kRelease) {
    savepoints_.resize(index - 1);
    return Tag(statement.verb);
  }
  VARVE_RETURN_IF_ERROR(RollbackToSavepoint(index - 1));
  return Tag("ROLLBACK");
}

Status ClientSession::RollbackToSavepoint(size_t index) {
  savepoints_.resize(index + 1);  // It stays itself, those after it go.
  const Savepoint& savepoint = savepoints_.back();
  // Cursors that were opened since end, before what they read.
  std::erase_if(cursors_, [&](const auto& entry) {
    const auto before = savepoint.cursors.find(entry.first);
    return before == savepoint.cursors.end() || before->second != entry.second;
  });
  VARVE_RETURN_IF_ERROR(session_->RollbackToMark(savepoint.mark));
  settings_.Restore(savepoint.settings);
  return PushChanges();
}

StreamResult ClientSession::Run(const ClientStatement&, const DeclareCursor& declare) {
  if (declare.hold) {
    return SqlError(sqlstate::kFeatureNotSupported, "DECLARE CURSOR WITH HOLD is not supported");
  }
  if (declare.scroll) {
    return SqlError(sqlstate::kFeatureNotSupported, "DECLARE SCROLL CURSOR is not supported");
  }
  if (state() == engine::TransactionState::kIdle) {
    return SqlError(kNoActiveTransaction, "DECLARE CURSOR can only be used in transaction blocks");
  }
  if (cursors_.contains(declare.name)) {
    return SqlErrorf(sqlstate::kDuplicateCursor, "cursor \"{}\" already exists", declare.name);
  }
  VARVE_ASSIGN_OR_RETURN(auto statements, session_->Parse(declare.query));
  if (statements.size() != 1) {
    return SqlError(sqlstate::kSyntaxError, "a cursor takes one query");
  }
  VARVE_ASSIGN_OR_RETURN(auto stream, session_->Execute(statements.front(), {}, {}));
  cursors_.emplace(declare.name, std::make_shared<Cursor>(std::move(stream)));
  return Tag("DECLARE CURSOR");
}

StreamResult ClientSession::Run(const ClientStatement&, const FetchCursor& fetch) {
  const auto found = cursors_.find(fetch.name);
  if (found == cursors_.end()) {
    return SqlErrorf(sqlstate::kInvalidCursorName, "cursor \"{}\" does not exist", fetch.name);
  }
  if (!fetch.forward) {
    constexpr SqlState kObjectNotInPrerequisiteState = "55000";
    return WithHint(SqlError(kObjectNotInPrerequisiteState, "cursor can only scan forward"),
                    "Use FETCH FORWARD or NEXT; scrolling cursors are not supported.");
  }
  auto stream = std::make_unique<FetchStream>(found->second, fetch.count);
  if (!fetch.move) return stream;
  uint64_t rows = 0;
  for (;;) {
    VARVE_ASSIGN_OR_RETURN(auto chunk, stream->Fetch());
    if (!chunk) break;
    rows += chunk->rows;
  }
  return Tag("MOVE " + std::to_string(rows));
}

StreamResult ClientSession::Run(const ClientStatement&, const CloseCursor& close) {
  if (close.name.empty()) {
    cursors_.clear();
    return Tag("CLOSE CURSOR ALL");
  }
  if (cursors_.erase(close.name) == 0) {
    return SqlErrorf(sqlstate::kInvalidCursorName, "cursor \"{}\" does not exist", close.name);
  }
  return Tag("CLOSE CURSOR");
}

StreamResult ClientSession::Run(const ClientStatement&, const DiscardState& discard) {
  if (!discard.all) {
    return SqlError(sqlstate::kFeatureNotSupported, "DISCARD is supported as DISCARD ALL only");
  }
  if (state() != engine::TransactionState::kIdle) {
    return SqlError(sqlstate::kActiveTransaction,
                    "DISCARD ALL cannot run inside a transaction block");
  }
  cursors_.clear();
  if (deallocate_) deallocate_("");
  session_->Discard();
  settings_.ResetAll();
  VARVE_RETURN_IF_ERROR(PushChanges());
  return Tag("DISCARD ALL");
}

StreamResult ClientSession::Run(const ClientStatement& statement, const Deallocate& deallocate) {
  if (deallocate.name.empty()) {
    if (deallocate_) deallocate_("");
    session_->ForgetPrepared();
    return Tag("DEALLOCATE ALL");
  }
  if (deallocate_ && deallocate_(deallocate.name)) return Tag("DEALLOCATE");
  // It may be one of SQL's own PREPARE, which the engine keeps.
  VARVE_RETURN_IF_ERROR(RunEngineText(statement.text).status());
  return Tag("DEALLOCATE");
}

}  // namespace varve::server
