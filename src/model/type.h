// Describes the type of a column: what its values mean and how they lie in memory.
//
// Layout:   see Physical(); text-like values are UTF-8 bytes, kUuid is 16 bytes big-endian as
//           printed, kDecimal is a signed 128-bit little-endian integer scaled by 10^scale,
//           kInterval is {int32 months, int32 days, int64 microseconds}, kDate is int32 days since
//           1970-01-01, kTime int64 microseconds since midnight, kTimestamp(Tz) int64 microseconds
//           since 1970 (INT64_MAX and INT64_MIN+1 stand for infinity and -infinity).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace varve {

enum class TypeKind : uint8_t {
  kBool = 1,
  kInt16 = 2,
  kInt32 = 3,
  kInt64 = 4,
  kFloat32 = 5,
  kFloat64 = 6,
  kText = 7,
  kJson = 8,  // jsonb to a client; kept as its text
  kBytea = 9,
  kDate = 10,
  kTime = 11,
  kTimestamp = 12,  // without time zone
  kTimestampTz = 13,
  kInterval = 14,
  kUuid = 15,
  kDecimal = 16,
  kList = 17,
  // Results only, never in a table:
  kNumericText = 18,  // a number too wide for kDecimal, as its decimal text
  kUnknown = 19,      // an untyped NULL or literal, as text
};

enum class PhysicalType : uint8_t { kFixed1, kFixed2, kFixed4, kFixed8, kFixed16, kBytes, kList };

struct Interval {
  int32_t months = 0;
  int32_t days = 0;
  int64_t micros = 0;
  bool operator==(const Interval&) const = default;
};
static_assert(sizeof(Interval) == 16);

class Type {
 public:
  Type() = default;
  explicit Type(TypeKind kind) : kind_(kind) {}
  static Type Decimal(uint8_t precision, uint8_t scale);
  static Type List(Type element);

  TypeKind kind() const { return kind_; }
  uint8_t precision() const { return precision_; }   // kDecimal only
  uint8_t scale() const { return scale_; }           // kDecimal only
  const Type& element() const { return *element_; }  // kList only

  PhysicalType Physical() const;
  // Bytes per value of a fixed-width type; 0 for kBytes and kList.
  size_t FixedBytes() const;
  bool IsText() const { return kind_ == TypeKind::kText || kind_ == TypeKind::kJson; }

  // PostgreSQL's name of the type: "bigint", "timestamp with time zone", "text[]", "numeric(10,2)".
  std::string ToString() const;
  // Reads names as they stand in schemas/*.yaml: "text", "timestamptz", "jsonb", "bigint[]", ...
  static Result<Type> Parse(std::string_view name);

  bool operator==(const Type& other) const;

 private:
  TypeKind kind_ = TypeKind::kUnknown;
  uint8_t precision_ = 0;
  uint8_t scale_ = 0;
  std::shared_ptr<const Type> element_;
};

}  // namespace varve
