#include "engine/row_collector.h"

#include <algorithm>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <numeric>
#include <utility>

#include "engine/column_reader.h"
#include "engine/duck_guard.h"
#include "model/row_rules.h"

namespace varve::engine {

using duckdb::DataChunk;
using duckdb::idx_t;

namespace {

constexpr uint64_t kBatchBytesMax = uint64_t{32} << 20;

}  // namespace

size_t RowShape::SourceOf(uint32_t column) const {
  return static_cast<size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
}

RowShape ShapeOf(const duckdb::TableCatalogEntry& entry, TableRef table) {
  RowShape shape;
  for (auto& column : entry.GetColumns().Physical()) {
    const auto index = table->FindColumn(column.Name());
    if (!index) {
      ThrowStatus(SqlErrorf(sqlstate::kInternalError, "column \"{}\" of table \"{}\" is not known",
                            column.Name(), table->name.table));
    }
    shape.columns.push_back(*index);
  }
  shape.table = std::move(table);
  return shape;
}

RowCollector::RowCollector(const RowShape& shape, uint64_t bytes_max)
    : shape_(shape), bytes_max_(bytes_max) {
  Restart();
}

void RowCollector::Append(DataChunk& chunk) {
  const auto rows = static_cast<uint32_t>(chunk.size());
  if (rows_ + rows > kBatchRowsMax) FinishBatch();
  for (size_t i = 0; i < builders_.size(); i++) {
    auto& builder = builders_[i];
    const Column column = ReadVector(chunk.data[sources_[i]], rows, builder.type());
    builder.AppendRange(column, 0, rows);
  }
  rows_ += rows;
  total_ += rows;
  if (BuilderBytes() > kBatchBytesMax) FinishBatch();
  if (bytes() > bytes_max_) {
    ThrowStatus(WithHint(SqlErrorf(sqlstate::kStatementTooComplex,
                                   "the statement writes more than {} bytes", bytes_max_),
                         "Write fewer rows in one statement."));
  }
}

std::vector<BatchRef> RowCollector::Finish() {
  FinishBatch();
  batch_bytes_ = 0;
  return std::exchange(batches_, {});
}

// Columns in ascending id, as a batch has them.
void RowCollector::Restart() {
  const auto& columns = shape_.table->columns;
  sources_.resize(shape_.columns.size());
  std::iota(sources_.begin(), sources_.end(), 0u);
  std::sort(sources_.begin(), sources_.end(), [&](uint32_t a, uint32_t b) {
    return columns[shape_.columns[a]].id < columns[shape_.columns[b]].id;
  });
  builders_.clear();
  for (const auto source : sources_) {
    builders_.emplace_back(columns[shape_.columns[source]].type);
  }
  rows_ = 0;
}

uint64_t RowCollector::BuilderBytes() const {
  uint64_t total = 0;
  for (const auto& builder : builders_) total += builder.bytes();
  return total;
}

void RowCollector::FinishBatch() {
  if (rows_ == 0) return;
  Batch batch;
  batch.rows = rows_;
  for (size_t i = 0; i < builders_.size(); i++) {
    batch.ids.push_back(shape_.table->columns[shape_.columns[sources_[i]]].id);
    batch.columns.push_back(builders_[i].Finish());
  }
  ThrowIfError(CompleteBatch(*shape_.table, batch));
  batch_bytes_ += batch.MemoryBytes();
  batches_.push_back(std::make_shared<const Batch>(std::move(batch)));
  Restart();
}

void DeriveDates(const RowShape& shape, DataChunk& chunk, duckdb::Vector& dates, DataChunk& out) {
  out.Reference(chunk);
  const auto& derived = shape.table->derived_date;
  if (!derived) return;
  duckdb::UnifiedVectorFormat times;
  chunk.data[shape.SourceOf(shape.table->time_column)].ToUnifiedFormat(chunk.size(), times);
  auto* days = duckdb::FlatVector::GetData<duckdb::date_t>(dates);
  for (idx_t row = 0; row < chunk.size(); row++) {
    const auto at = times.sel->get_index(row);
    if (times.validity.RowIsValid(at)) {
      const auto time = duckdb::UnifiedVectorFormat::GetData<duckdb::timestamp_tz_t>(times)[at];
      days[row] = duckdb::date_t(DayOf(time.value));
    } else {
      duckdb::FlatVector::SetNull(dates, row, true);
    }
  }
  out.data[shape.SourceOf(*derived)].Reference(dates);
}

void ReturnedRows::Append(DataChunk& chunk) {
  duckdb::Vector dates(duckdb::LogicalType::DATE, chunk.size());
  DataChunk stored;
  stored.InitializeEmpty(types_);
  DeriveDates(shape_, chunk, dates, stored);
  rows_.Append(stored);
}

}  // namespace varve::engine
