// Reads the COPY statement: which table or query, which way, and in which format.
//
// Role:     server/pg -> [ParseCopy] -> CopyDecoder (FROM STDIN), or the server's own writer (TO
//           STDOUT).
// Errors:   42601 with position when the text begins with COPY and does not parse, 22023 or 0A000
//           for an option that cannot be, 42501 for files and programs.
// Threads:  no shared state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace varve::ingest {

enum class CopyFormat { kText, kCsv, kBinary };
enum class CopyHeader { kNone, kSkip, kMatch };

struct CopySpec {
  bool to_client = false;  // TO STDOUT; else FROM STDIN
  std::optional<std::string> schema;
  std::string table;                 // empty for a query
  std::vector<std::string> columns;  // empty: all
  std::string query;                 // COPY (query) TO STDOUT

  CopyFormat format = CopyFormat::kText;
  char delimiter = '\t';
  std::string null_text = "\\N";
  CopyHeader header = CopyHeader::kNone;
  char quote = '"';
  char escape = '"';
  bool force_quote_all = false;
  std::vector<std::string> force_quote;
  std::vector<std::string> force_not_null;
  std::vector<std::string> force_null;
};

// nullopt when `sql` is not a single COPY statement.
Result<std::optional<CopySpec>> ParseCopy(std::string_view sql);

}  // namespace varve::ingest
