#include "ingest/insert_decoder.h"

#include "base/telemetry.h"
#include "ingest/insert_head.h"
#include "ingest/literal.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

Counter& InsertsOfLiterals() {
  static Counter& counter = Telemetry::Get().GetCounter(
      "varve_insert_statements_total",
      "INSERT statements on Varve tables, by who reads the values.", "values=\"literals\"");
  return counter;
}

// Appends the rows of one VALUES list. After the first bad value the rest is only read, because the
// statement may still turn out to be the engine's, which then reports what is wrong with it.
class ValuesReader {
 public:
  ValuesReader(std::string_view sql, SqlScanner& scanner, const DecodeSettings& settings,
               RowAssembler& rows)
      : sql_(sql), scanner_(scanner), settings_(settings), rows_(rows) {}

  // False: not mine.
  bool Run() {
    do {
      if (!ReadRow()) return false;
    } while (scanner_.TakePunct(','));
    const Token end = scanner_.Peek();
    if (end.kind != TokenKind::kEnd && !end.IsPunct(';')) return false;
    if (error_.ok()) error_ = rows_.Flush();
    return true;
  }
  const Status& error() const { return error_; }

 private:
  bool ReadRow() {
    if (!scanner_.TakePunct('(')) return false;
    const size_t cells = rows_.cells();
    for (size_t i = 0; i < cells; ++i) {
      if (i > 0 && !scanner_.TakePunct(',')) return false;
      if (!ReadLiteral(scanner_, literal_) || literal_.kind == LiteralKind::kParameter) {
        return false;
      }
      if (error_.ok() && !AppendCell(i)) return false;
    }
    if (!scanner_.TakePunct(')')) return false;
    if (error_.ok()) error_ = rows_.EndRow();
    return true;
  }

  bool AppendCell(size_t i) {
    Status status = literal_.kind == LiteralKind::kDefault
                        ? rows_.AppendDefault(i)
                        : AppendLiteral(literal_, settings_, rows_.cell(i));
    if (status.ok()) [[likely]]
      return true;
    if (IsNotDecodable(status)) return false;
    error_ = AtLiteral(std::move(status), sql_, literal_);
    return true;
  }

  std::string_view sql_;
  SqlScanner& scanner_;
  const DecodeSettings& settings_;
  RowAssembler& rows_;
  Literal literal_;
  Status error_;
};

// Passes `;` and the space behind the statement, so that the rest is the next one.
size_t EndOfStatement(SqlScanner& scanner) {
  while (scanner.TakePunct(';')) {
  }
  scanner.SkipSpace();
  return scanner.offset();
}

}  // namespace

Result<std::optional<DecodedInsert>> DecodeInsert(std::string_view sql, const TableFinder& find,
                                                  const DecodeSettings& settings) {
  SqlScanner scanner(sql);
  std::optional<InsertHead> head = ReadInsertHead(scanner, find);
  if (!head) return std::nullopt;
  auto rows = RowAssembler::Create(head->table, std::move(head->columns), settings);
  if (!rows.ok()) return std::nullopt;
  ValuesReader reader(sql, scanner, settings, **rows);
  if (!reader.Run()) return std::nullopt;
  InsertsOfLiterals().Add();
  DecodedInsert insert;
  insert.text_bytes = EndOfStatement(scanner);
  VARVE_RETURN_IF_ERROR(CheckText(sql.substr(0, insert.text_bytes)));
  VARVE_RETURN_IF_ERROR(reader.error());
  insert.table = std::move(head->table);
  insert.rows = (*rows)->rows();
  insert.batches = (*rows)->TakeBatches();
  return insert;
}

}  // namespace varve::ingest
