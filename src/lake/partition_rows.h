// Sorts rows into the partitions of their table, without copying a row.
//
// Role:     flush (frozen segments), engine (rows of an UPDATE) -> [PartitionRows] -> one data file
//           per group.
// Errors:   InvalidArgument when a partition value has no text in the Delta log.
// Threads:  pure function.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "lake/parquet_writer.h"

namespace varve::lake {

struct PartitionGroup {
  std::map<std::string, std::optional<std::string>, std::less<>> values;  // as the Delta log has it
  std::vector<BatchSlice> slices;  // in the order of the batches, rows ascending
  int64_t rows = 0;
};

// The groups in order of first appearance; no empty one. A table without partitions gives one.
Result<std::vector<PartitionGroup>> PartitionRows(const TableDef& table,
                                                  std::span<const BatchRef> batches);

}  // namespace varve::lake
