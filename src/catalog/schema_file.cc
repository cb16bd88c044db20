#include "catalog/schema_file.h"

#include <yaml-cpp/yaml.h>

namespace varve::catalog {
namespace {

Result<uint32_t> ColumnIndex(const TableDef& table, const std::string& column,
                             std::string_view key) {
  const auto index = table.FindColumn(column);
  if (!index) return InvalidArgument("{}: {} names no column: {}", table.name.table, key, column);
  return *index;
}

Status ReadColumns(const YAML::Node& columns, TableDef& table) {
  if (!columns.IsSequence() || columns.size() == 0 || columns.size() > kColumnsMax) {
    return InvalidArgument("{}: columns is not a list of 1 to {}", table.name.table, kColumnsMax);
  }
  for (const YAML::Node& node : columns) {
    ColumnDef column;
    column.name = node["name"].as<std::string>();
    if (table.FindColumn(column.name)) {
      return InvalidArgument("{}: column {} is there twice", table.name.table, column.name);
    }
    VARVE_ASSIGN_OR_RETURN(column.type, Type::Parse(node["type"].as<std::string>()));
    column.nullable = node["nullable"].as<bool>(true);
    column.bloom = node["bloom"].as<bool>(false);
    column.id = ColumnId(static_cast<uint32_t>(table.columns.size() + 1));
    table.columns.push_back(std::move(column));
  }
  return OkStatus();
}

Result<SortKey> ReadSortKey(const TableDef& table, const std::string& text) {
  const size_t space = text.find(' ');
  const std::string direction = space == std::string::npos ? "asc" : text.substr(space + 1);
  if (direction != "asc" && direction != "desc") {
    return InvalidArgument("{}: sort_by knows asc and desc: {}", table.name.table, text);
  }
  VARVE_ASSIGN_OR_RETURN(const uint32_t column,
                         ColumnIndex(table, text.substr(0, space), "sort_by"));
  return SortKey{column, direction == "desc"};
}

Status ReadLayout(const YAML::Node& root, TableDef& table) {
  VARVE_ASSIGN_OR_RETURN(table.time_column,
                         ColumnIndex(table, root["time_column"].as<std::string>(), "time_column"));
  const ColumnDef& time = table.columns[table.time_column];
  if (time.type.kind() != TypeKind::kTimestampTz || time.nullable) {
    return InvalidArgument("{}: the time column {} is not a timestamptz that forbids NULL",
                           table.name.table, time.name);
  }
  for (const YAML::Node& node : root["partition_by"]) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t column,
                           ColumnIndex(table, node.as<std::string>(), "partition_by"));
    table.partition_columns.push_back(column);
    if (table.columns[column].name == "date" &&
        table.columns[column].type.kind() == TypeKind::kDate) {
      table.derived_date = column;
    }
  }
  for (const YAML::Node& node : root["sort_by"]) {
    VARVE_ASSIGN_OR_RETURN(const SortKey key, ReadSortKey(table, node.as<std::string>()));
    table.sort_order.push_back(key);
  }
  return OkStatus();
}

}  // namespace

Result<TableDef> ParseSchemaFile(const std::string& yaml) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    TableDef table;
    table.name = {root["schema"].as<std::string>("public"), root["table"].as<std::string>()};
    VARVE_RETURN_IF_ERROR(ReadColumns(root["columns"], table));
    VARVE_RETURN_IF_ERROR(ReadLayout(root, table));
    return table;
  } catch (const YAML::Exception& error) {  // yaml-cpp reports by exception only.
    return InvalidArgument("schema file: {}", error.what());
  }
}

}  // namespace varve::catalog
