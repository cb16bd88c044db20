// Holds rows of one table in columns, only those that the rows fill: an absent column costs
// nothing.
//
// Role:     ingest decode -> [Batch] -> log payload, buffer segment, flush, scan. The same shape in
//           all of them, so that nothing is converted on the way.
// Limits:   kBatchRowsMax rows; larger input is split by whoever builds the batch.
// Threads:  immutable once built; shared as std::shared_ptr<const Batch>.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/column.h"
#include "model/ids.h"
#include "model/schema.h"

namespace varve {

inline constexpr uint32_t kBatchRowsMax = 122'880;

struct Batch {
  uint32_t rows = 0;
  // Ascending column ids and their columns, side by side. A column of the table that is not here is
  // NULL in every row.
  std::vector<ColumnId> ids;
  std::vector<Column> columns;

  // The column with this id, or nullptr when no row fills it.
  const Column* Find(ColumnId id) const;
  size_t MemoryBytes() const;
  // For batches decoded from outside: equal row counts, ascending ids, sound columns.
  Status Validate() const;
  bool operator==(const Batch& other) const = default;
};

using BatchRef = std::shared_ptr<const Batch>;

// Puts batches of one table one after the other; a column that only some fill gets NULLs for the
// rest.
Batch Concatenate(std::span<const BatchRef> batches);

// Copies the chosen rows, in the order given.
Batch Select(const Batch& batch, std::span<const uint32_t> rows);

// Smallest and largest value of the table's time column. Empty range for an empty batch.
TimeRange TimeRangeOf(const TableDef& table, const Batch& batch);

// The rows of one table that a transaction writes.
struct TableRows {
  TableRef table;
  BatchRef rows;
};
using WriteSet = std::vector<TableRows>;

}  // namespace varve
