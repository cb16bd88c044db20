#include "server/pg/row_encoder.h"

#include "server/pg/value_binary.h"

namespace varve::server::pg {
namespace {

using ingest::CopyFormat;

bool IsBinary(const RowFormat& format, size_t column) {
  if (format.formats.empty()) return false;
  return format.formats[format.formats.size() == 1 ? 0 : column] == 1;
}

// COPY text: what a reader would take for a delimiter or an escape gets a backslash.
void AppendCopyText(std::string_view value, char delimiter, std::string& out) {
  for (const char c : value) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\v':
        out += "\\v";
        break;
      default:
        if (c == delimiter) out += '\\';
        out += c;
    }
  }
}

void AppendCopyCsv(std::string_view value, const ingest::CopySpec& copy, bool force, bool alone,
                   std::string& out) {
  bool quote = force || value == copy.null_text || (alone && value == "\\.");
  for (const char c : value) {
    quote = quote || c == copy.delimiter || c == copy.quote || c == '\n' || c == '\r';
  }
  if (!quote) {
    out += value;
    return;
  }
  out += copy.quote;
  for (const char c : value) {
    if (c == copy.quote || c == copy.escape) out += copy.escape;
    out += c;
  }
  out += copy.quote;
}

void AppendCopyValue(std::string_view value, const RowFormat& format, size_t column, bool alone,
                     std::string& out) {
  const ingest::CopySpec& copy = *format.copy;
  if (copy.format == CopyFormat::kCsv) {
    const bool force = column < format.force_quote.size() && format.force_quote[column];
    AppendCopyCsv(value, copy, force, alone, out);
  } else {
    AppendCopyText(value, copy.delimiter, out);
  }
}

void EncodeCopyLine(const engine::ResultChunk& chunk, uint32_t row, const RowFormat& format,
                    MessageWriter& out) {
  std::string value;
  out.Begin('d');
  const bool alone = chunk.columns.size() == 1;
  for (size_t i = 0; i < chunk.columns.size(); ++i) {
    if (i > 0) out.Int8(static_cast<uint8_t>(format.copy->delimiter));
    const Column& column = chunk.columns[i];
    if (column.IsNull(row)) {
      out.Raw(format.copy->null_text);
      continue;
    }
    value.clear();
    AppendValueText(column, row, format.style, value);
    AppendCopyValue(value, format, i, alone, out.buffer());
  }
  out.Raw("\n");
  out.End();
}

Status EncodeValues(const engine::ResultChunk& chunk, uint32_t row, const RowFormat& format,
                    bool all_binary, MessageWriter& out) {
  out.Int16(static_cast<int16_t>(chunk.columns.size()));
  for (size_t i = 0; i < chunk.columns.size(); ++i) {
    const Column& column = chunk.columns[i];
    if (column.IsNull(row)) {
      out.Int32(-1);
      continue;
    }
    const size_t mark = out.BeginValue();
    if (all_binary || IsBinary(format, i)) {
      VARVE_RETURN_IF_ERROR(AppendValueBinary(column, row, out.buffer()));
    } else {
      AppendValueText(column, row, format.style, out.buffer());
    }
    out.EndValue(mark);
  }
  return OkStatus();
}

}  // namespace

Result<uint32_t> EncodeRows(const engine::ResultChunk& chunk, uint32_t begin, uint32_t end,
                            const RowFormat& format, size_t bytes_max, MessageWriter& out) {
  uint32_t row = begin;
  for (; row < end && out.size() < bytes_max; ++row) {
    if (format.copy != nullptr && format.copy->format != CopyFormat::kBinary) {
      EncodeCopyLine(chunk, row, format, out);
      continue;
    }
    const size_t start = out.size();
    out.Begin(format.copy != nullptr ? 'd' : 'D');
    Status encoded = EncodeValues(chunk, row, format, format.copy != nullptr, out);
    if (!encoded.ok()) {
      out.buffer().resize(start);
      return encoded;
    }
    out.End();
  }
  return row;
}

void EncodeCopyHeader(const std::vector<engine::ResultColumn>& columns, const RowFormat& format,
                      MessageWriter& out) {
  if (format.copy->format == CopyFormat::kBinary) {
    out.Begin('d');
    out.Raw(std::string_view("PGCOPY\n\377\r\n\0", 11));
    out.Int32(0);  // No flags,
    out.Int32(0);  // no header extension.
    out.End();
    return;
  }
  if (format.copy->header == ingest::CopyHeader::kNone) return;
  out.Begin('d');
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out.Int8(static_cast<uint8_t>(format.copy->delimiter));
    AppendCopyValue(columns[i].name, format, columns.size(), columns.size() == 1, out.buffer());
  }
  out.Raw("\n");
  out.End();
}

void EncodeCopyTrailer(const RowFormat& format, MessageWriter& out) {
  if (format.copy->format != CopyFormat::kBinary) return;
  out.Begin('d');
  out.Int16(-1);
  out.End();
}

}  // namespace varve::server::pg
