#include "server/pg/parameter_text.h"

#include "ingest/value_binary.h"
#include "ingest/value_text.h"
#include "server/core/value_text.h"
#include "server/pg/numeric_binary.h"

namespace varve::server::pg {
namespace {

constexpr Oid kOidOid = 26;
constexpr Oid kNumericArrayOid = 1231;

}  // namespace

Result<std::string> ParameterTextOf(std::string_view bytes, bool binary, Oid oid) {
  const Type type = TypeOfOid(oid);
  // Drivers send a uuid without its hyphens, which PostgreSQL reads and the engine does not.
  if (!binary && type.kind() == TypeKind::kUuid) {
    ColumnBuilder uuid(type);
    VARVE_RETURN_IF_ERROR(ingest::AppendText(bytes, {}, uuid));
    std::string text;
    AppendValueText(uuid.Finish(), 0, {}, text);
    return text;
  }
  if (!binary || type.kind() == TypeKind::kText) {
    VARVE_RETURN_IF_ERROR(ingest::CheckText(bytes));
    return std::string(bytes);
  }
  if (oid == kNumericOid) return NumericTextOf(bytes);
  if (type.kind() == TypeKind::kUnknown || oid == kNumericArrayOid) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "a binary parameter of type number {} is not supported", oid);
  }
  // An oid is unsigned and four bytes wide, though the model keeps it as a bigint.
  ColumnBuilder builder(oid == kOidOid ? Type(TypeKind::kInt32) : type);
  VARVE_RETURN_IF_ERROR(ingest::AppendBinary(bytes, builder));
  const Column column = builder.Finish();
  if (oid == kOidOid) return std::to_string(column.Fixed<uint32_t>(0));
  std::string text;
  AppendValueText(column, 0, {}, text);
  return text;
}

}  // namespace varve::server::pg
