// Sorts the rows of segments into the partitions of their table, without copying a row.
//
// Role:     frozen segments -> [PartitionRows] -> one data file per group.
// Errors:   InvalidArgument when a partition value has no text in the Delta log.
// Threads:  pure function.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "buffer/segment.h"
#include "lake/parquet_writer.h"

namespace varve::flush {

struct PartitionGroup {
  std::map<std::string, std::optional<std::string>, std::less<>> values;  // as the Delta log has it
  std::vector<lake::BatchSlice> slices;  // in the order of the segments, rows ascending
  int64_t rows = 0;
};

// The groups in order of first appearance; no empty one. A table without partitions gives one.
Result<std::vector<PartitionGroup>> PartitionRows(const TableDef& table,
                                                  const std::vector<buffer::SegmentRef>& segments);

}  // namespace varve::flush
