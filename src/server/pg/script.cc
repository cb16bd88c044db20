// The simple query protocol: a string of one or more statements, one implicit transaction.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "ingest/value_text.h"
#include "server/core/pg_grammar.h"
#include "server/pg/protocol.h"

namespace varve::server::pg {
namespace {

size_t CharactersOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

Status Shift(Status status, size_t characters) {
  const std::optional<size_t> position = PositionOf(status);
  if (!position || characters == 0) return status;
  return WithPosition(std::move(status), *position + characters);
}

}  // namespace

void Protocol::HandleQuery(std::string_view body) {
  auto sql = ReadString(body);
  if (!sql.ok()) return Terminate(sql.status());
  entry_->BeginStatement(client_->settings().statement_timeout_ms());
  // The unnamed statement and portal end here, as the manual says.
  statements_.erase("");
  portals_.erase("");
  script_.emplace(Script{});
  Status status = ingest::CheckText(*sql);
  if (status.ok()) status = ReadScript(*sql);
  if (!status.ok()) return Fail(status);
  const bool nothing = script_->AtEnd() && pending_ == nullptr;
  if (nothing) out_.Empty('I');  // EmptyQueryResponse
}

Status Protocol::ReadScript(std::string_view sql) {
  if (FirstWord(sql) == "INSERT") {
    VARVE_RETURN_IF_ERROR(client_->CheckMayRun("INSERT"));
    auto decoded = ingest::DecodeInsert(sql, client_->table_finder(), client_->decode_settings());
    if (!decoded.ok()) return Shift(std::move(decoded).status(), script_->rest_offset);
    if (decoded->has_value()) {
      const size_t end = (*decoded)->text_bytes;
      VARVE_CHECK(end > 0 && end <= sql.size());
      if (end < sql.size()) {
        script_->several = true;
        script_->rest_offset += CharactersOf(sql.substr(0, end));
        script_->rest = sql.substr(end);
      }
      WriteDecoded(**std::move(decoded));
      return OkStatus();
    }
  }
  auto statements = client_->Parse(sql);
  if (!statements.ok()) return Shift(std::move(statements).status(), script_->rest_offset);
  for (ClientStatementRef& statement : *statements) {
    if (script_->rest_offset > 0) {
      auto shifted = std::make_shared<ClientStatement>(*statement);
      shifted->offset += script_->rest_offset;
      statement = std::move(shifted);
    }
    script_->statements.push_back(std::move(statement));
  }
  script_->several = script_->several || script_->statements.size() > 1;
  return OkStatus();
}

void Protocol::WriteDecoded(ingest::DecodedInsert insert) {
  if (script_->several) {
    if (Status s = EnsureImplicit(); !s.ok()) return Fail(s);
  }
  WriteBatches(insert.table, std::move(insert.batches), script_->AtEnd(),
               [this, rows = insert.rows](const Status& written) {
                 if (!written.ok()) return Fail(written);
                 Complete("INSERT 0 " + std::to_string(rows), rows);
               });
}

void Protocol::NextOfScript() {
  if (script_->statements.empty()) {
    if (script_->rest.empty()) {
      script_.reset();
      VARVE_CHECK(!implicit_);
      EndStatement();
      return SendReady();
    }
    const std::string rest = std::exchange(script_->rest, {});
    if (Status s = ReadScript(rest); !s.ok()) return Fail(s);
    // Nothing but blanks or comments followed.
    if (pending_ == nullptr && script_->AtEnd() && implicit_) {
      CommitImplicit([this](const Status& committed) {
        if (!committed.ok()) Fail(committed);
      });
    }
    return;
  }
  const ClientStatementRef statement = script_->statements.front();
  const auto* control = std::get_if<TransactionControl>(&statement->server);
  if (implicit_ && control != nullptr && control->kind != TransactionControl::Kind::kBegin) {
    // COMMIT and ROLLBACK end the implicit transaction first, and then find none.
    if (control->kind == TransactionControl::Kind::kRollback) return RollbackImplicit();
    return CommitImplicit([this](const Status& committed) {
      if (!committed.ok()) Fail(committed);
    });
  }
  script_->statements.pop_front();
  if (Status s = RunScriptStatement(statement); !s.ok()) Fail(s);
}

Status Protocol::RunScriptStatement(const ClientStatementRef& statement) {
  const bool own = statement->engine == nullptr && !statement->copy;
  if (script_->several && !own) VARVE_RETURN_IF_ERROR(EnsureImplicit());
  if (statement->copy) return BeginCopy(statement, /*extended=*/false);
  if (statement->verb == "INSERT") {
    VARVE_RETURN_IF_ERROR(client_->CheckMayRun("INSERT"));
    auto decoded =
        ingest::DecodeInsert(statement->text, client_->table_finder(), client_->decode_settings());
    if (!decoded.ok()) return Shift(std::move(decoded).status(), statement->offset);
    if (decoded->has_value()) {
      WriteDecoded(**std::move(decoded));
      return OkStatus();
    }
  }
  VARVE_ASSIGN_OR_RETURN(auto stream, client_->Execute(statement, {}, {}));
  NoteExplicit();
  Sending sending;
  sending.rows = std::make_shared<RowSource>();
  sending.rows->stream = std::move(stream);
  sending.format = FormatOf({});
  const auto& columns = sending.rows->stream->columns();
  if (!columns.empty()) out_.RowDescription(columns, {});
  sending_ = std::move(sending);
  return OkStatus();
}

void Protocol::FinishScriptStatement(std::string tag, uint64_t rows) {
  const auto finish = [this, rows, tag = std::move(tag)](const Status& committed) {
    if (!committed.ok()) return Fail(committed);
    Complete(tag, rows);
  };
  if (script_->AtEnd() && implicit_) return CommitImplicit(finish);
  finish(OkStatus());
}

}  // namespace varve::server::pg
