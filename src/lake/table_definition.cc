#include "lake/table_definition.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lake/delta_schema.h"
#include "lake/json_text.h"

namespace varve::lake {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDefinitionVersion = 1;

Status BadValue(std::string_view what) {
  return DataLoss("\"{}\" of the Delta table is malformed: {}", kDefinitionKey, what);
}

Result<uint32_t> IndexOf(const TableDef& table, const std::string& column) {
  const auto index = table.FindColumn(column);
  if (!index) return BadValue("it names the unknown column " + column);
  return *index;
}

// Columns without an id, or with one that another has, get the next free ones.
void GiveIds(const std::vector<DeltaField>& fields, TableDef& table) {
  std::set<uint32_t> taken;
  uint32_t highest = 0;
  std::vector<bool> has_id(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto& id = fields[i].column_id;
    if (!id || id->value == 0 || !taken.insert(id->value).second) continue;
    table.columns[i].id = *id;
    has_id[i] = true;
    highest = std::max(highest, id->value);
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!has_id[i]) table.columns[i].id = ColumnId(++highest);
  }
}

Status ReadColumns(const Metadata& metadata, TableDef& table) {
  VARVE_ASSIGN_OR_RETURN(const std::vector<DeltaField> fields, ParseSchema(metadata.schema_json));
  if (fields.size() > kColumnsMax) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "the Delta table has {} columns; tables can have at most {}", fields.size(),
                     kColumnsMax);
  }
  for (const DeltaField& field : fields) {
    if (!field.type) {
      return SqlErrorf(sqlstate::kFeatureNotSupported,
                       "column \"{}\" of the Delta table has a type that is not supported: {}",
                       field.name, field.delta_type);
    }
    ColumnDef column;
    column.name = field.name;
    column.type = *field.type;
    column.nullable = field.nullable;
    table.columns.push_back(std::move(column));
  }
  GiveIds(fields, table);
  for (const std::string& name : metadata.partition_columns) {
    const auto index = table.FindColumn(name);
    if (!index) {
      return DataLoss("partition column \"{}\" of the Delta table is not in its schema", name);
    }
    const Type& type = table.columns[*index].type;
    switch (type.kind()) {
      case TypeKind::kText:
      case TypeKind::kInt16:
      case TypeKind::kInt32:
      case TypeKind::kInt64:
      case TypeKind::kDate:
        break;
      default:
        return SqlErrorf(sqlstate::kFeatureNotSupported,
                         "partition column \"{}\" must be text, integer or date, not {}", name,
                         type.ToString());
    }
    table.partition_columns.push_back(*index);
  }
  return OkStatus();
}

QualifiedName NameOfFolder(std::string_view location) {
  const std::string_view folder = location.substr(location.rfind('/') + 1);
  const size_t dot = folder.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == folder.size()) {
    return {"public", std::string(folder)};
  }
  return {std::string(folder.substr(0, dot)), std::string(folder.substr(dot + 1))};
}

Status GuessTimeColumn(TableDef& table) {
  std::vector<uint32_t> candidates;
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    const auto& partitions = table.partition_columns;
    if (table.columns[i].type.kind() != TypeKind::kTimestampTz ||
        std::find(partitions.begin(), partitions.end(), i) != partitions.end()) {
      continue;
    }
    if (table.columns[i].name == "timestamp") {
      candidates = {i};
      break;
    }
    candidates.push_back(i);
  }
  if (candidates.size() != 1) {
    return SqlErrorf(sqlstate::kInvalidTableDefinition,
                     "the Delta table has no time column: none is called timestamp, and {} are of "
                     "type timestamp with time zone",
                     candidates.size());
  }
  table.time_column = candidates[0];
  return OkStatus();
}

Status ReadOptions(const Json& json, TableDef& table) {
  table.name = {json.at("schema").get<std::string>(), json.at("table").get<std::string>()};
  VARVE_ASSIGN_OR_RETURN(table.time_column,
                         IndexOf(table, json.at("time_column").get<std::string>()));
  if (table.columns[table.time_column].type.kind() != TypeKind::kTimestampTz) {
    return BadValue("its time column is not a timestamp with time zone");
  }
  for (const Json& key : json.at("sort_by")) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t index, IndexOf(table, key.at(0).get<std::string>()));
    table.sort_order.push_back({index, key.at(1).get<bool>()});
  }
  if (json.contains("derived_date")) {
    VARVE_ASSIGN_OR_RETURN(table.derived_date,
                           IndexOf(table, json.at("derived_date").get<std::string>()));
    if (table.columns[*table.derived_date].type.kind() != TypeKind::kDate) {
      return BadValue("its derived date is not a date");
    }
  }
  for (const Json& name : json.at("bloom")) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t index, IndexOf(table, name.get<std::string>()));
    table.columns[index].bloom = true;
  }
  for (const auto& [name, sql] : json.at("defaults").items()) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t index, IndexOf(table, name));
    table.columns[index].default_sql = sql.get<std::string>();
  }
  if (json.contains("retention_us")) {
    table.retention_us = json.at("retention_us").get<int64_t>();
    if (*table.retention_us <= 0) return BadValue("its retention is not positive");
  }
  return OkStatus();
}

}  // namespace

std::string DefinitionValue(const TableDef& table) {
  const auto name_of = [&](uint32_t index) { return table.columns[index].name; };
  Json json;
  json["v"] = kDefinitionVersion;
  json["schema"] = table.name.schema;
  json["table"] = table.name.table;
  json["time_column"] = name_of(table.time_column);
  json["sort_by"] = Json::array();
  for (const SortKey& key : table.sort_order) {
    json["sort_by"].push_back(Json::array({name_of(key.column), key.descending}));
  }
  if (table.derived_date) json["derived_date"] = name_of(*table.derived_date);
  json["bloom"] = Json::array();
  json["defaults"] = Json::object();
  for (const ColumnDef& column : table.columns) {
    if (column.bloom) json["bloom"].push_back(column.name);
    if (!column.default_sql.empty()) json["defaults"][column.name] = column.default_sql;
  }
  if (table.retention_us) json["retention_us"] = *table.retention_us;
  return DumpJson(json);
}

bool SameDefinition(const TableDef& a, const TableDef& b) {
  return a.columns.size() == b.columns.size() && DefinitionValue(a) == DefinitionValue(b);
}

bool HasDefinition(const Metadata& metadata) {
  return metadata.configuration.find(kDefinitionKey) != metadata.configuration.end();
}

Result<TableDef> ReadDefinition(const Metadata& metadata, std::string_view location) {
  TableDef table;
  table.location = location;
  VARVE_RETURN_IF_ERROR(ReadColumns(metadata, table));
  const auto value = metadata.configuration.find(kDefinitionKey);
  if (value == metadata.configuration.end()) {
    table.name = NameOfFolder(location);
    VARVE_RETURN_IF_ERROR(GuessTimeColumn(table));
  } else {
    const Json json = Json::parse(value->second, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return BadValue("it is not a JSON object");
    try {
      if (json.at("v").get<int>() > kDefinitionVersion) {
        return SqlErrorf(sqlstate::kFeatureNotSupported,
                         "the table was made by a newer Varve: \"{}\" has format {}",
                         kDefinitionKey, json.at("v").get<int>());
      }
      VARVE_RETURN_IF_ERROR(ReadOptions(json, table));
    } catch (const Json::exception& e) {
      return BadValue(e.what());
    }
  }
  if (table.sort_order.empty()) table.sort_order.push_back({table.time_column, true});
  // Rows that come through Varve have a time, whatever other writers do.
  table.columns[table.time_column].nullable = false;
  return table;
}

Result<TableDef> Reconcile(const TableDef& mine, const TableDef& lake, bool lake_has_options) {
  const auto names = [](const TableDef& table, const std::vector<uint32_t>& columns) {
    std::vector<std::string> result;
    result.reserve(columns.size());
    for (const uint32_t column : columns) result.push_back(table.columns[column].name);
    return result;
  };
  if (names(mine, mine.partition_columns) != names(lake, lake.partition_columns) ||
      (lake_has_options &&
       mine.columns[mine.time_column].name != lake.columns[lake.time_column].name)) {
    return FailedPrecondition("the Delta table has another time column or other partitions");
  }
  TableDef merged = mine;
  uint32_t highest = 0;
  for (const ColumnDef& column : mine.columns) highest = std::max(highest, column.id.value);
  for (const ColumnDef& theirs : lake.columns) {
    const auto index = merged.FindColumn(theirs.name);
    if (!index) {
      ColumnDef added = theirs;
      if (merged.FindColumn(added.id)) added.id = ColumnId(highest + 1);
      highest = std::max(highest, added.id.value);
      merged.columns.push_back(std::move(added));
      continue;
    }
    ColumnDef& own = merged.columns[*index];
    if (!(own.type == theirs.type)) {
      return FailedPrecondition("column \"{}\" is {} in the Delta table, not {}", own.name,
                                theirs.type.ToString(), own.type.ToString());
    }
    if (!lake_has_options) continue;
    own.bloom = theirs.bloom;
    own.default_sql = theirs.default_sql;
  }
  if (!lake_has_options) return merged;
  merged.retention_us = lake.retention_us;
  merged.sort_order.clear();
  for (const SortKey& key : lake.sort_order) {
    merged.sort_order.push_back(
        {*merged.FindColumn(lake.columns[key.column].name), key.descending});
  }
  merged.derived_date.reset();
  if (lake.derived_date) {
    merged.derived_date = merged.FindColumn(lake.columns[*lake.derived_date].name);
  }
  return merged;
}

}  // namespace varve::lake
