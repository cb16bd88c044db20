// Turns a Batch into the payload of a log record and back, at the speed of copying.
//
// Role:     ingest -> EncodeBatch -> log; log replay -> DecodeBatch -> buffer.
// Layout:   docs/formats/log.md, "Payload of rows": per column id, type, sizes and the column's own
//           arrays, little-endian. Only the columns that the batch has.
// Limits:   decoding takes no more memory than the payload has bytes, at most kBatchRowsMax rows
//           and kColumnsMax columns; no lists of lists.
// Errors:   DataLoss with the offset for bytes that are not a batch; bytes are never read beyond
//           the end. 54000 from SplitBatch when one row alone is above the limit.
// Threads:  no shared state.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/batch.h"

namespace varve {

inline constexpr uint32_t kBatchFormatVersion = 1;

// Size of EncodeBatch's result; costs a few instructions per column.
size_t EncodedBytes(const Batch& batch);

// `batch` must be valid (see Batch::Validate) and have table types only.
std::string EncodeBatch(const Batch& batch);

// The batch that was encoded; every size, type and offset is checked.
Result<Batch> DecodeBatch(std::string_view payload);

// The same rows in the same order in several batches, each of at most `bytes_max` encoded bytes and
// kBatchRowsMax rows, as few as a greedy cut from the front gives. Copies the rows.
Result<std::vector<Batch>> SplitBatch(const Batch& batch, size_t bytes_max);

}  // namespace varve
