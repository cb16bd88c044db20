#include "ingest/parameter.h"

#include <cmath>
#include <limits>

#include "ingest/number_text.h"
#include "ingest/time_text.h"
#include "ingest/value_binary.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

bool IsInteger(TypeKind kind) {
  return kind == TypeKind::kInt16 || kind == TypeKind::kInt32 || kind == TypeKind::kInt64;
}
bool IsFloat(TypeKind kind) { return kind == TypeKind::kFloat32 || kind == TypeKind::kFloat64; }

// Appends an integer to a column of any number type.
Status AppendWhole(Int128 value, ColumnBuilder& builder) {
  const auto fits = [value](auto limit) {
    using T = decltype(limit);
    return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
  };
  const Type& type = builder.type();
  switch (type.kind()) {
    case TypeKind::kInt16:
      if (!fits(int16_t{})) return OutOfRange(type);
      builder.AppendFixed(static_cast<int16_t>(value));
      return OkStatus();
    case TypeKind::kInt32:
      if (!fits(int32_t{})) return OutOfRange(type);
      builder.AppendFixed(static_cast<int32_t>(value));
      return OkStatus();
    case TypeKind::kInt64:
      if (!fits(int64_t{})) return OutOfRange(type);
      builder.AppendFixed(static_cast<int64_t>(value));
      return OkStatus();
    case TypeKind::kFloat32:
      builder.AppendFixed(static_cast<float>(value));
      return OkStatus();
    case TypeKind::kFloat64:
      builder.AppendFixed(static_cast<double>(value));
      return OkStatus();
    default: {
      const Int128 limit = PowerOfTen(type.precision() - type.scale());
      if (value >= limit || value <= -limit) return NumericOverflow(type);
      builder.AppendFixed(value * PowerOfTen(type.scale()));
      return OkStatus();
    }
  }
}

Status AppendReal(double value, ColumnBuilder& builder) {
  const Type& type = builder.type();
  if (type.kind() == TypeKind::kFloat64) {
    builder.AppendFixed(value);
    return OkStatus();
  }
  if (type.kind() == TypeKind::kFloat32) {
    const auto narrow = static_cast<float>(value);
    if (std::isinf(narrow) && !std::isinf(value)) return OutOfRange(type);
    builder.AppendFixed(narrow);
    return OkStatus();
  }
  // Half goes to the even neighbour here, as PostgreSQL casts double precision.
  if (!(std::abs(value) < 1e19)) return OutOfRange(type);
  return AppendWhole(static_cast<Int128>(std::rint(value)), builder);
}

Status AppendMoment(const Column& value, const DecodeSettings& settings, ColumnBuilder& builder) {
  int64_t micros = 0;
  if (value.type.kind() == TypeKind::kDate) {
    const auto days = value.Fixed<int32_t>(0);
    if (days == kDateInfinity || days == kDateMinusInfinity) {
      builder.AppendFixed(days == kDateInfinity ? kTimestampInfinity : kTimestampMinusInfinity);
      return OkStatus();
    }
    if (__builtin_mul_overflow(int64_t{days}, int64_t{86'400'000'000}, &micros)) {
      return SqlError(sqlstate::kDatetimeOverflow, "date out of range for timestamp");
    }
  } else {
    micros = value.Fixed<int64_t>(0);
    if (micros == kTimestampInfinity || micros == kTimestampMinusInfinity) {
      builder.AppendFixed(micros);
      return OkStatus();
    }
  }
  const bool zoned = builder.type().kind() == TypeKind::kTimestampTz;
  builder.AppendFixed(zoned ? LocalToUtc(micros, settings.time_zone) : micros);
  return OkStatus();
}

Status AppendAs(const InsertParameter& parameter, const DecodeSettings& settings,
                ColumnBuilder& builder) {
  const std::string_view bytes = *parameter.bytes;
  if (parameter.binary) return AppendBinary(bytes, builder);
  VARVE_RETURN_IF_ERROR(CheckText(bytes));
  return AppendText(bytes, settings, builder);
}

// A numeric of any size: straight to the column's digits.
Status AppendNumeric(const InsertParameter& parameter, const DecodeSettings& settings,
                     ColumnBuilder& builder) {
  const Type& type = builder.type();
  if (type.kind() == TypeKind::kDecimal) return AppendAs(parameter, settings, builder);
  if (!parameter.binary) VARVE_RETURN_IF_ERROR(CheckText(*parameter.bytes));
  Int128 whole = 0;
  const NumberOutcome outcome = parameter.binary ? ReadBinaryNumeric(*parameter.bytes, 38, 0, whole)
                                                 : ReadDecimal(*parameter.bytes, 38, 0, whole);
  if (outcome == NumberOutcome::kRange) return OutOfRange(type);
  if (outcome == NumberOutcome::kSyntax) {
    return parameter.binary
               ? SqlError(sqlstate::kInvalidBinaryRepresentation,
                          "incorrect binary data format for type numeric")
               : SqlErrorf(sqlstate::kInvalidTextRepresentation,
                           "invalid input syntax for type numeric: \"{}\"", *parameter.bytes);
  }
  return AppendWhole(whole, builder);
}

}  // namespace

bool CanAssign(const Type& from, const Type& to) {
  if (from == to) return true;
  const TypeKind source = from.kind();
  const TypeKind target = to.kind();
  if (IsInteger(source)) {
    return IsInteger(target) || IsFloat(target) || target == TypeKind::kDecimal;
  }
  if (IsFloat(source)) return IsInteger(target) || IsFloat(target);
  if (source == TypeKind::kNumericText) return IsInteger(target) || target == TypeKind::kDecimal;
  if (target == TypeKind::kTimestampTz) {
    return source == TypeKind::kDate || source == TypeKind::kTimestamp;
  }
  return target == TypeKind::kTimestamp && source == TypeKind::kDate;
}

Status AppendParameter(const InsertParameter& parameter, const Type& from,
                       const DecodeSettings& settings, ColumnBuilder& builder) {
  if (!parameter.bytes) {
    builder.AppendNull();
    return OkStatus();
  }
  if (from == builder.type()) return AppendAs(parameter, settings, builder);
  if (from.kind() == TypeKind::kNumericText) return AppendNumeric(parameter, settings, builder);
  ColumnBuilder source(from);
  VARVE_RETURN_IF_ERROR(AppendAs(parameter, settings, source));
  const Column value = source.Finish();
  switch (from.kind()) {
    case TypeKind::kInt16:
      return AppendWhole(value.Fixed<int16_t>(0), builder);
    case TypeKind::kInt32:
      return AppendWhole(value.Fixed<int32_t>(0), builder);
    case TypeKind::kInt64:
      return AppendWhole(value.Fixed<int64_t>(0), builder);
    case TypeKind::kFloat32:
      return AppendReal(value.Fixed<float>(0), builder);
    case TypeKind::kFloat64:
      return AppendReal(value.Fixed<double>(0), builder);
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
      return AppendMoment(value, settings, builder);
    default:
      return NotDecodable("a cast");
  }
}

}  // namespace varve::ingest
