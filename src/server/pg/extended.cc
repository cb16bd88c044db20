// The extended query protocol: prepared statements, portals, and pipelines up to Sync.
#include <algorithm>
#include <utility>

#include "base/error_context.h"
#include "ingest/value_text.h"
#include "server/core/pg_grammar.h"
#include "server/pg/parameter_text.h"
#include "server/pg/protocol.h"

namespace varve::server::pg {
namespace {

// The whole message at the front of `ahead`, if it is there; 0 as its type otherwise.
struct Peeked {
  char type = 0;
  std::string_view body;
  std::string_view behind;
};

Peeked Peek(std::string_view ahead) {
  Peeked peeked;
  if (ahead.size() < kMessageHeaderBytes) return peeked;
  BodyReader reader(ahead.substr(1, 4));
  const int32_t length = reader.Int32();
  if (length < 4 || ahead.size() - 1 < static_cast<size_t>(length)) return peeked;
  peeked.type = ahead[0];
  peeked.body = ahead.substr(kMessageHeaderBytes, static_cast<size_t>(length) - 4);
  peeked.behind = ahead.substr(1 + static_cast<size_t>(length));
  return peeked;
}

Status NoPortal(std::string_view name) {
  return SqlErrorf(sqlstate::kInvalidCursorName, "portal \"{}\" does not exist", name);
}

// As PostgreSQL names it in an error's context.
std::string PortalText(std::string_view name) {
  return name.empty() ? "unnamed portal" : fmt::format("portal \"{}\"", name);
}

Status NoStatement(std::string_view name) {
  return SqlErrorf(sqlstate::kInvalidStatementName, "prepared statement \"{}\" does not exist",
                   name);
}

Status CheckResultFormats(const std::vector<int16_t>& formats, size_t columns) {
  if (formats.size() <= 1 || formats.size() == columns) return OkStatus();
  return SqlErrorf(sqlstate::kProtocolViolation,
                   "bind message has {} result formats but query has {} columns", formats.size(),
                   columns);
}

bool SameShape(const std::vector<engine::ResultColumn>& described,
               const std::vector<engine::ResultColumn>& actual) {
  return std::equal(described.begin(), described.end(), actual.begin(), actual.end(),
                    [](const auto& a, const auto& b) { return OidOf(a.type) == OidOf(b.type); });
}

}  // namespace

Status Protocol::HandleParse(std::string_view body) {
  VARVE_ASSIGN_OR_RETURN(const ParseMessage parse, ReadParse(body));
  VARVE_RETURN_IF_ERROR(ingest::CheckText(parse.sql));
  if (!parse.name.empty() && statements_.contains(parse.name)) {
    return SqlErrorf(sqlstate::kDuplicatePreparedStatement,
                     "prepared statement \"{}\" already exists", parse.name);
  }
  auto prepared = std::make_shared<PreparedStatement>();
  prepared->sql = parse.sql;
  prepared->declared = parse.parameter_oids;
  if (FirstWord(parse.sql) == "INSERT") {
    VARVE_ASSIGN_OR_RETURN(
        prepared->insert,
        ingest::CompileInsert(parse.sql, prepared->DeclaredTypes(), client_->table_finder()));
  }
  if (prepared->insert == nullptr) {
    VARVE_ASSIGN_OR_RETURN(auto statements, client_->Parse(parse.sql));
    if (statements.size() > 1) {
      return SqlError(sqlstate::kSyntaxError,
                      "cannot insert multiple commands into a prepared statement");
    }
    if (!statements.empty()) prepared->statement = std::move(statements.front());
  }
  statements_.insert_or_assign(std::string(parse.name), std::move(prepared));
  out_.Empty('1');
  return OkStatus();
}

Status Protocol::HandleBind(std::string_view body) {
  VARVE_ASSIGN_OR_RETURN(BindMessage bind, ReadBind(body));
  const auto found = statements_.find(bind.statement);
  if (found == statements_.end()) return NoStatement(bind.statement);
  if (!bind.portal.empty() && portals_.contains(bind.portal)) {
    return SqlErrorf(sqlstate::kDuplicateCursor, "cursor \"{}\" already exists", bind.portal);
  }
  auto portal = std::make_shared<Portal>();
  portal->prepared = found->second;
  portal->result_formats = bind.result_formats;
  if (portal->prepared->insert != nullptr) {
    // The parameters stay in wire form, and the portal outlives the message.
    portal->bind_body = body;
    VARVE_ASSIGN_OR_RETURN(bind, ReadBind(portal->bind_body));
  }
  VARVE_RETURN_IF_ERROR(BindParameters(bind, *portal));
  portals_.insert_or_assign(std::string(bind.portal), std::move(portal));
  out_.Empty('2');
  return OkStatus();
}

Status Protocol::BindParameters(const BindMessage& bind, Portal& portal) {
  PreparedStatement& prepared = *portal.prepared;
  size_t wanted = bind.parameters.size();
  if (prepared.insert != nullptr) {
    wanted = prepared.insert->parameter_types().size();
  } else if (prepared.description) {
    wanted = prepared.description->parameters.size();
  }
  if (bind.parameters.size() != wanted) {
    return SqlErrorf(sqlstate::kProtocolViolation,
                     "bind message supplies {} parameters, but prepared statement \"{}\" requires "
                     "{}",
                     bind.parameters.size(), bind.statement, wanted);
  }
  for (size_t i = 0; i < bind.parameters.size(); ++i) {
    const bool binary = bind.ParameterFormat(i) == 1;
    const auto& bytes = bind.parameters[i];
    if (prepared.insert != nullptr) {
      portal.insert_parameters.push_back({bytes, binary});
      continue;
    }
    if (!bytes) {
      portal.parameters.emplace_back(std::nullopt);
      continue;
    }
    Oid oid = i < prepared.declared.size() ? prepared.declared[i] : 0;
    if (binary && oid == 0) {
      VARVE_ASSIGN_OR_RETURN(const engine::Description* description, DescriptionOf(prepared));
      if (i < description->parameters.size()) oid = OidOf(description->parameters[i]);
    }
    auto text = ParameterTextOf(*bytes, binary, oid);
    if (!text.ok()) {
      return WithContext(std::move(text).status(),
                         fmt::format("{} parameter ${}", PortalText(bind.portal), i + 1));
    }
    portal.parameters.emplace_back(*std::move(text));
  }
  return OkStatus();
}

Result<const engine::Description*> Protocol::DescriptionOf(PreparedStatement& prepared) {
  if (!prepared.description) {
    engine::Description description;
    if (prepared.insert != nullptr) {
      description.parameters = prepared.insert->parameter_types();
    } else if (prepared.statement != nullptr && !prepared.statement->copy) {
      VARVE_ASSIGN_OR_RETURN(description,
                             client_->Describe(prepared.statement, prepared.DeclaredTypes()));
    }
    prepared.description = std::move(description);
  }
  return &*prepared.description;
}

Status Protocol::HandleDescribe(std::string_view body, std::string_view ahead) {
  VARVE_ASSIGN_OR_RETURN(const TargetMessage target, ReadTarget(body));
  if (target.kind == 'P') return DescribePortal(target.name, ahead);
  const auto found = statements_.find(target.name);
  if (found == statements_.end()) return NoStatement(target.name);
  PreparedStatement& prepared = *found->second;
  if (client_->state() == engine::TransactionState::kFailed && prepared.statement != nullptr &&
      prepared.statement->engine != nullptr) {
    VARVE_RETURN_IF_ERROR(client_->CheckMayRun("SELECT"));
  }
  VARVE_ASSIGN_OR_RETURN(const engine::Description* description, DescriptionOf(prepared));
  std::vector<Oid> oids;
  for (size_t i = 0; i < description->parameters.size(); ++i) {
    const Oid declared = i < prepared.declared.size() ? prepared.declared[i] : 0;
    oids.push_back(declared != 0 ? declared : OidOf(description->parameters[i]));
  }
  out_.ParameterDescription(oids);
  if (description->columns.empty()) {
    out_.Empty('n');
  } else {
    out_.RowDescription(description->columns, {});
  }
  return OkStatus();
}

Status Protocol::DescribePortal(std::string_view name, std::string_view ahead) {
  const auto found = portals_.find(name);
  const std::vector<engine::ResultColumn>* columns = nullptr;
  std::span<const int16_t> formats;
  if (found != portals_.end()) {
    Portal& portal = *found->second;
    PreparedStatement& prepared = *portal.prepared;
    formats = portal.result_formats;
    // Running it now saves planning it twice when its Execute is next anyway.
    const Peeked next = Peek(ahead);
    if (next.type == 'E' && prepared.statement != nullptr && !prepared.statement->copy &&
        !prepared.description && !portal.executed) {
      const auto execute = ReadExecute(next.body);
      if (execute.ok() && execute->portal == name) {
        entry_->BeginStatement(client_->settings().statement_timeout_ms());
        const bool alone = Peek(next.behind).type == 'S';
        if (!inserts_ && (alone || prepared.statement->engine == nullptr)) {
          VARVE_RETURN_IF_ERROR(OpenPortal(portal));
        }
      }
    }
    if (portal.rows != nullptr && portal.rows->stream != nullptr) {
      columns = &portal.rows->stream->columns();
    } else {
      VARVE_ASSIGN_OR_RETURN(const engine::Description* description, DescriptionOf(prepared));
      columns = &description->columns;
    }
  } else if (const Cursor* cursor = client_->FindCursor(name)) {
    columns = &cursor->columns();
  } else {
    return NoPortal(name);
  }
  if (columns->empty()) {
    out_.Empty('n');
    return OkStatus();
  }
  VARVE_RETURN_IF_ERROR(CheckResultFormats({formats.begin(), formats.end()}, columns->size()));
  out_.RowDescription(*columns, formats);
  return OkStatus();
}

Status Protocol::HandleExecute(std::string_view body, std::string_view ahead) {
  VARVE_ASSIGN_OR_RETURN(const ExecuteMessage execute, ReadExecute(body));
  const auto found = portals_.find(execute.portal);
  if (found == portals_.end()) return NoPortal(execute.portal);
  std::shared_ptr<Portal> portal = found->second;
  PreparedStatement& prepared = *portal->prepared;
  if (prepared.IsEmpty()) {
    out_.Empty('I');
    return OkStatus();
  }
  entry_->BeginStatement(client_->settings().statement_timeout_ms());
  const bool again = std::exchange(portal->was_run, true);
  if (again && (portal->rows == nullptr || portal->rows->stream->columns().empty())) {
    constexpr SqlState kObjectNotInPrerequisiteState = "55000";
    return SqlErrorf(kObjectNotInPrerequisiteState, "portal \"{}\" cannot be run", execute.portal);
  }
  const bool sync_follows = Peek(ahead).type == 'S';
  if (prepared.insert != nullptr) {
    return ExecuteInsert(*portal, ahead.empty() ? '\0' : ahead.front());
  }
  execute_ = PendingExecute{std::move(portal), execute.row_limit, sync_follows};
  return OkStatus();
}

// Runs what execute_ names, or what must come before it; called again until execute_ is empty.
Status Protocol::ExecutePortal() {
  if (inserts_) {
    return FlushInserts(false, [this](const Status& written) {
      if (!written.ok()) Fail(written);
    });
  }
  const ClientStatement& statement = *execute_->portal->prepared->statement;
  const auto* control = std::get_if<TransactionControl>(&statement.server);
  if (implicit_ && control != nullptr && control->kind != TransactionControl::Kind::kBegin) {
    if (control->kind == TransactionControl::Kind::kRollback) {
      RollbackImplicit();
      return OkStatus();
    }
    CommitImplicit([this](const Status& committed) {
      if (!committed.ok()) Fail(committed);
    });
    return OkStatus();
  }
  const PendingExecute execute = *std::exchange(execute_, std::nullopt);
  Portal& portal = *execute.portal;
  if (statement.copy) {
    portal.executed = true;
    return BeginCopy(portal.prepared->statement, /*extended=*/true);
  }
  if (!portal.executed) {
    // A statement that is alone before Sync commits by itself.
    const bool alone = execute.sync_follows && !implicit_;
    if (statement.engine != nullptr && !alone) VARVE_RETURN_IF_ERROR(EnsureImplicit());
    VARVE_RETURN_IF_ERROR(OpenPortal(portal));
  }
  Sending sending;
  sending.rows = portal.rows;
  sending.format = FormatOf(portal.result_formats);
  sending.limit = static_cast<uint64_t>(std::max(execute.row_limit, 0));
  sending.portal = true;
  sending_ = std::move(sending);
  return OkStatus();
}

Status Protocol::OpenPortal(Portal& portal) {
  const PreparedStatement& prepared = *portal.prepared;
  VARVE_ASSIGN_OR_RETURN(auto stream, client_->Execute(prepared.statement, prepared.DeclaredTypes(),
                                                       portal.parameters));
  NoteExplicit();
  portal.executed = true;
  VARVE_RETURN_IF_ERROR(CheckResultFormats(portal.result_formats, stream->columns().size()));
  if (prepared.description && !SameShape(prepared.description->columns, stream->columns())) {
    return SqlError(sqlstate::kFeatureNotSupported, "cached plan must not change result type");
  }
  portal.rows = std::make_shared<RowSource>();
  portal.rows->stream = std::move(stream);
  return OkStatus();
}

Status Protocol::ExecuteInsert(Portal& portal, char next) {
  VARVE_RETURN_IF_ERROR(client_->CheckMayRun("INSERT"));
  if (portal.executed) return NoPortal("");
  portal.executed = true;
  PreparedStatement& prepared = *portal.prepared;
  const TableRef& table = prepared.insert->table();
  // DDL since Parse makes a new definition; the statement is read again for it.
  if (client_->engine().FindTable(table->name.schema, table->name.table) != table) {
    VARVE_ASSIGN_OR_RETURN(
        prepared.insert,
        ingest::CompileInsert(prepared.sql, prepared.DeclaredTypes(), client_->table_finder()));
    if (prepared.insert == nullptr) {
      return SqlErrorf(sqlstate::kFeatureNotSupported,
                       "the table of a prepared INSERT has changed: {}", table->name.ToString());
    }
  }
  const ingest::DecodeSettings settings = client_->decode_settings();
  if (inserts_ && inserts_->plan != prepared.insert) {
    VARVE_RETURN_IF_ERROR(inserts_->rows->Flush());
    std::vector<BatchRef> batches = inserts_->rows->TakeBatches();
    const TableRef before = inserts_->rows->table();
    inserts_.reset();
    VARVE_RETURN_IF_ERROR(EnsureImplicit());
    VARVE_RETURN_IF_ERROR(WriteNow(before, std::move(batches)));
  }
  if (!inserts_) {
    VARVE_ASSIGN_OR_RETURN(auto rows, prepared.insert->NewAssembler(settings));
    inserts_ = InsertBatch{prepared.insert, std::move(rows)};
  }
  VARVE_RETURN_IF_ERROR(
      prepared.insert->Append(portal.insert_parameters, settings, *inserts_->rows));
  const uint64_t rows = prepared.insert->rows();
  const std::string tag = "INSERT 0 " + std::to_string(rows);
  const bool last = next == 'S';
  if (!last && next != '\0') {
    // Batches that are full already need not wait for Sync in this process's memory twice.
    std::vector<BatchRef> full = inserts_->rows->TakeBatches();
    if (!full.empty()) {
      VARVE_RETURN_IF_ERROR(EnsureImplicit());
      VARVE_RETURN_IF_ERROR(WriteNow(inserts_->rows->table(), std::move(full)));
    }
    Complete(tag, rows);
    EndStatement();
    return OkStatus();
  }
  // Rows are checked when their batch is complete. Whatever comes next may be Sync, and an error
  // must be the answer of an Execute: clients count answers. So the batch ends where the input
  // does.
  return FlushInserts(last, [this, tag, rows](const Status& written) {
    if (!written.ok()) return Fail(written);
    Complete(tag, rows);
    EndStatement();
  });
}

Status Protocol::FlushInserts(bool commit, std::function<void(Status)> then) {
  InsertBatch batch = *std::exchange(inserts_, std::nullopt);
  VARVE_RETURN_IF_ERROR(batch.rows->Flush());
  if (!commit) VARVE_RETURN_IF_ERROR(EnsureImplicit());
  WriteBatches(batch.rows->table(), batch.rows->TakeBatches(), commit, std::move(then));
  return OkStatus();
}

Status Protocol::HandleClose(std::string_view body) {
  VARVE_ASSIGN_OR_RETURN(const TargetMessage target, ReadTarget(body));
  if (target.kind == 'S') {
    const auto found = statements_.find(target.name);
    if (found != statements_.end()) statements_.erase(found);
  } else {
    const auto found = portals_.find(target.name);
    if (found != portals_.end()) portals_.erase(found);
  }
  out_.Empty('3');
  return OkStatus();
}

void Protocol::HandleSync() {
  skip_to_sync_ = false;
  if (!inserts_) {
    if (!implicit_) return FinishSync();
    portals_.clear();
    return CommitImplicit([this](const Status& committed) {
      if (!committed.ok()) Fail(committed);
      FinishSync();
    });
  }
  const Status flushed = FlushInserts(true, [this](const Status& written) {
    if (!written.ok()) Fail(written);
    FinishSync();
  });
  if (!flushed.ok()) {
    Fail(flushed);
    FinishSync();
  }
}

void Protocol::FinishSync() {
  skip_to_sync_ = false;
  SendReady();
}

bool Protocol::Deallocate(const std::string& name) {
  if (name.empty()) {
    statements_.clear();
    return true;
  }
  return statements_.erase(name) > 0;
}

}  // namespace varve::server::pg
