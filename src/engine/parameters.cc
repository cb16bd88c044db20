#include "engine/parameters.h"

#include <algorithm>
#include <duckdb/common/types/decimal.hpp>

#include "engine/duck_guard.h"
#include "engine/pg_arithmetic.h"
#include "engine/type_mapping.h"

namespace varve::engine {

namespace {

// A numeric without precision: as many digits after the point as the text has.
Type DecimalFor(std::string_view text) {
  constexpr size_t kScaleMax = 30;
  size_t scale = 0;
  if (text.find_first_of("eE") != std::string_view::npos) {
    scale = kQuotientScale;
  } else if (const auto point = text.find('.'); point != std::string_view::npos) {
    scale = std::min(text.size() - point - 1, kScaleMax);
  }
  return Type::Decimal(duckdb::Decimal::MAX_WIDTH_DECIMAL, static_cast<uint8_t>(scale));
}

// Where nobody has given a reader.
Result<duckdb::Value> CastText(duckdb::ClientContext& context, const Type& type,
                               const std::string& text) {
  duckdb::Value value;
  std::string message;
  const auto cast = GuardDuck([&]() -> Status {
    return duckdb::Value(text).TryCastAs(context, ToDuck(type), value, &message, true)
               ? OkStatus()
               : InvalidArgument("{}", message);
  });
  // A cast of the ICU extension answers NULL for what it cannot read.
  if (cast.ok() && !value.IsNull()) return value;
  const auto kind = type.kind();
  const bool is_time = kind == TypeKind::kDate || kind == TypeKind::kTime ||
                       kind == TypeKind::kTimestamp || kind == TypeKind::kTimestampTz ||
                       kind == TypeKind::kInterval;
  return SqlErrorf(
      is_time ? sqlstate::kInvalidDatetimeFormat : sqlstate::kInvalidTextRepresentation,
      "invalid input syntax for type {}: \"{}\"", type.ToString(), text);
}

}  // namespace

Result<duckdb::Value> ParameterValue(duckdb::ClientContext& context, const TextReaders& readers,
                                     const Type& type, const ParameterText& text) {
  if (!text) return duckdb::Value(ToDuck(type));
  if (type.kind() == TypeKind::kText || type.kind() == TypeKind::kUnknown) {
    return duckdb::Value(*text);
  }
  const Type read = type.kind() == TypeKind::kNumericText ? DecimalFor(*text) : type;
  if (!readers) return CastText(context, read, *text);
  VARVE_ASSIGN_OR_RETURN(const TextReader reader, readers(ZoneOf(context)));
  return ValueOfText(reader, read, *text);
}

}  // namespace varve::engine
