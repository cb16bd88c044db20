// Gathers DuckDB's rows of a statement as batches of ours, and for RETURNING.
//
// Role:     INSERT's and UPDATE's operators -> [RowCollector] -> complete batches (types, NOT NULL,
//           derived date); [ReturnedRows] -> the statement's result.
// Limits:   batches of at most kBatchRowsMax rows and about 32 MiB, well below one log record.
// Errors:   thrown: 23502, 22023 (CompleteBatch), 54000 for more bytes than allowed.
// Threads:  not thread-safe.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/types/column/column_data_collection.hpp>
#include <vector>

#include "model/batch.h"

namespace varve::engine {

// Which column of the table each column of DuckDB's rows is.
struct RowShape {
  TableRef table;
  std::vector<uint32_t> columns;  // DuckDB's physical column -> index into table->columns

  // The place in DuckDB's row of a column of the table.
  size_t SourceOf(uint32_t column) const;
};

// Throws XX000 for a column that `table` does not know.
RowShape ShapeOf(const duckdb::TableCatalogEntry& entry, TableRef table);

class RowCollector {
 public:
  // `shape` outlives the collector. 54000 past `bytes_max`, of what was not taken yet.
  RowCollector(const RowShape& shape, uint64_t bytes_max);

  void Append(duckdb::DataChunk& chunk);
  // The rows since the last call.
  std::vector<BatchRef> Finish();

  uint64_t total() const { return total_; }
  // Memory of the rows that wait for Finish.
  uint64_t bytes() const { return batch_bytes_ + BuilderBytes(); }

 private:
  void Restart();
  uint64_t BuilderBytes() const;
  void FinishBatch();

  const RowShape& shape_;
  const uint64_t bytes_max_;
  std::vector<uint32_t> sources_;  // of the builders, whose columns ascend by id
  std::vector<ColumnBuilder> builders_;
  uint32_t rows_ = 0;
  uint64_t total_ = 0;
  uint64_t batch_bytes_ = 0;
  std::vector<BatchRef> batches_;
};

// Gives `out` the rows of `chunk` with the derived date that the stored rows will have. A date that
// was given and is another one fails the statement elsewhere, before any row is returned. `dates`
// must live as long as `out`.
void DeriveDates(const RowShape& shape, duckdb::DataChunk& chunk, duckdb::Vector& dates,
                 duckdb::DataChunk& out);

class ReturnedRows {
 public:
  ReturnedRows(duckdb::ClientContext& context, const RowShape& shape,
               const duckdb::vector<duckdb::LogicalType>& types)
      : shape_(shape), rows_(context, types), types_(types) {}

  void Append(duckdb::DataChunk& chunk);
  const duckdb::ColumnDataCollection& rows() const { return rows_; }

 private:
  const RowShape& shape_;
  duckdb::ColumnDataCollection rows_;
  const duckdb::vector<duckdb::LogicalType> types_;
};

}  // namespace varve::engine
