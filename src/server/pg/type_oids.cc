#include "server/pg/type_oids.h"

#include <array>

namespace varve::server::pg {
namespace {

struct Row {
  TypeKind kind;
  Oid oid;
  Oid array_oid;
  int16_t size;
};

// The first row of a kind is what results are called; further ones are names that clients send.
constexpr std::array kRows = {
    Row{TypeKind::kBool, 16, 1000, 1},
    Row{TypeKind::kBytea, 17, 1001, -1},
    Row{TypeKind::kInt64, 20, 1016, 8},
    Row{TypeKind::kInt16, 21, 1005, 2},
    Row{TypeKind::kInt32, 23, 1007, 4},
    Row{TypeKind::kText, kTextOid, 1009, -1},
    Row{TypeKind::kFloat32, 700, 1021, 4},
    Row{TypeKind::kFloat64, 701, 1022, 8},
    Row{TypeKind::kDate, 1082, 1182, 4},
    Row{TypeKind::kTime, 1083, 1183, 8},
    Row{TypeKind::kTimestamp, 1114, 1115, 8},
    Row{TypeKind::kTimestampTz, 1184, 1185, 8},
    Row{TypeKind::kInterval, 1186, 1187, 16},
    Row{TypeKind::kNumericText, kNumericOid, 1231, -1},
    Row{TypeKind::kDecimal, kNumericOid, 1231, -1},
    Row{TypeKind::kUuid, 2950, 2951, 16},
    Row{TypeKind::kJson, 3802, 3807, -1},
    Row{TypeKind::kUnknown, kTextOid, 1009, -1},
    Row{TypeKind::kJson, kJsonOid, 199, -1},
    Row{TypeKind::kText, 18, 1002, 1},     // "char"
    Row{TypeKind::kText, 19, 1003, 64},    // name
    Row{TypeKind::kText, 1042, 1014, -1},  // character
    Row{TypeKind::kText, 1043, 1015, -1},  // character varying
    Row{TypeKind::kInt64, 26, 1028, 4},    // oid
};

const Row& RowOf(TypeKind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) return row;
  }
  static constexpr Row kText{TypeKind::kText, kTextOid, 1009, -1};
  return kText;
}

const Type& InnermostOf(const Type& type) {
  const Type* inner = &type;
  while (inner->kind() == TypeKind::kList) inner = &inner->element();
  return *inner;
}

}  // namespace

Oid OidOf(const Type& type) {
  if (type.kind() == TypeKind::kList) return RowOf(InnermostOf(type).kind()).array_oid;
  return RowOf(type.kind()).oid;
}

int16_t TypeSizeOf(const Type& type) {
  return type.kind() == TypeKind::kList ? int16_t{-1} : RowOf(type.kind()).size;
}

int32_t TypeModifierOf(const Type& type) {
  const Type& inner = InnermostOf(type);
  if (inner.kind() != TypeKind::kDecimal) return -1;
  constexpr int32_t kHeaderBytes = 4;
  return ((inner.precision() << 16) | inner.scale()) + kHeaderBytes;
}

Type TypeOfOid(Oid oid) {
  for (const Row& row : kRows) {
    if (row.kind == TypeKind::kDecimal || row.kind == TypeKind::kUnknown) continue;
    if (row.oid == oid) return Type(row.kind);
    if (row.array_oid == oid) return Type::List(Type(row.kind));
  }
  return Type(TypeKind::kUnknown);
}

}  // namespace varve::server::pg
