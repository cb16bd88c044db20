#include "engine/definition_codec.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace varve::engine {

using Json = nlohmann::json;

namespace {

// Type::ToString's text; Type::Parse does not read precision and scale.
Result<Type> ParseType(const std::string& text) {
  if (text.ends_with("[]")) {
    VARVE_ASSIGN_OR_RETURN(Type element, ParseType(text.substr(0, text.size() - 2)));
    return Type::List(std::move(element));
  }
  unsigned precision = 0;
  unsigned scale = 0;
  if (std::sscanf(text.c_str(), "numeric(%u,%u)", &precision, &scale) == 2) {
    if (precision < 1 || precision > 38 || scale > precision) {
      return DataLoss("type out of range: {}", text);
    }
    return Type::Decimal(static_cast<uint8_t>(precision), static_cast<uint8_t>(scale));
  }
  return Type::Parse(text);
}

Result<uint32_t> IndexOf(const TableDef& table, const std::string& column) {
  const auto index = table.FindColumn(column);
  if (!index) return DataLoss("a definition names the unknown column {}", column);
  return *index;
}

Status DecodeColumns(const Json& json, TableDef& table) {
  for (const auto& entry : json.at("columns")) {
    ColumnDef column;
    column.id = ColumnId(entry.at("id").get<uint32_t>());
    column.name = entry.at("name").get<std::string>();
    VARVE_ASSIGN_OR_RETURN(column.type, ParseType(entry.at("type").get<std::string>()));
    column.nullable = entry.at("nullable").get<bool>();
    column.bloom = entry.value("bloom", false);
    column.default_sql = entry.value("default", "");
    table.columns.push_back(std::move(column));
  }
  return OkStatus();
}

Status DecodeRoles(const Json& json, TableDef& table) {
  VARVE_ASSIGN_OR_RETURN(table.time_column,
                         IndexOf(table, json.at("time_column").get<std::string>()));
  for (const auto& name : json.at("partition_by")) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t index, IndexOf(table, name.get<std::string>()));
    table.partition_columns.push_back(index);
  }
  for (const auto& key : json.at("sort_by")) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t index,
                           IndexOf(table, key.at("column").get<std::string>()));
    table.sort_order.push_back({index, key.at("descending").get<bool>()});
  }
  if (json.contains("derived_date")) {
    VARVE_ASSIGN_OR_RETURN(table.derived_date,
                           IndexOf(table, json.at("derived_date").get<std::string>()));
  }
  return OkStatus();
}

}  // namespace

std::string EncodeDefinition(const TableDef& table) {
  const auto name_of = [&](uint32_t index) { return table.columns[index].name; };
  Json json = {{"id", table.id.value},
               {"schema_version", table.schema_version},
               {"schema", table.name.schema},
               {"table", table.name.table},
               {"time_column", name_of(table.time_column)},
               {"location", table.location}};
  json["columns"] = Json::array();
  for (const auto& column : table.columns) {
    json["columns"].push_back({{"id", column.id.value},
                               {"name", column.name},
                               {"type", column.type.ToString()},
                               {"nullable", column.nullable},
                               {"bloom", column.bloom},
                               {"default", column.default_sql}});
  }
  json["partition_by"] = Json::array();
  for (const auto index : table.partition_columns) json["partition_by"].push_back(name_of(index));
  json["sort_by"] = Json::array();
  for (const auto& key : table.sort_order) {
    json["sort_by"].push_back({{"column", name_of(key.column)}, {"descending", key.descending}});
  }
  if (table.derived_date) json["derived_date"] = name_of(*table.derived_date);
  if (table.retention_us) json["retention_us"] = *table.retention_us;
  if (table.is_part()) {
    json["part_of"] = table.parent.value;
    json["project"] = table.project;
  }
  return json.dump();
}

Result<TableDef> DecodeDefinition(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    TableDef table;
    table.id = TableId(json.at("id").get<uint32_t>());
    table.schema_version = json.at("schema_version").get<uint32_t>();
    table.name = {json.at("schema").get<std::string>(), json.at("table").get<std::string>()};
    table.location = json.at("location").get<std::string>();
    VARVE_RETURN_IF_ERROR(DecodeColumns(json, table));
    VARVE_RETURN_IF_ERROR(DecodeRoles(json, table));
    if (json.contains("retention_us")) table.retention_us = json.at("retention_us").get<int64_t>();
    if (json.contains("part_of")) {
      table.parent = TableId(json.at("part_of").get<uint32_t>());
      table.project = json.at("project").get<std::string>();
    }
    return table;
  } catch (const Json::exception& e) {
    return DataLoss("a table definition in meta.duckdb cannot be read: {}", e.what());
  }
}

}  // namespace varve::engine
