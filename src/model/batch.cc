#include "model/batch.h"

#include <algorithm>

namespace varve {

const Column* Batch::Find(ColumnId id) const {
  const auto at = std::lower_bound(ids.begin(), ids.end(), id);
  if (at == ids.end() || *at != id) return nullptr;
  return &columns[static_cast<size_t>(at - ids.begin())];
}

size_t Batch::MemoryBytes() const {
  size_t total = sizeof(Batch) + ids.capacity() * sizeof(ColumnId);
  for (const Column& column : columns) total += column.MemoryBytes();
  return total;
}

Status Batch::Validate() const {
  if (ids.size() != columns.size())
    return DataLoss("batch is malformed: {} ids for {} columns", ids.size(), columns.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0 && !(ids[i - 1] < ids[i]))
      return DataLoss("batch is malformed: column ids do not ascend");
    if (columns[i].rows != rows) {
      return DataLoss("batch is malformed: column {} has {} rows, not {}", ids[i].value,
                      columns[i].rows, rows);
    }
    VARVE_RETURN_IF_ERROR(columns[i].Validate());
  }
  return OkStatus();
}

Batch Select(const Batch& batch, std::span<const uint32_t> rows) {
  Batch chosen;
  chosen.rows = static_cast<uint32_t>(rows.size());
  chosen.ids = batch.ids;
  for (const Column& column : batch.columns) {
    ColumnBuilder builder(column.type);
    builder.Reserve(rows.size());
    for (const uint32_t row : rows) builder.AppendFrom(column, row);
    chosen.columns.push_back(builder.Finish());
  }
  return chosen;
}

TimeRange TimeRangeOf(const TableDef& table, const Batch& batch) {
  TimeRange range;
  const Column* time = batch.Find(table.columns[table.time_column].id);
  VARVE_CHECK(time != nullptr || batch.rows == 0);
  for (size_t row = 0; row < batch.rows; ++row)
    range.Include(TimestampUs(time->Fixed<int64_t>(row)));
  return range;
}

}  // namespace varve
