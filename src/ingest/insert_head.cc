#include "ingest/insert_head.h"

#include <algorithm>
#include <numeric>

namespace varve::ingest {
namespace {

// Names of the list, "(" read already. False when it is no list of plain names.
bool ReadColumnList(SqlScanner& scanner, const TableDef& table, std::vector<uint32_t>& columns) {
  std::vector<bool> seen(table.columns.size(), false);
  // Clients name columns in the table's order: the one after the last is the likeliest.
  uint32_t next = 0;
  do {
    const Token name = scanner.Next();
    if (!name.IsName()) return false;
    const std::string column = name.Name();
    std::optional<uint32_t> index;
    if (next < table.columns.size() && table.columns[next].name == column) {
      index = next;
    } else {
      index = table.FindColumn(column);
    }
    if (!index || seen[*index]) return false;
    seen[*index] = true;
    columns.push_back(*index);
    next = *index + 1;
  } while (scanner.TakePunct(','));
  return scanner.TakePunct(')');
}

// Cells of the row that begins here; 0 when it is not a row of literals.
size_t CountCells(SqlScanner& scanner) {
  const size_t start = scanner.offset();
  size_t cells = 0;
  Literal literal;
  bool is_row = scanner.TakePunct('(');
  while (is_row) {
    is_row = ReadLiteral(scanner, literal);
    ++cells;
    if (!scanner.TakePunct(',')) break;
  }
  is_row = is_row && scanner.TakePunct(')');
  scanner.Rewind(start);
  return is_row ? cells : 0;
}

}  // namespace

std::optional<InsertHead> ReadInsertHead(SqlScanner& scanner, const TableFinder& find) {
  if (!scanner.TakeWord("insert") || !scanner.TakeWord("into")) return std::nullopt;
  Token name = scanner.Next();
  if (!name.IsName()) return std::nullopt;
  std::optional<std::string> schema;
  if (scanner.TakePunct('.')) {
    schema = name.Name();
    name = scanner.Next();
    if (!name.IsName()) return std::nullopt;
  }
  InsertHead head;
  head.table = find(schema, name.Name());
  if (head.table == nullptr) return std::nullopt;
  if (scanner.TakePunct('(')) {
    if (!ReadColumnList(scanner, *head.table, head.columns)) return std::nullopt;
  }
  if (!scanner.TakeWord("values")) return std::nullopt;
  if (head.columns.empty()) {
    const size_t cells = CountCells(scanner);
    if (cells == 0 || cells > head.table->columns.size()) return std::nullopt;
    head.columns.resize(cells);
    std::iota(head.columns.begin(), head.columns.end(), 0u);
  }
  return head;
}

Status AtLiteral(Status status, std::string_view sql, const Literal& literal) {
  // PostgreSQL reads strings while it parses and knows where they stand; numbers are cast later.
  if (literal.kind != LiteralKind::kString) return status;
  return WithPosition(std::move(status), CharacterPosition(sql, literal.begin));
}

}  // namespace varve::ingest
