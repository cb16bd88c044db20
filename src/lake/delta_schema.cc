#include "lake/delta_schema.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lake/json_text.h"

namespace varve::lake {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTypeKey = "varve.type";
constexpr const char* kColumnIdKey = "varve.columnId";

// Writing a value as JSON takes stack for each level.
constexpr int kDepthMax = 200;

struct TypeName {
  TypeKind kind;
  std::string_view delta;
};

// The first entry of a Delta name is the type it is read as.
constexpr TypeName kTypeNames[] = {
    {TypeKind::kBool, "boolean"},
    {TypeKind::kInt16, "short"},
    {TypeKind::kInt16, "byte"},
    {TypeKind::kInt32, "integer"},
    {TypeKind::kInt64, "long"},
    {TypeKind::kFloat32, "float"},
    {TypeKind::kFloat64, "double"},
    {TypeKind::kText, "string"},
    {TypeKind::kJson, "string"},
    {TypeKind::kUuid, "string"},
    {TypeKind::kBytea, "binary"},
    {TypeKind::kDate, "date"},
    {TypeKind::kTimestampTz, "timestamp"},
};

Result<Json> TypeJson(const Type& type) {
  if (type.kind() == TypeKind::kDecimal) {
    return Json(fmt::format("decimal({},{})", type.precision(), type.scale()));
  }
  if (type.kind() == TypeKind::kList) {
    VARVE_ASSIGN_OR_RETURN(Json element, TypeJson(type.element()));
    Json array;
    array["type"] = "array";
    array["elementType"] = std::move(element);
    array["containsNull"] = true;
    return array;
  }
  for (const TypeName& name : kTypeNames) {
    if (name.kind == type.kind()) return Json(name.delta);
  }
  return SqlErrorf(sqlstate::kFeatureNotSupported, "type {} is not supported in Delta tables",
                   type.ToString());
}

std::optional<Type> ParseDecimal(std::string_view name) {
  if (!name.starts_with("decimal(") || !name.ends_with(")")) return std::nullopt;
  name.remove_prefix(8);
  name.remove_suffix(1);
  int numbers[2] = {0, 0};
  int index = 0;
  for (const char c : name) {
    if (c == ',' && index == 0) {
      index = 1;
    } else if (c >= '0' && c <= '9' && numbers[index] < 100) {
      numbers[index] = numbers[index] * 10 + (c - '0');
    } else if (c != ' ') {
      return std::nullopt;
    }
  }
  if (numbers[0] < 1 || numbers[0] > 38 || numbers[1] > numbers[0]) return std::nullopt;
  return Type::Decimal(static_cast<uint8_t>(numbers[0]), static_cast<uint8_t>(numbers[1]));
}

std::optional<Type> ParseType(const Json& json) {
  if (json.is_string()) {
    const auto& name = json.get_ref<const std::string&>();
    for (const TypeName& known : kTypeNames) {
      if (known.delta == name) return Type(known.kind);
    }
    return ParseDecimal(name);
  }
  if (!json.is_object() || json.value("type", Json()) != "array") return std::nullopt;
  // Lists of lists are not read, however deep somebody has nested them.
  const auto inner = json.find("elementType");
  if (inner == json.end() || !inner->is_string()) return std::nullopt;
  std::optional<Type> element = ParseType(*inner);
  if (!element) return std::nullopt;
  return Type::List(*std::move(element));
}

// The type that Varve gave the column, if it still has the Delta type which that becomes.
std::optional<Type> TypeOfMetadata(const Json& metadata, const Json& delta_type) {
  const auto name = metadata.find(kTypeKey);
  if (name == metadata.end() || !name->is_string()) return std::nullopt;
  Result<Type> type = Type::Parse(name->get<std::string>());
  if (!type.ok()) return std::nullopt;
  const Result<Json> back = TypeJson(*type);
  if (!back.ok() || *back != delta_type) return std::nullopt;
  return *std::move(type);
}

// How deep lists and objects lie in each other.
int DepthOf(std::string_view json) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); i++) {
    const char c = json[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') i++;
    if (in_string) continue;
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') depth--;
  }
  return deepest;
}

Result<Json> ParseStruct(std::string_view schema_json) {
  if (DepthOf(schema_json) > kDepthMax) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "a schema of the Delta table is nested more than {} levels deep", kDepthMax);
  }
  Json schema = Json::parse(schema_json, nullptr, /*allow_exceptions=*/false);
  if (!schema.is_object() || schema.value("type", Json()) != "struct" ||
      !schema.contains("fields") || !schema["fields"].is_array()) {
    return DataLoss("schema of the Delta table is malformed");
  }
  for (const Json& field : schema["fields"]) {
    if (!field.is_object() || !field.contains("name") || !field["name"].is_string() ||
        !field.contains("type")) {
      return DataLoss("schema of the Delta table is malformed: a field has no name or no type");
    }
  }
  return schema;
}

const Json* FindField(const Json& fields, const std::string& name) {
  for (const Json& field : fields) {
    if (field["name"] == name) return &field;
  }
  return nullptr;
}

Result<Json> FieldJson(const ColumnDef& column, const Json* previous, bool is_added) {
  Result<Json> type = TypeJson(column.type);
  if (!type.ok()) {
    return Annotate(type.status(), fmt::format("column \"{}\"", column.name));
  }
  // What another engine has declared, and is read as this type, stays as it is.
  const bool is_same = previous != nullptr && ParseType((*previous)["type"]) == column.type;
  Json field;
  field["name"] = column.name;
  field["type"] = is_same ? (*previous)["type"] : *std::move(type);
  const bool was_nullable = previous != nullptr && previous->value("nullable", Json(true)) != false;
  field["nullable"] = column.nullable || is_added || was_nullable;
  field["metadata"] = Json::object();
  if (previous != nullptr && previous->contains("metadata") &&
      (*previous)["metadata"].is_object()) {
    field["metadata"] = (*previous)["metadata"];
  }
  field["metadata"][kTypeKey] = column.type.ToString();
  field["metadata"][kColumnIdKey] = column.id.value;
  return field;
}

}  // namespace

Result<std::string> DeltaType(const Type& type) {
  VARVE_ASSIGN_OR_RETURN(const Json json, TypeJson(type));
  return json.is_string() ? json.get<std::string>() : DumpJson(json);
}

Result<std::string> SchemaJson(const TableDef& table, std::string_view previous) {
  Json old_fields = Json::array();
  if (!previous.empty()) {
    VARVE_ASSIGN_OR_RETURN(const Json old_schema, ParseStruct(previous));
    old_fields = old_schema["fields"];
  }
  Json fields = Json::array();
  std::set<std::string> names;
  for (const ColumnDef& column : table.columns) {
    if (!names.insert(absl::AsciiStrToLower(column.name)).second) {
      return SqlErrorf(sqlstate::kDuplicateColumn,
                       "column names of a Delta table must differ in more than case: \"{}\"",
                       column.name);
    }
    const Json* old_field = FindField(old_fields, column.name);
    const bool is_added = !previous.empty() && old_field == nullptr;
    VARVE_ASSIGN_OR_RETURN(Json field, FieldJson(column, old_field, is_added));
    fields.push_back(std::move(field));
  }
  for (const Json& field : old_fields) {
    if (!table.FindColumn(field["name"].get<std::string>())) fields.push_back(field);
  }
  Json schema;
  schema["type"] = "struct";
  schema["fields"] = std::move(fields);
  return DumpJson(schema);
}

Result<std::vector<DeltaField>> ParseSchema(std::string_view schema_json) {
  VARVE_ASSIGN_OR_RETURN(const Json schema, ParseStruct(schema_json));
  std::vector<DeltaField> fields;
  for (const Json& json : schema["fields"]) {
    DeltaField field;
    field.name = json["name"].get<std::string>();
    const Json& type = json["type"];
    field.delta_type = type.is_string() ? type.get<std::string>() : DumpJson(type);
    field.nullable = json.value("nullable", Json(true)) != false;
    const Json metadata = json.value("metadata", Json::object());
    if (metadata.is_object()) {
      field.type = TypeOfMetadata(metadata, type);
      field.has_invariant = metadata.contains("delta.invariants");
      field.is_generated = metadata.contains("delta.generationExpression") ||
                           metadata.contains("delta.identity.start");
      const auto id = metadata.find(kColumnIdKey);
      if (id != metadata.end() && id->is_number_unsigned() && id->get<uint64_t>() <= UINT32_MAX) {
        field.column_id = ColumnId(id->get<uint32_t>());
      }
    }
    if (!field.type) field.type = ParseType(type);
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace varve::lake
