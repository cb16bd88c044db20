#include "server/core/value_text.h"

#include "base/check.h"
#include "server/core/datetime_text.h"
#include "server/core/number_text.h"

namespace varve::server {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void AppendHex(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
}

void AppendBytea(std::string_view bytes, bool escape, std::string& out) {
  if (!escape) {
    out += "\\x";
    AppendHex(bytes, out);
    return;
  }
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (byte < 0x20 || byte > 0x7e) {
      out += '\\';
      out += static_cast<char>('0' + (byte >> 6));
      out += static_cast<char>('0' + (byte >> 3 & 7));
      out += static_cast<char>('0' + (byte & 7));
    } else {
      out += c;
    }
  }
}

void AppendUuid(const Column& column, size_t row, std::string& out) {
  const std::string_view bytes(
      reinterpret_cast<const char*>(column.values.data()) + row * size_t{16}, 16);
  size_t from = 0;
  for (const size_t count : {4, 2, 2, 2, 6}) {
    if (from > 0) out += '-';
    AppendHex(bytes.substr(from, count), out);
    from += count;
  }
}

bool IsArraySpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool IsNullWord(std::string_view text) {
  if (text.size() != 4) return false;
  for (size_t i = 0; i < 4; ++i) {
    if ((text[i] | 0x20) != "null"[i]) return false;
  }
  return true;
}

// Puts the element text that starts at `start` in quotes when a reader of the array would take it
// for something else.
void QuoteElement(size_t start, std::string& out) {
  const std::string_view text(out.data() + start, out.size() - start);
  bool quote = text.empty() || IsNullWord(text);
  size_t escapes = 0;
  for (const char c : text) {
    if (c == '"' || c == '\\') ++escapes;
    quote = quote || c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || IsArraySpace(c);
  }
  if (!quote) return;
  std::string quoted;
  quoted.reserve(text.size() + escapes + 2);
  quoted += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  quoted += '"';
  out.resize(start);
  out += quoted;
}

void AppendArray(const Column& column, size_t row, const TextStyle& style, std::string& out) {
  const Column& child = *column.child;
  const bool nested = child.type.kind() == TypeKind::kList;
  const auto [begin, end] = column.ListRange(row);
  out += '{';
  for (uint32_t i = begin; i < end; ++i) {
    if (i > begin) out += ',';
    if (child.IsNull(i)) {
      out += "NULL";
      continue;
    }
    const size_t start = out.size();
    AppendValueText(child, i, style, out);
    if (!nested) QuoteElement(start, out);
  }
  out += '}';
}

}  // namespace

void AppendValueText(const Column& column, size_t row, const TextStyle& style, std::string& out) {
  switch (column.type.kind()) {
    case TypeKind::kBool:
      out += column.Fixed<uint8_t>(row) != 0 ? 't' : 'f';
      return;
    case TypeKind::kInt16:
      return AppendInteger(column.Fixed<int16_t>(row), out);
    case TypeKind::kInt32:
      return AppendInteger(column.Fixed<int32_t>(row), out);
    case TypeKind::kInt64:
      return AppendInteger(column.Fixed<int64_t>(row), out);
    case TypeKind::kFloat32:
      return AppendFloat32(column.Fixed<float>(row), style.extra_float_digits, out);
    case TypeKind::kFloat64:
      return AppendFloat64(column.Fixed<double>(row), style.extra_float_digits, out);
    case TypeKind::kText:
    case TypeKind::kJson:
    case TypeKind::kNumericText:
    case TypeKind::kUnknown:
      out += column.Bytes(row);
      return;
    case TypeKind::kBytea:
      return AppendBytea(column.Bytes(row), style.bytea_escape, out);
    case TypeKind::kDate:
      return AppendDate(column.Fixed<int32_t>(row), out);
    case TypeKind::kTime:
      return AppendTime(column.Fixed<int64_t>(row), out);
    case TypeKind::kTimestamp:
      return AppendTimestamp(column.Fixed<int64_t>(row), out);
    case TypeKind::kTimestampTz:
      return AppendTimestampTz(column.Fixed<int64_t>(row), style.time_zone, out);
    case TypeKind::kInterval:
      return AppendInterval(column.Fixed<Interval>(row), out);
    case TypeKind::kUuid:
      return AppendUuid(column, row, out);
    case TypeKind::kDecimal:
      return AppendDecimal(column.Fixed<Int128>(row), column.type.scale(), out);
    case TypeKind::kList:
      return AppendArray(column, row, style, out);
  }
  VARVE_CHECK(false);
}

}  // namespace varve::server
