// Reads one value of a VALUES list or a DEFAULT clause, and appends it with PostgreSQL's assignment
// rules.
//
// Role:     SqlScanner -> [ReadLiteral] -> Literal -> [AppendLiteral] -> ColumnBuilder.
// Errors:   ReadLiteral: false for anything but a literal. AppendLiteral: NotDecodable for a cast
//           that is not known here, else the error that PostgreSQL gives for the value.
// Threads:  no shared state. A Literal holds views of the statement's text.
#pragma once

#include <optional>
#include <vector>

#include "ingest/decode_settings.h"
#include "ingest/sql_scanner.h"
#include "model/column.h"

namespace varve::ingest {

enum class LiteralKind { kNull, kDefault, kString, kInteger, kNumber, kBool, kArray, kParameter };

struct Literal {
  LiteralKind kind = LiteralKind::kNull;
  Token string;                   // kString
  std::string_view number;        // kInteger, kNumber: with its sign
  bool boolean = false;           // kBool
  uint32_t parameter = 0;         // kParameter: from 0
  std::optional<Type> cast;       // '..'::type, type '..', CAST('..' AS type)
  std::vector<Literal> elements;  // kArray
  size_t begin = 0;               // byte offset in the statement
};

// Reads a literal into `out`, whose elements' memory is used again.
bool ReadLiteral(SqlScanner& scanner, Literal& out);

// Appends to a column of the builder's type. Not for kDefault and kParameter. After an error half a
// list may be in the builder.
Status AppendLiteral(const Literal& literal, const DecodeSettings& settings,
                     ColumnBuilder& builder);

// The value of a DEFAULT clause as a column of one row. NotDecodable unless it is a constant or the
// start of the transaction (now(), current_timestamp).
Result<Column> EvaluateDefault(const Type& type, std::string_view default_sql,
                               const DecodeSettings& settings);

}  // namespace varve::ingest
