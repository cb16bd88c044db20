#include "ingest/value_binary.h"

#include <array>
#include <bit>
#include <cstdint>

#include "ingest/json_text.h"
#include "ingest/number_text.h"
#include "ingest/time_text.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

constexpr int32_t kDaysTo2000 = 10'957;
constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int64_t kMicrosTo2000 = int64_t{kDaysTo2000} * kMicrosPerDay;

[[gnu::cold]] Status BadFormat(const Type& type) {
  return SqlErrorf(sqlstate::kInvalidBinaryRepresentation,
                   "incorrect binary data format for type {}", type.ToString());
}

template <typename T>
T ReadBigEndian(const char* p) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<uint64_t>(value) << 8 | static_cast<uint8_t>(p[i]));
  }
  return value;
}

template <typename T>
Status AppendInteger(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != sizeof(T)) return BadFormat(builder.type());
  builder.AppendFixed(ReadBigEndian<T>(bytes.data()));
  return OkStatus();
}

template <typename T, typename Bits>
Status AppendFloat(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != sizeof(T)) return BadFormat(builder.type());
  builder.AppendFixed(std::bit_cast<T>(ReadBigEndian<Bits>(bytes.data())));
  return OkStatus();
}

Status AppendBool(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != 1) return BadFormat(builder.type());
  builder.AppendFixed(static_cast<uint8_t>(bytes[0] != 0 ? 1 : 0));
  return OkStatus();
}

Status AppendDate(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != 4) return BadFormat(builder.type());
  auto days = ReadBigEndian<int32_t>(bytes.data());
  if (days == INT32_MAX) {
    days = kDateInfinity;
  } else if (days == INT32_MIN) {
    days = kDateMinusInfinity;
  } else if (__builtin_add_overflow(days, kDaysTo2000, &days) || days < -2'440'588) {
    return SqlError(sqlstate::kDatetimeOverflow, "date out of range");
  }
  builder.AppendFixed(days);
  return OkStatus();
}

Status AppendTime(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != 8) return BadFormat(builder.type());
  const auto micros = ReadBigEndian<int64_t>(bytes.data());
  if (micros < 0 || micros > kMicrosPerDay) {
    return SqlError(sqlstate::kDatetimeOverflow, "time out of range");
  }
  builder.AppendFixed(micros);
  return OkStatus();
}

Status AppendTimestamp(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != 8) return BadFormat(builder.type());
  auto micros = ReadBigEndian<int64_t>(bytes.data());
  if (micros == INT64_MAX) {
    micros = kTimestampInfinity;
  } else if (micros == INT64_MIN) {
    micros = kTimestampMinusInfinity;
  } else if (__builtin_add_overflow(micros, kMicrosTo2000, &micros) ||
             micros / kMicrosPerDay < -2'440'588) {
    return SqlError(sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  builder.AppendFixed(micros);
  return OkStatus();
}

Status AppendInterval(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != 16) return BadFormat(builder.type());
  Interval interval;
  interval.micros = ReadBigEndian<int64_t>(bytes.data());
  interval.days = ReadBigEndian<int32_t>(bytes.data() + 8);
  interval.months = ReadBigEndian<int32_t>(bytes.data() + 12);
  builder.AppendFixed(interval);
  return OkStatus();
}

Status AppendUuid(std::string_view bytes, ColumnBuilder& builder) {
  if (bytes.size() != 16) return BadFormat(builder.type());
  std::array<char, 16> value{};
  bytes.copy(value.data(), value.size());
  builder.AppendFixed(value);
  return OkStatus();
}

Status AppendDecimal(std::string_view bytes, ColumnBuilder& builder) {
  const Type& type = builder.type();
  Int128 value = 0;
  switch (ReadBinaryNumeric(bytes, type.precision(), type.scale(), value)) {
    case NumberOutcome::kOk:
      builder.AppendFixed(value);
      return OkStatus();
    case NumberOutcome::kSyntax:
      return BadFormat(type);
    case NumberOutcome::kRange:
      break;
  }
  return NumericOverflow(type);
}

// jsonb has a version byte before its text, json has not; no JSON begins with 0x01.
Status AppendJson(std::string_view bytes, ColumnBuilder& builder) {
  if (!bytes.empty() && bytes.front() == 1) bytes.remove_prefix(1);
  VARVE_RETURN_IF_ERROR(CheckText(bytes));
  VARVE_RETURN_IF_ERROR(CheckJson(bytes));
  builder.AppendBytes(bytes);
  return OkStatus();
}

Status AppendChecked(std::string_view bytes, ColumnBuilder& builder) {
  VARVE_RETURN_IF_ERROR(CheckText(bytes));
  builder.AppendBytes(bytes);
  return OkStatus();
}

// Dimensions, a NULL flag, the element's type; per dimension size and lower bound; then per element
// its length (-1: NULL) and bytes.
Status AppendList(std::string_view bytes, ColumnBuilder& builder) {
  constexpr size_t kHeader = 12;
  if (bytes.size() < kHeader) return BadFormat(builder.type());
  const auto dimensions = ReadBigEndian<int32_t>(bytes.data());
  if (dimensions == 0 && bytes.size() == kHeader) {
    builder.AppendList();
    return OkStatus();
  }
  if (dimensions > 1 && dimensions <= 6) {
    return SqlError(sqlstate::kFeatureNotSupported,
                    "arrays of more than one dimension are not supported");
  }
  if (dimensions != 1 || bytes.size() < kHeader + 8) return BadFormat(builder.type());
  const auto count = ReadBigEndian<int32_t>(bytes.data() + kHeader);
  std::string_view rest = bytes.substr(kHeader + 8);
  for (int32_t i = 0; i < count; ++i) {
    if (rest.size() < 4) return BadFormat(builder.type());
    const auto length = ReadBigEndian<int32_t>(rest.data());
    rest.remove_prefix(4);
    if (length == -1) {
      builder.element_builder().AppendNull();
      continue;
    }
    if (length < 0 || static_cast<size_t>(length) > rest.size()) return BadFormat(builder.type());
    VARVE_RETURN_IF_ERROR(
        AppendBinary(rest.substr(0, static_cast<size_t>(length)), builder.element_builder()));
    rest.remove_prefix(static_cast<size_t>(length));
  }
  if (count < 0 || !rest.empty()) return BadFormat(builder.type());
  builder.AppendList();
  return OkStatus();
}

}  // namespace

Status AppendBinary(std::string_view bytes, ColumnBuilder& builder) {
  switch (builder.type().kind()) {
    case TypeKind::kText:
      return AppendChecked(bytes, builder);
    case TypeKind::kJson:
      return AppendJson(bytes, builder);
    case TypeKind::kBytea:
      builder.AppendBytes(bytes);
      return OkStatus();
    case TypeKind::kBool:
      return AppendBool(bytes, builder);
    case TypeKind::kInt16:
      return AppendInteger<int16_t>(bytes, builder);
    case TypeKind::kInt32:
      return AppendInteger<int32_t>(bytes, builder);
    case TypeKind::kInt64:
      return AppendInteger<int64_t>(bytes, builder);
    case TypeKind::kFloat32:
      return AppendFloat<float, uint32_t>(bytes, builder);
    case TypeKind::kFloat64:
      return AppendFloat<double, uint64_t>(bytes, builder);
    case TypeKind::kDate:
      return AppendDate(bytes, builder);
    case TypeKind::kTime:
      return AppendTime(bytes, builder);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return AppendTimestamp(bytes, builder);
    case TypeKind::kInterval:
      return AppendInterval(bytes, builder);
    case TypeKind::kUuid:
      return AppendUuid(bytes, builder);
    case TypeKind::kDecimal:
      return AppendDecimal(bytes, builder);
    case TypeKind::kList:
      return AppendList(bytes, builder);
    case TypeKind::kNumericText:
    case TypeKind::kUnknown:
      break;
  }
  return NotDecodable("a type that tables do not have");
}

}  // namespace varve::ingest
