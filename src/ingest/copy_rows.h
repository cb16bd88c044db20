// Takes the fields of COPY data row by row and words their errors with line and column.
//
// Role:     copy_text, copy_csv, copy_binary -> [CopyRows] -> RowAssembler.
// Errors:   those of the values and of CompleteBatch; the detail is PostgreSQL's CONTEXT line.
// Threads:  single owner.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/row_assembler.h"

namespace varve::ingest {

class CopyRows {
 public:
  CopyRows(std::unique_ptr<RowAssembler> rows, const DecodeSettings& settings);

  size_t columns() const { return rows_->cells(); }
  std::string_view column_name(size_t i) const;

  // `line`: of the row's start, from 1. `i` beyond the last column is 22P04.
  Status AppendText(size_t i, std::string_view text, uint64_t line);
  Status AppendBinary(size_t i, std::string_view bytes, uint64_t line);
  Status AppendNull(size_t i, uint64_t line);
  // 22P04 when fewer than all columns came.
  Status EndRow(size_t fields, uint64_t line);
  void AbandonRow() { rows_->AbandonRow(); }
  Status Flush(uint64_t line);

  std::vector<BatchRef> TakeBatches() { return rows_->TakeBatches(); }
  uint64_t rows() const { return rows_->rows(); }

  // 22P04 with the line it happened in.
  Status BadFormat(std::string_view what, uint64_t line) const;
  // Any other error with the line it happened in.
  Status AtLine(Status status, uint64_t line) const;

 private:
  Status AtField(Status status, size_t i, std::string_view text, uint64_t line) const;

  std::unique_ptr<RowAssembler> rows_;
  const DecodeSettings settings_;
  std::vector<bool> refuses_null_;
};

}  // namespace varve::ingest
