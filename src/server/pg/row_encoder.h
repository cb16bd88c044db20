// Encodes result rows as DataRow messages, or as the lines of COPY TO.
//
// Role:     ResultChunk -> [row encoder] -> MessageWriter.
// Limits:   stops when the writer passes bytes_max, so that memory stays bounded however wide a
//           chunk is; one row may pass it.
// Errors:   those of AppendValueBinary. A row that failed is taken back.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <span>

#include "engine/session.h"
#include "ingest/copy_spec.h"
#include "server/core/value_text.h"
#include "server/pg/message_writer.h"

namespace varve::server::pg {

struct RowFormat {
  std::vector<int16_t> formats;  // none: text; one: for all columns
  TextStyle style;
  const ingest::CopySpec* copy = nullptr;  // COPY TO: lines in CopyData instead of DataRow
  std::vector<bool> force_quote;           // COPY csv: per column
};

// Encodes rows from `begin` on; returns the first row that was not encoded.
Result<uint32_t> EncodeRows(const engine::ResultChunk& chunk, uint32_t begin, uint32_t end,
                            const RowFormat& format, size_t bytes_max, MessageWriter& out);

// The lines before the first and after the last row.
void EncodeCopyHeader(const std::vector<engine::ResultColumn>& columns, const RowFormat& format,
                      MessageWriter& out);
void EncodeCopyTrailer(const RowFormat& format, MessageWriter& out);

}  // namespace varve::server::pg
