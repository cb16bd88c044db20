#include "ingest/row_assembler.h"

#include <algorithm>

#include "ingest/literal.h"
#include "model/row_rules.h"

namespace varve::ingest {
namespace {

// How often the size is looked at; a row is seldom more than some KiB.
constexpr uint32_t kRowsBetweenSizeChecks = 64;

Column Repeat(const Column& value, uint32_t rows) {
  ColumnBuilder builder(value.type);
  builder.Reserve(rows);
  for (uint32_t row = 0; row < rows; ++row) builder.AppendFrom(value, 0);
  return builder.Finish();
}

}  // namespace

RowAssembler::RowAssembler(TableRef table, std::vector<uint32_t> columns, size_t batch_bytes_max)
    : table_(std::move(table)), columns_(std::move(columns)), batch_bytes_max_(batch_bytes_max) {
  builders_.reserve(columns_.size());
  for (const uint32_t column : columns_) builders_.emplace_back(table_->columns[column].type);
}

Result<std::unique_ptr<RowAssembler>> RowAssembler::Create(TableRef table,
                                                           std::vector<uint32_t> columns,
                                                           const DecodeSettings& settings,
                                                           size_t batch_bytes_max) {
  std::unique_ptr<RowAssembler> rows(
      new RowAssembler(std::move(table), std::move(columns), batch_bytes_max));
  const TableDef& def = *rows->table_;
  std::vector<bool> is_cell(def.columns.size(), false);
  for (const uint32_t column : rows->columns_) is_cell[column] = true;
  for (uint32_t i = 0; i < def.columns.size(); ++i) {
    if (is_cell[i] || def.columns[i].default_sql.empty()) continue;
    VARVE_ASSIGN_OR_RETURN(
        Column value, EvaluateDefault(def.columns[i].type, def.columns[i].default_sql, settings));
    if (!value.IsNull(0)) rows->left_out_.push_back({i, std::move(value)});
  }
  rows->settings_ = settings;
  return rows;
}

Status RowAssembler::AppendDefault(size_t i) {
  const ColumnDef& column = table_->columns[columns_[i]];
  if (column.default_sql.empty()) {
    builders_[i].AppendNull();
    return OkStatus();
  }
  VARVE_ASSIGN_OR_RETURN(const Column value,
                         EvaluateDefault(column.type, column.default_sql, settings_));
  builders_[i].AppendFrom(value, 0);
  return OkStatus();
}

bool RowAssembler::IsFull() const {
  if (rows_ >= kBatchRowsMax) return true;
  if (rows_ % kRowsBetweenSizeChecks != 0) return false;
  size_t bytes = 0;
  for (const ColumnBuilder& builder : builders_) bytes += builder.bytes();
  return bytes >= batch_bytes_max_;
}

Status RowAssembler::EndRow() {
  ++rows_;
  return IsFull() ? Flush() : OkStatus();
}

void RowAssembler::AbandonRow() {
  for (ColumnBuilder& builder : builders_) builder.Truncate(rows_);
}

Status RowAssembler::Flush() {
  if (rows_ == 0) return OkStatus();
  std::vector<std::pair<ColumnId, Column>> columns;
  columns.reserve(builders_.size() + left_out_.size() + 1);
  for (size_t i = 0; i < builders_.size(); ++i) {
    columns.emplace_back(table_->columns[columns_[i]].id, builders_[i].Finish());
  }
  for (const auto& [index, value] : left_out_) {
    columns.emplace_back(table_->columns[index].id, Repeat(value, rows_));
  }
  std::sort(columns.begin(), columns.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  auto batch = std::make_shared<Batch>();
  batch->rows = rows_;
  batch->ids.reserve(columns.size());
  batch->columns.reserve(columns.size() + 1);
  for (auto& [id, column] : columns) {
    batch->ids.push_back(id);
    batch->columns.push_back(std::move(column));
  }
  rows_done_ += rows_;
  rows_ = 0;
  VARVE_RETURN_IF_ERROR(CompleteBatch(*table_, *batch));
  batches_.push_back(std::move(batch));
  return OkStatus();
}

}  // namespace varve::ingest
