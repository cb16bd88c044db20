#include "engine/type_mapping.h"

namespace varve::engine {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;

namespace {

// Wide enough for every DuckDB integer of 128 bits but the last digit, which our numeric carries
// too.
Type WideInteger() { return Type::Decimal(38, 0); }

bool IsNested(LogicalTypeId id) { return id == LogicalTypeId::LIST || id == LogicalTypeId::ARRAY; }

}  // namespace

LogicalType ToPlainDuck(const Type& type) {
  return type.kind() == TypeKind::kJson ? LogicalType(LogicalType::VARCHAR) : ToDuck(type);
}

LogicalType ToDuck(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kBool:
      return LogicalType::BOOLEAN;
    case TypeKind::kInt16:
      return LogicalType::SMALLINT;
    case TypeKind::kInt32:
      return LogicalType::INTEGER;
    case TypeKind::kInt64:
      return LogicalType::BIGINT;
    case TypeKind::kFloat32:
      return LogicalType::FLOAT;
    case TypeKind::kFloat64:
      return LogicalType::DOUBLE;
    case TypeKind::kJson:
      return LogicalType::JSON();
    case TypeKind::kBytea:
      return LogicalType::BLOB;
    case TypeKind::kDate:
      return LogicalType::DATE;
    case TypeKind::kTime:
      return LogicalType::TIME;
    case TypeKind::kTimestamp:
      return LogicalType::TIMESTAMP;
    case TypeKind::kTimestampTz:
      return LogicalType::TIMESTAMP_TZ;
    case TypeKind::kInterval:
      return LogicalType::INTERVAL;
    case TypeKind::kUuid:
      return LogicalType::UUID;
    case TypeKind::kDecimal:
      return LogicalType::DECIMAL(type.precision(), type.scale());
    case TypeKind::kList:
      return LogicalType::LIST(ToDuck(type.element()));
    case TypeKind::kText:
    case TypeKind::kNumericText:
    case TypeKind::kUnknown:
      break;
  }
  return LogicalType::VARCHAR;
}

Type FromDuck(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      return Type(TypeKind::kBool);
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::SMALLINT:
      return Type(TypeKind::kInt16);
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::INTEGER_LITERAL:
      return Type(TypeKind::kInt32);
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::BIGINT:
      return Type(TypeKind::kInt64);
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
      return WideInteger();
    case LogicalTypeId::UHUGEINT:
      return Type(TypeKind::kNumericText);
    case LogicalTypeId::FLOAT:
      return Type(TypeKind::kFloat32);
    case LogicalTypeId::DOUBLE:
      return Type(TypeKind::kFloat64);
    case LogicalTypeId::VARCHAR:
      return Type(type.IsJSONType() ? TypeKind::kJson : TypeKind::kText);
    case LogicalTypeId::BLOB:
      return Type(TypeKind::kBytea);
    case LogicalTypeId::DATE:
      return Type(TypeKind::kDate);
    case LogicalTypeId::TIME:
      return Type(TypeKind::kTime);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_NS:
      return Type(TypeKind::kTimestamp);
    case LogicalTypeId::TIMESTAMP_TZ:
      return Type(TypeKind::kTimestampTz);
    case LogicalTypeId::INTERVAL:
      return Type(TypeKind::kInterval);
    case LogicalTypeId::UUID:
      return Type(TypeKind::kUuid);
    case LogicalTypeId::DECIMAL:
      return Type::Decimal(duckdb::DecimalType::GetWidth(type),
                           duckdb::DecimalType::GetScale(type));
    case LogicalTypeId::LIST: {
      const auto& element = duckdb::ListType::GetChildType(type);
      return IsNested(element.id()) ? Type(TypeKind::kText) : Type::List(FromDuck(element));
    }
    case LogicalTypeId::ARRAY: {
      const auto& element = duckdb::ArrayType::GetChildType(type);
      return IsNested(element.id()) ? Type(TypeKind::kText) : Type::List(FromDuck(element));
    }
    case LogicalTypeId::SQLNULL:
    case LogicalTypeId::UNKNOWN:
    case LogicalTypeId::STRING_LITERAL:
      // PostgreSQL reports an untyped literal of a result as text.
    default:
      return Type(TypeKind::kText);
  }
}

Result<Type> ColumnTypeFromDuck(const LogicalType& type) {
  Type mapped = FromDuck(type);
  // A table holds exactly the types that come back as they went in.
  if (ToDuck(mapped) != type) {
    return SqlErrorf(sqlstate::kFeatureNotSupported, "type {} is not supported in a Varve table",
                     type.ToString());
  }
  return mapped;
}

LogicalType ReadableType(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::UHUGEINT:
      return LogicalType::VARCHAR;
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_NS:
      return ToDuck(FromDuck(type));
    case LogicalTypeId::HUGEINT:
      return type;  // read as it is: a cast to DECIMAL(38,0) would refuse its largest values
    case LogicalTypeId::LIST:
    case LogicalTypeId::ARRAY: {
      const Type mapped = FromDuck(type);
      if (mapped.kind() != TypeKind::kList) return LogicalType::VARCHAR;
      const auto& element = type.id() == LogicalTypeId::LIST
                                ? duckdb::ListType::GetChildType(type)
                                : duckdb::ArrayType::GetChildType(type);
      return LogicalType::LIST(ReadableType(element));
    }
    case LogicalTypeId::SQLNULL:
      return LogicalType::VARCHAR;
    default:
      return FromDuck(type).kind() == TypeKind::kText && type.id() != LogicalTypeId::VARCHAR
                 ? LogicalType::VARCHAR
                 : type;
  }
}

}  // namespace varve::engine
