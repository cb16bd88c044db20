// Puts decoded cells together to complete batches of one table.
//
// Role:     INSERT and COPY decoders -> cell(i), EndRow -> [RowAssembler] -> batches ready for
//           Session::WriteRows: defaults filled, `date` derived, NOT NULL checked.
// Limits:   a batch ends at kBatchRowsMax rows or batch_bytes_max bytes, whichever comes first.
// Errors:   those of CompleteBatch; after one, no batch of the statement may be written.
// Threads:  single owner.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ingest/decode_settings.h"
#include "model/batch.h"

namespace varve::ingest {

class RowAssembler {
 public:
  // `columns`: indexes into table->columns, one per cell of a row, none twice. Columns left out get
  // their DEFAULT, which must be a constant (else NotDecodable: only the engine evaluates it).
  static Result<std::unique_ptr<RowAssembler>> Create(TableRef table, std::vector<uint32_t> columns,
                                                      const DecodeSettings& settings,
                                                      size_t batch_bytes_max = size_t{64} << 20);

  const TableRef& table() const { return table_; }
  size_t cells() const { return columns_.size(); }
  // Index into table()->columns of cell `i`.
  uint32_t column(size_t i) const { return columns_[i]; }
  // Append exactly one value or NULL to each cell's builder, then call EndRow.
  ColumnBuilder& cell(size_t i) { return builders_[i]; }
  // Appends the column's DEFAULT, NULL when it has none.
  Status AppendDefault(size_t i);

  Status EndRow();
  // Takes back the cells of a row that was not ended.
  void AbandonRow();
  uint64_t rows() const { return rows_done_ + rows_; }

  // Completes the rows gathered so far; an empty batch is not made.
  Status Flush();
  // The batches completed since the last call.
  std::vector<BatchRef> TakeBatches() { return std::exchange(batches_, {}); }

 private:
  RowAssembler(TableRef table, std::vector<uint32_t> columns, size_t batch_bytes_max);
  bool IsFull() const;

  // Constant after construction.
  TableRef table_;
  std::vector<uint32_t> columns_;
  size_t batch_bytes_max_;
  DecodeSettings settings_;
  std::vector<std::pair<uint32_t, Column>> left_out_;  // columns without a cell: index, default

  std::vector<ColumnBuilder> builders_;
  std::vector<BatchRef> batches_;
  uint32_t rows_ = 0;
  uint64_t rows_done_ = 0;
};

}  // namespace varve::ingest
