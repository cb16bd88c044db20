// COPY: rows from the client straight into columns, and results out as lines.
#include <algorithm>
#include <utility>

#include "server/pg/protocol.h"

namespace varve::server::pg {
namespace {

std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string QueryOf(const ingest::CopySpec& spec) {
  if (!spec.query.empty()) return spec.query;
  std::string query = "SELECT ";
  for (size_t i = 0; i < spec.columns.size(); ++i) {
    if (i > 0) query += ", ";
    query += Quoted(spec.columns[i]);
  }
  if (spec.columns.empty()) query += "*";
  query += " FROM ";
  if (spec.schema) query += Quoted(*spec.schema) + ".";
  return query + Quoted(spec.table);
}

Result<std::vector<bool>> ForceQuote(const ingest::CopySpec& spec,
                                     const std::vector<engine::ResultColumn>& columns) {
  std::vector<bool> force(columns.size(), spec.force_quote_all);
  for (const std::string& name : spec.force_quote) {
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const auto& column) { return column.name == name; });
    if (found == columns.end()) {
      return SqlErrorf(sqlstate::kUndefinedColumn, "column \"{}\" does not exist", name);
    }
    force[static_cast<size_t>(found - columns.begin())] = true;
  }
  return force;
}

}  // namespace

Status Protocol::BeginCopy(const ClientStatementRef& statement, bool extended) {
  const ingest::CopySpec& spec = *statement->copy;
  VARVE_RETURN_IF_ERROR(client_->CheckMayRun(spec.to_client ? "SELECT" : "COPY"));
  if (spec.to_client) return BeginCopyOut(spec, extended);
  TableRef table = client_->engine().FindTable(spec.schema, spec.table);
  if (table == nullptr) {
    return WithHint(
        SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" does not exist", spec.table),
        "COPY FROM STDIN writes to tables that have a time column.");
  }
  VARVE_ASSIGN_OR_RETURN(auto decoder,
                         ingest::CopyDecoder::Create(spec, table, client_->decode_settings()));
  // All rows of a COPY count, or none.
  const bool had_transaction = implicit_;
  VARVE_RETURN_IF_ERROR(EnsureImplicit());
  out_.CopyResponse('G', spec.format == ingest::CopyFormat::kBinary, decoder->columns());
  flush_ = true;
  copy_ = CopyIn{std::move(decoder), std::move(table), extended, implicit_ && !had_transaction};
  return OkStatus();
}

Status Protocol::BeginCopyOut(const ingest::CopySpec& spec, bool extended) {
  VARVE_ASSIGN_OR_RETURN(auto statements, client_->Parse(QueryOf(spec)));
  if (statements.size() != 1) return SqlError(sqlstate::kSyntaxError, "COPY takes one query");
  VARVE_ASSIGN_OR_RETURN(auto stream, client_->Execute(statements.front(), {}, {}));
  if (stream->columns().empty()) {
    return SqlError(sqlstate::kFeatureNotSupported, "COPY query must return rows");
  }
  Sending sending;
  sending.rows = std::make_shared<RowSource>();
  sending.rows->stream = std::move(stream);
  sending.format = FormatOf({});
  sending.copy = spec;
  sending.format.copy = &spec;
  sending.portal = extended;
  const auto& columns = sending.rows->stream->columns();
  VARVE_ASSIGN_OR_RETURN(sending.format.force_quote, ForceQuote(spec, columns));
  out_.CopyResponse('H', spec.format == ingest::CopyFormat::kBinary, columns.size());
  EncodeCopyHeader(columns, sending.format, out_);
  sending_ = std::move(sending);
  return OkStatus();
}

void Protocol::HandleCopyMessage(const FrontendMessage& message) {
  switch (message.type) {
    case 'd': {
      Status fed = copy_->decoder->Feed(message.body);
      if (fed.ok()) fed = WriteNow(copy_->table, copy_->decoder->TakeBatches());
      if (!fed.ok()) Fail(fed);
      return;
    }
    case 'c':
      return FinishCopy();
    case 'f': {
      const auto reason = ReadString(message.body);
      return Fail(SqlErrorf(sqlstate::kQueryCanceled, "COPY from stdin failed: {}",
                            reason.ok() ? *reason : std::string_view("no reason given")));
    }
    case 'H':
    case 'S':
      return;
    default:
      return Terminate(SqlErrorf(sqlstate::kProtocolViolation,
                                 "unexpected message type \"{}\" during COPY from stdin",
                                 message.type));
  }
}

void Protocol::FinishCopy() {
  if (Status s = copy_->decoder->Finish(); !s.ok()) return Fail(s);
  CopyIn copy = *std::exchange(copy_, std::nullopt);
  extended_ = copy.extended;
  const uint64_t rows = copy.decoder->rows();
  const std::string tag = "COPY " + std::to_string(rows);
  WriteBatches(copy.table, copy.decoder->TakeBatches(), copy.own_transaction,
               [this, tag, rows](const Status& written) {
                 if (!written.ok()) return Fail(written);
                 if (!extended_) return FinishScriptStatement(tag, rows);
                 Complete(tag, rows);
                 EndStatement();
               });
}

}  // namespace varve::server::pg
