// Puts rows of several batches into one order and copies them in it.
//
// Role:     buffer segments -> flush -> [SortRows, Gather] -> the writer of a sorted data file.
//           Only numbers of rows are sorted; values are copied once, a small batch at a time.
// Order:    ascending or descending by key, NULLs last either way, NaN above all numbers, text by
//           its bytes, a list equal to every list; rows with equal keys stay as they came.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/batch.h"

namespace varve {

// A row of one of several batches.
struct RowRef {
  uint32_t batch = 0;
  uint32_t row = 0;
  bool operator==(const RowRef& other) const = default;
};

// Sorts `rows` of `batches`, which are rows of `table`, by `keys`. `rows` must ascend by batch and
// row: that is how they came.
void SortRows(const TableDef& table, std::span<const SortKey> keys,
              std::span<const BatchRef> batches, std::vector<RowRef>& rows);

// Copies rows of `batches` in the order given; a column that no batch fills is left out.
Batch Gather(std::span<const BatchRef> batches, std::span<const RowRef> rows);

}  // namespace varve
