// Writes the rows of a SQL result as JSON objects.
//
// Layout:   [{"column": value, ...}, ...]. Integers and decimals are numbers with all their digits,
//           floating point the shortest number that reads back as the same, NaN and infinities
//           null; times ISO 8601 ("2026-01-02T03:04:05.25Z", without Z for a timestamp without time
//           zone), dates "2026-01-02"; json as strict_json.h has it; lists arrays; everything else
//           its text in PostgreSQL, lists of lists too. Of columns with one name the second is
//           name_2, and so on.
// Threads:  one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/session.h"
#include "model/column.h"

namespace varve::server {

class JsonRows {
 public:
  explicit JsonRows(const std::vector<engine::ResultColumn>& columns);

  void Append(const engine::ResultChunk& chunk);
  size_t bytes() const { return text_.size(); }
  uint64_t count() const { return count_; }
  // The array, once.
  std::string Take();

 private:
  std::vector<std::string> keys_;  // as JSON text, with the colon
  std::string text_ = "[";
  uint64_t count_ = 0;
};

void AppendJsonValue(const Column& column, size_t row, std::string& out);

}  // namespace varve::server
