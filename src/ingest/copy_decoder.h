// Decodes the data of COPY ... FROM STDIN as it arrives, in text, csv or binary format.
//
// Role:     CopyData messages, cut anywhere -> Feed -> [CopyDecoder] -> complete batches for
//           Session::WriteRows; COPY is one transaction, so no batch counts before Finish.
// Limits:   one row's text may be kCopyRowBytesMax long (54000); batches end at 4 MiB or
//           kBatchRowsMax rows, so memory does not grow with the input.
// Errors:   22P04 malformed data, 42703 unknown column, errors of values; the detail names table,
//           line and column as PostgreSQL's CONTEXT does. After an error nothing more is decoded.
// Threads:  single owner.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ingest/copy_spec.h"
#include "ingest/decode_settings.h"
#include "model/batch.h"

namespace varve::ingest {

inline constexpr size_t kCopyRowBytesMax = size_t{256} << 20;

class CopyDecoder {
 public:
  virtual ~CopyDecoder() = default;

  // `spec` names `table`. 42703, 42701, or 0A000 for a default that is not a constant.
  static Result<std::unique_ptr<CopyDecoder>> Create(const CopySpec& spec, const TableRef& table,
                                                     const DecodeSettings& settings);

  // Columns expected per row, for CopyInResponse.
  virtual size_t columns() const = 0;
  virtual Status Feed(std::string_view chunk) = 0;
  // CopyDone: the last line may lack its newline; a row cut short is an error.
  virtual Status Finish() = 0;
  virtual std::vector<BatchRef> TakeBatches() = 0;
  virtual uint64_t rows() const = 0;  // for the tag "COPY <rows>"
};

}  // namespace varve::ingest
