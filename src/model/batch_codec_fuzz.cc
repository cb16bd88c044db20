// Feeds arbitrary bytes to the decoder of batches; what it takes must encode to a batch again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/batch_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const varve::Result<varve::Batch> batch = varve::DecodeBatch(bytes);
  if (!batch.ok()) {
    VARVE_CHECK(batch.status().code() == varve::StatusCode::kDataLoss);
    return 0;
  }
  VARVE_CHECK(batch->Validate().ok());
  VARVE_CHECK(varve::EncodeBatch(*batch) == bytes);
  const auto pieces = varve::SplitBatch(*batch, size / 2 + 64);
  if (!pieces.ok()) return 0;
  uint64_t rows = 0;
  for (const varve::Batch& piece : *pieces) {
    VARVE_CHECK(piece.Validate().ok());
    VARVE_CHECK(varve::EncodedBytes(piece) <= size / 2 + 64);
    rows += piece.rows;
  }
  VARVE_CHECK(rows == batch->rows);
  return 0;
}
