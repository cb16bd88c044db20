#include "model/row_rules.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace varve {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
// 0001-01-01 and 9999-12-31: what the text of a partition value and of statistics can carry.
constexpr int32_t kDayMin = -719'162;
constexpr int32_t kDayMax = 2'932'896;

std::string DayText(int32_t day) {
  if (day < kDayMin || day > kDayMax) return fmt::format("day {}", day);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

bool IsAllNull(const Column& column) {
  if (!column.HasNulls()) return column.rows == 0;
  return std::all_of(column.validity.begin(), column.validity.end(),
                     [](uint8_t bits) { return bits == 0; });
}

void DropNullColumns(Batch& batch) {
  size_t kept = 0;
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    if (IsAllNull(batch.columns[i])) continue;
    if (kept != i) {
      batch.ids[kept] = batch.ids[i];
      batch.columns[kept] = std::move(batch.columns[i]);
    }
    ++kept;
  }
  batch.ids.resize(kept);
  batch.columns.resize(kept);
}

Status NotNullViolation(const TableDef& table, const ColumnDef& column) {
  return SqlErrorf(sqlstate::kNotNullViolation,
                   "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                   column.name, table.name.table);
}

// PostgreSQL names the first row that fails, and in it the first column. Rows are looked at only
// when some NOT NULL column has a NULL.
Status CheckNotNull(const TableDef& table, const Batch& batch) {
  const ColumnDef* broken = nullptr;
  size_t broken_row = batch.rows;
  for (uint32_t i = 0; i < table.columns.size() && broken_row > 0; ++i) {
    const ColumnDef& def = table.columns[i];
    if (def.nullable) continue;
    const Column* column = batch.Find(def.id);
    if (column != nullptr && !column->HasNulls()) continue;
    for (size_t row = 0; row < broken_row; ++row) {
      if (column != nullptr && !column->IsNull(row)) continue;
      broken = &def;
      broken_row = row;
    }
  }
  return broken == nullptr ? OkStatus() : NotNullViolation(table, *broken);
}

Status CheckTime(const ColumnDef& def, const Column& time) {
  for (size_t row = 0; row < time.rows; ++row) {
    const int32_t day = DayOf(time.Fixed<int64_t>(row));
    if (day >= kDayMin && day <= kDayMax) continue;
    return SqlErrorf(sqlstate::kDatetimeOverflow,
                     "timestamp out of range: column \"{}\" must lie in the years 1 to 9999",
                     def.name);
  }
  return OkStatus();
}

// A date that no folder can name would keep its table from ever being flushed.
Status CheckPartitionDates(const TableDef& table, const Batch& batch) {
  for (const uint32_t index : table.partition_columns) {
    const ColumnDef& def = table.columns[index];
    const Column* dates = def.type.kind() == TypeKind::kDate ? batch.Find(def.id) : nullptr;
    for (size_t row = 0; dates != nullptr && row < dates->rows; ++row) {
      if (dates->IsNull(row)) continue;
      const int32_t day = dates->Fixed<int32_t>(row);
      if (day >= kDayMin && day <= kDayMax) continue;
      return SqlErrorf(sqlstate::kDatetimeOverflow,
                       "date out of range: partition column \"{}\" must lie in the years 1 to 9999",
                       def.name);
    }
  }
  return OkStatus();
}

// The values of the date column `def`: the day of every row, refusing a given one that differs.
Result<Column> DeriveDate(const TableDef& table, const ColumnDef& def, const Column& time,
                          const Column* given) {
  ColumnBuilder builder(def.type);
  builder.Reserve(time.rows);
  for (size_t row = 0; row < time.rows; ++row) {
    const int32_t day = DayOf(time.Fixed<int64_t>(row));
    if (given != nullptr && !given->IsNull(row) && given->Fixed<int32_t>(row) != day) {
      return SqlErrorf(sqlstate::kInvalidParameterValue,
                       "column \"{}\" must be the UTC date of column \"{}\": {} given, {} expected",
                       def.name, table.columns[table.time_column].name,
                       DayText(given->Fixed<int32_t>(row)), DayText(day));
    }
    builder.AppendFixed(day);
  }
  return builder.Finish();
}

void Put(Batch& batch, ColumnId id, Column column) {
  const auto at = std::lower_bound(batch.ids.begin(), batch.ids.end(), id);
  const auto index = at - batch.ids.begin();
  if (at != batch.ids.end() && *at == id) {
    batch.columns[static_cast<size_t>(index)] = std::move(column);
    return;
  }
  batch.ids.insert(at, id);
  batch.columns.insert(batch.columns.begin() + index, std::move(column));
}

}  // namespace

int32_t DayOf(int64_t micros) {
  const int64_t day = micros / kMicrosPerDay;
  return static_cast<int32_t>(micros % kMicrosPerDay < 0 ? day - 1 : day);
}

Status CompleteBatch(const TableDef& table, Batch& batch) {
  if (batch.rows == 0) return OkStatus();
  DropNullColumns(batch);
  const ColumnDef& time_def = table.columns[table.time_column];
  const Column* time = batch.Find(time_def.id);
  // Without every time there is nothing to derive from; the check below then names the column that
  // comes first in the table, but a derived one never fails for its own sake.
  if (time == nullptr || time->HasNulls()) {
    if (!table.derived_date) return CheckNotNull(table, batch);
    TableDef without_date = table;
    without_date.columns[*table.derived_date].nullable = true;
    return CheckNotNull(without_date, batch);
  }
  VARVE_RETURN_IF_ERROR(CheckTime(time_def, *time));
  if (table.derived_date) {
    const ColumnDef& def = table.columns[*table.derived_date];
    const ColumnId date_id = def.id;
    VARVE_ASSIGN_OR_RETURN(Column date, DeriveDate(table, def, *time, batch.Find(date_id)));
    Put(batch, date_id, std::move(date));
  }
  VARVE_RETURN_IF_ERROR(CheckPartitionDates(table, batch));
  return CheckNotNull(table, batch);
}

}  // namespace varve
