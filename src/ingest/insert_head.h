// Reads the head of an INSERT, `INSERT INTO [schema.]table [(columns)] VALUES`, and finds what it
// names.
//
// Role:     SqlScanner, TableFinder -> [ReadInsertHead] -> insert_decoder, insert_plan.
// Errors:   nullopt: the statement is for the engine.
// Threads:  no shared state.
#pragma once

#include <optional>
#include <vector>

#include "ingest/insert_decoder.h"
#include "ingest/literal.h"

namespace varve::ingest {

struct InsertHead {
  TableRef table;
  std::vector<uint32_t> columns;  // index into table->columns of each cell of a row
};

// Leaves the scanner behind VALUES. Without a list of columns, the first row says how many.
std::optional<InsertHead> ReadInsertHead(SqlScanner& scanner, const TableFinder& find);

// The error of a value with the place of the value in the statement.
Status AtLiteral(Status status, std::string_view sql, const Literal& literal);

}  // namespace varve::ingest
