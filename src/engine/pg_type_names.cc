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

}  // namespace varve::engine
