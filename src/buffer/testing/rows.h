// Makes a small table and rows whose count tells which are missing or doubled.
//
// Role:     tests of buffer, ingest and flush. Writer w numbers its rows 1, 2, 3, ...; any view
//           that holds the first k of them, each once, has count == max == k and sum == k * (k + 1)
//           / 2.
// Threads:  functions without state; Tally is a plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "buffer/buffer.h"
#include "model/batch.h"

namespace varve::buffer::testing {

inline constexpr ColumnId kTimestampId{1};
inline constexpr ColumnId kProjectId{2};
inline constexpr ColumnId kWriterId{3};
inline constexpr ColumnId kSequenceId{4};
inline constexpr ColumnId kBodyId{5};

// (timestamp timestamptz NOT NULL, project_id text, writer bigint, sequence bigint, body text),
// partitioned by project_id.
TableRef MakeTable(TableId id, std::string name = "t");

struct RowsSpec {
  int64_t writer = 1;
  int64_t first = 1;  // sequence of the first row
  uint32_t rows = 1;
  size_t body_bytes = 10;           // every third body is NULL; 0: the column is not filled at all
  std::string_view project = "p1";  // "%": rows go round robin to p0, p1, p2
};
BatchRef MakeRows(const RowsSpec& spec);

struct Tally {
  int64_t count = 0;
  int64_t max = 0;
  int64_t sum = 0;
  bool operator==(const Tally&) const = default;
};
using Tallies = std::map<int64_t, Tally>;  // by writer

void Count(const Batch& rows, Tallies& tallies);
// Adds `more` to `tallies`.
void Add(const Tallies& more, Tallies& tallies);
// All rows of the segments.
Tallies CountSegments(const std::vector<SegmentRef>& segments);
// What exactly the first `k` rows of a writer give.
Tally FirstRows(int64_t k);

}  // namespace varve::buffer::testing
