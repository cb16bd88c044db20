#include "ingest/value_text.h"

#include <simdjson.h>

#include <array>
#include <cstring>
#include <string>

#include "ingest/ascii.h"
#include "ingest/json_text.h"
#include "ingest/number_text.h"
#include "ingest/time_text.h"

namespace varve::ingest {
namespace {

[[gnu::cold]] Status BadSyntax(const Type& type, std::string_view text) {
  // PostgreSQL names the type here without its digits.
  const std::string name = type.kind() == TypeKind::kDecimal ? "numeric" : type.ToString();
  return SqlErrorf(sqlstate::kInvalidTextRepresentation, "invalid input syntax for type {}: \"{}\"",
                   name, text);
}

[[gnu::cold]] Status IntegerError(NumberOutcome outcome, const Type& type, std::string_view text) {
  if (outcome == NumberOutcome::kSyntax) return BadSyntax(type, text);
  return SqlErrorf(sqlstate::kNumericOutOfRange, "value \"{}\" is out of range for type {}", text,
                   type.ToString());
}

[[gnu::cold]] Status FloatError(NumberOutcome outcome, const Type& type, std::string_view text) {
  if (outcome == NumberOutcome::kSyntax) return BadSyntax(type, text);
  return SqlErrorf(sqlstate::kNumericOutOfRange, "\"{}\" is out of range for type {}", text,
                   type.ToString());
}

template <typename T>
Status AppendInteger(std::string_view text, ColumnBuilder& builder) {
  T value = 0;
  const NumberOutcome outcome = ReadInteger(text, value);
  if (outcome != NumberOutcome::kOk) return IntegerError(outcome, builder.type(), text);
  builder.AppendFixed(value);
  return OkStatus();
}

template <typename T>
Status AppendFloat(std::string_view text, ColumnBuilder& builder) {
  T value = 0;
  const NumberOutcome outcome = ReadFloat(text, value);
  if (outcome != NumberOutcome::kOk) return FloatError(outcome, builder.type(), text);
  builder.AppendFixed(value);
  return OkStatus();
}

Status AppendDecimal(std::string_view text, ColumnBuilder& builder) {
  const Type& type = builder.type();
  Int128 value = 0;
  switch (ReadDecimal(text, type.precision(), type.scale(), value)) {
    case NumberOutcome::kOk:
      builder.AppendFixed(value);
      return OkStatus();
    case NumberOutcome::kSyntax:
      return BadSyntax(type, text);
    case NumberOutcome::kRange:
      break;
  }
  return NumericOverflow(type);
}

// Any prefix of the words that is not ambiguous, as PostgreSQL allows.
bool ReadBool(std::string_view text, bool& value) {
  text = TrimSpace(text);
  if (text.empty()) return false;
  const auto is_prefix_of = [text](std::string_view word) {
    return text.size() <= word.size() && EqualsIgnoreCase(text, word.substr(0, text.size()));
  };
  if (is_prefix_of("true") || is_prefix_of("yes") || text == "1" || EqualsIgnoreCase(text, "on")) {
    value = true;
    return true;
  }
  value = false;
  return is_prefix_of("false") || is_prefix_of("no") || text == "0" ||
         (text.size() >= 2 && is_prefix_of("off"));
}

Status AppendBool(std::string_view text, ColumnBuilder& builder) {
  bool value = false;
  if (!ReadBool(text, value)) return BadSyntax(builder.type(), text);
  builder.AppendFixed(static_cast<uint8_t>(value ? 1 : 0));
  return OkStatus();
}

// 32 hexadecimal digits, a hyphen allowed after each four, braces allowed around.
Status AppendUuid(std::string_view text, ColumnBuilder& builder) {
  std::array<uint8_t, 16> bytes{};
  std::string_view rest = text;
  const bool braces = !rest.empty() && rest.front() == '{';
  if (braces) rest.remove_prefix(1);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (rest.size() < 2) return BadSyntax(builder.type(), text);
    const int high = HexDigit(rest[0]);
    const int low = HexDigit(rest[1]);
    if (high < 0 || low < 0) return BadSyntax(builder.type(), text);
    bytes[i] = static_cast<uint8_t>(high << 4 | low);
    rest.remove_prefix(2);
    if (i % 2 == 1 && i < 15 && !rest.empty() && rest.front() == '-') rest.remove_prefix(1);
  }
  if (braces && !rest.empty() && rest.front() == '}') {
    rest.remove_prefix(1);
  } else if (braces) {
    return BadSyntax(builder.type(), text);
  }
  if (!rest.empty()) return BadSyntax(builder.type(), text);
  builder.AppendFixed(bytes);
  return OkStatus();
}

Status AppendJson(std::string_view text, ColumnBuilder& builder) {
  VARVE_RETURN_IF_ERROR(CheckJson(text));
  builder.AppendBytes(text);
  return OkStatus();
}

Status AppendHexBytes(std::string_view digits, std::string& bytes) {
  for (size_t i = 0; i < digits.size();) {
    if (IsSpace(digits[i])) {
      ++i;
      continue;
    }
    if (HexDigit(digits[i]) < 0) {
      return SqlErrorf(sqlstate::kInvalidParameterValue, "invalid hexadecimal digit: \"{}\"",
                       digits.substr(i, 1));
    }
    if (i + 1 == digits.size()) {
      return SqlError(sqlstate::kInvalidParameterValue,
                      "invalid hexadecimal data: odd number of digits");
    }
    if (HexDigit(digits[i + 1]) < 0) {
      return SqlErrorf(sqlstate::kInvalidParameterValue, "invalid hexadecimal digit: \"{}\"",
                       digits.substr(i + 1, 1));
    }
    bytes.push_back(static_cast<char>(HexDigit(digits[i]) << 4 | HexDigit(digits[i + 1])));
    i += 2;
  }
  return OkStatus();
}

// The "escape" form: \\ and \ooo, everything else as it stands.
bool ReadEscapedBytes(std::string_view text, std::string& bytes) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes.push_back(text[i]);
      continue;
    }
    const std::string_view rest = text.substr(i + 1);
    if (!rest.empty() && rest[0] == '\\') {
      bytes.push_back('\\');
      ++i;
      continue;
    }
    if (rest.size() < 3 || rest[0] < '0' || rest[0] > '3' || rest[1] < '0' || rest[1] > '7' ||
        rest[2] < '0' || rest[2] > '7') {
      return false;
    }
    bytes.push_back(
        static_cast<char>((rest[0] - '0') << 6 | (rest[1] - '0') << 3 | (rest[2] - '0')));
    i += 3;
  }
  return true;
}

Status AppendBytea(std::string_view text, ColumnBuilder& builder) {
  thread_local std::string bytes;  // kept, so that a value costs no allocation
  bytes.clear();
  if (text.starts_with("\\x")) {
    VARVE_RETURN_IF_ERROR(AppendHexBytes(text.substr(2), bytes));
  } else if (!ReadEscapedBytes(text, bytes)) {
    return SqlError(sqlstate::kInvalidTextRepresentation, "invalid input syntax for type bytea");
  }
  builder.AppendBytes(bytes);
  return OkStatus();
}

template <typename T>
Status AppendTimeValue(Status (*read)(std::string_view, const DecodeSettings&, T&),
                       std::string_view text, const DecodeSettings& settings,
                       ColumnBuilder& builder) {
  T value = 0;
  VARVE_RETURN_IF_ERROR(read(text, settings, value));
  builder.AppendFixed(value);
  return OkStatus();
}

Status AppendInterval(std::string_view text, ColumnBuilder& builder) {
  Interval interval;
  VARVE_RETURN_IF_ERROR(ReadInterval(text, interval));
  builder.AppendFixed(interval);
  return OkStatus();
}

}  // namespace

Status AppendText(std::string_view text, const DecodeSettings& settings, ColumnBuilder& builder) {
  switch (builder.type().kind()) {
    case TypeKind::kText:
      builder.AppendBytes(text);
      return OkStatus();
    case TypeKind::kTimestampTz:
      return AppendTimeValue(ReadTimestampTz, text, settings, builder);
    case TypeKind::kInt64:
      return AppendInteger<int64_t>(text, builder);
    case TypeKind::kInt32:
      return AppendInteger<int32_t>(text, builder);
    case TypeKind::kInt16:
      return AppendInteger<int16_t>(text, builder);
    case TypeKind::kFloat64:
      return AppendFloat<double>(text, builder);
    case TypeKind::kFloat32:
      return AppendFloat<float>(text, builder);
    case TypeKind::kBool:
      return AppendBool(text, builder);
    case TypeKind::kJson:
      return AppendJson(text, builder);
    case TypeKind::kDate:
      return AppendTimeValue(ReadDate, text, settings, builder);
    case TypeKind::kTimestamp:
      return AppendTimeValue(ReadTimestamp, text, settings, builder);
    case TypeKind::kTime:
      return AppendTimeValue(ReadTime, text, settings, builder);
    case TypeKind::kInterval:
      return AppendInterval(text, builder);
    case TypeKind::kUuid:
      return AppendUuid(text, builder);
    case TypeKind::kDecimal:
      return AppendDecimal(text, builder);
    case TypeKind::kBytea:
      return AppendBytea(text, builder);
    case TypeKind::kList:
      return AppendArrayText(text, settings, builder);
    case TypeKind::kNumericText:
    case TypeKind::kUnknown:
      break;
  }
  return NotDecodable("a type that tables do not have");
}

Status OutOfRange(const Type& type) {
  return SqlErrorf(sqlstate::kNumericOutOfRange, "{} out of range", type.ToString());
}

Status NumericOverflow(const Type& type) {
  return WithDetail(
      SqlError(sqlstate::kNumericOutOfRange, "numeric field overflow"),
      fmt::format("A field with precision {}, scale {} must round to an absolute value less than "
                  "10^{}.",
                  type.precision(), type.scale(), type.precision() - type.scale()));
}

Status CheckText(std::string_view text) {
  if (std::memchr(text.data(), 0, text.size()) != nullptr) {
    return SqlError("22021", "invalid byte sequence for encoding \"UTF8\": 0x00");
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return SqlError("22021", "invalid byte sequence for encoding \"UTF8\"");
  }
  return OkStatus();
}

}  // namespace varve::ingest
