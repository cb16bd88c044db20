#include "model/type.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace varve {
namespace {

struct Naming {
  TypeKind kind;
  std::string_view canonical;
  std::string_view alias;
};

constexpr std::array kNames = {
    Naming{TypeKind::kBool, "boolean", "bool"},
    Naming{TypeKind::kInt16, "smallint", "int2"},
    Naming{TypeKind::kInt32, "integer", "int4"},
    Naming{TypeKind::kInt64, "bigint", "int8"},
    Naming{TypeKind::kFloat32, "real", "float4"},
    Naming{TypeKind::kFloat64, "double precision", "float8"},
    Naming{TypeKind::kText, "text", "varchar"},
    Naming{TypeKind::kJson, "jsonb", "json"},
    Naming{TypeKind::kBytea, "bytea", "bytea"},
    Naming{TypeKind::kDate, "date", "date"},
    Naming{TypeKind::kTime, "time without time zone", "time"},
    Naming{TypeKind::kTimestamp, "timestamp without time zone", "timestamp"},
    Naming{TypeKind::kTimestampTz, "timestamp with time zone", "timestamptz"},
    Naming{TypeKind::kInterval, "interval", "interval"},
    Naming{TypeKind::kUuid, "uuid", "uuid"},
    Naming{TypeKind::kNumericText, "numeric", "numeric"},
    Naming{TypeKind::kUnknown, "unknown", "unknown"},
};

}  // namespace

Type Type::Decimal(uint8_t precision, uint8_t scale) {
  VARVE_CHECK(precision >= 1 && precision <= 38);
  VARVE_CHECK(scale <= precision);
  Type type(TypeKind::kDecimal);
  type.precision_ = precision;
  type.scale_ = scale;
  return type;
}

Type Type::List(Type element) {
  Type type(TypeKind::kList);
  type.element_ = std::make_shared<const Type>(std::move(element));
  return type;
}

PhysicalType Type::Physical() const {
  switch (kind_) {
    case TypeKind::kBool:
      return PhysicalType::kFixed1;
    case TypeKind::kInt16:
      return PhysicalType::kFixed2;
    case TypeKind::kInt32:
    case TypeKind::kFloat32:
    case TypeKind::kDate:
      return PhysicalType::kFixed4;
    case TypeKind::kInt64:
    case TypeKind::kFloat64:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return PhysicalType::kFixed8;
    case TypeKind::kInterval:
    case TypeKind::kUuid:
    case TypeKind::kDecimal:
      return PhysicalType::kFixed16;
    case TypeKind::kList:
      return PhysicalType::kList;
    case TypeKind::kText:
    case TypeKind::kJson:
    case TypeKind::kBytea:
    case TypeKind::kNumericText:
    case TypeKind::kUnknown:
      return PhysicalType::kBytes;
  }
  VARVE_CHECK(false);
}

size_t Type::FixedBytes() const {
  switch (Physical()) {
    case PhysicalType::kFixed1:
      return 1;
    case PhysicalType::kFixed2:
      return 2;
    case PhysicalType::kFixed4:
      return 4;
    case PhysicalType::kFixed8:
      return 8;
    case PhysicalType::kFixed16:
      return 16;
    case PhysicalType::kBytes:
    case PhysicalType::kList:
      return 0;
  }
  VARVE_CHECK(false);
}

std::string Type::ToString() const {
  if (kind_ == TypeKind::kList) return element().ToString() + "[]";
  if (kind_ == TypeKind::kDecimal) return fmt::format("numeric({},{})", precision_, scale_);
  for (const Naming& naming : kNames) {
    if (naming.kind == kind_) return std::string(naming.canonical);
  }
  VARVE_CHECK(false);
}

Result<Type> Type::Parse(std::string_view name) {
  if (name.ends_with("[]")) {
    VARVE_ASSIGN_OR_RETURN(Type element, Parse(name.substr(0, name.size() - 2)));
    if (element.kind() == TypeKind::kList) {
      return SqlErrorf(sqlstate::kFeatureNotSupported, "arrays of arrays are not supported: {}",
                       name);
    }
    return List(std::move(element));
  }
  for (const Naming& naming : kNames) {
    if (naming.canonical == name || naming.alias == name) return Type(naming.kind);
  }
  return SqlErrorf(sqlstate::kUndefinedObject, "type \"{}\" does not exist", name);
}

bool Type::operator==(const Type& other) const {
  if (kind_ != other.kind_ || precision_ != other.precision_ || scale_ != other.scale_)
    return false;
  return kind_ != TypeKind::kList || element() == other.element();
}

}  // namespace varve
