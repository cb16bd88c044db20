#include "engine/pg_type_names.h"

#include <array>
#include <string_view>
#include <utility>

namespace varve::engine {

std::string PostgresTypeName(const duckdb::LogicalType& type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kNames = {{
      {"boolean", "bool"},
      {"tinyint", "int2"},
      {"smallint", "int2"},
      {"integer", "int4"},
      {"bigint", "int8"},
      {"hugeint", "numeric"},
      {"float", "float4"},
      {"real", "float4"},
      {"double", "float8"},
      {"decimal", "numeric"},
      {"varchar", "text"},
      {"blob", "bytea"},
      {"timestamp with time zone", "timestamptz"},
      {"time with time zone", "timetz"},
      {"string", "text"},
      {"datetime", "timestamp"},
      {"utinyint", "int2"},
  }};
  std::string name = duckdb::StringUtil::Lower(type.ToString());
  const bool sized_text = name.starts_with("varchar(");
  if (const auto end = name.find_first_of("(["); end != std::string::npos) name.resize(end);
  std::erase(name, '"');
  if (sized_text) return "varchar";
  for (const auto& [duck, postgres] : kNames) {
    if (name == duck) return std::string(postgres);
  }
  return name;
}

namespace {

struct PgType {
  int64_t oid;
  int64_t array_oid;
  std::string_view name;   // as in pg_type
  std::string_view title;  // as in format_type()
};

constexpr std::array<PgType, 23> kTypes = {{
    {16, 1000, "bool", "boolean"},
    {17, 1001, "bytea", "bytea"},
    {18, 1002, "char", "\"char\""},
    {19, 1003, "name", "name"},
    {20, 1016, "int8", "bigint"},
    {21, 1005, "int2", "smallint"},
    {23, 1007, "int4", "integer"},
    {25, 1009, "text", "text"},
    {26, 1028, "oid", "oid"},
    {114, 199, "json", "json"},
    {700, 1021, "float4", "real"},
    {701, 1022, "float8", "double precision"},
    {1042, 1014, "bpchar", "character"},
    {1043, 1015, "varchar", "character varying"},
    {1082, 1182, "date", "date"},
    {1083, 1183, "time", "time without time zone"},
    {1114, 1115, "timestamp", "timestamp without time zone"},
    {1184, 1185, "timestamptz", "timestamp with time zone"},
    {1186, 1187, "interval", "interval"},
    {1266, 1270, "timetz", "time with time zone"},
    {1700, 1231, "numeric", "numeric"},
    {2950, 2951, "uuid", "uuid"},
    {3802, 3807, "jsonb", "jsonb"},
}};

}  // namespace

std::string PostgresTypeTitle(const duckdb::LogicalType& type) {
  if (type.id() == duckdb::LogicalTypeId::SQLNULL ||
      type.id() == duckdb::LogicalTypeId::STRING_LITERAL) {
    return "unknown";
  }
  const bool is_list = type.id() == duckdb::LogicalTypeId::LIST;
  std::string name = type.IsJSONType() ? "jsonb" : PostgresTypeName(type);
  for (const auto& known : kTypes) {
    if (known.name == name) return std::string(known.title) + (is_list ? "[]" : "");
  }
  return name;
}

std::string PostgresTypeOfOid(int64_t oid, int32_t modifier) {
  constexpr int32_t kHeader = 4;  // PostgreSQL adds it to lengths
  for (const auto& known : kTypes) {
    if (oid != known.oid && oid != known.array_oid) continue;
    std::string title(known.title);
    if (modifier >= kHeader && (known.name == "varchar" || known.name == "bpchar")) {
      title += "(" + std::to_string(modifier - kHeader) + ")";
    }
    if (modifier >= kHeader && known.name == "numeric") {
      const int32_t packed = modifier - kHeader;
      title += "(" + std::to_string(packed >> 16) + "," + std::to_string(packed & 0x7ff) + ")";
    }
    return title + (oid == known.array_oid ? "[]" : "");
  }
  return "???";
}

}  // namespace varve::engine
