#include "engine/table_ddl.h"

#include <algorithm>
#include <duckdb/common/types/interval.hpp>
#include <duckdb/parser/constraints/not_null_constraint.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <map>

#include "engine/type_mapping.h"
#include "lake/delta_schema.h"

namespace varve::engine {

using duckdb::ConstraintType;
using duckdb::StringUtil;

namespace {

// PostgreSQL's options of ordinary tables that users' scripts carry along are not known here: an
// option that does nothing would be a lie.
constexpr std::string_view kOptions[] = {"time_column", "partition_by", "sort_by",
                                         "bloom",       "key",          "retention"};

Result<std::string> OptionText(const std::string& name, const duckdb::ParsedExpression& value) {
  if (value.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF) {
    return value.Cast<duckdb::ColumnRefExpression>().GetColumnName();
  }
  if (value.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT) {
    const auto& constant = value.Cast<duckdb::ConstantExpression>().value;
    if (!constant.IsNull()) return constant.ToString();
  }
  return SqlErrorf(sqlstate::kInvalidParameterValue, "invalid value for table option \"{}\": {}",
                   name, value.ToString());
}

using OptionMap = std::map<std::string, std::string>;

Result<OptionMap> ReadOptions(
    const duckdb::case_insensitive_map_t<duckdb::unique_ptr<duckdb::ParsedExpression>>& given) {
  OptionMap options;
  for (const auto& [key, value] : given) {
    const std::string name = StringUtil::Lower(key);
    if (std::find(std::begin(kOptions), std::end(kOptions), name) == std::end(kOptions)) {
      return WithHint(
          SqlErrorf(sqlstate::kInvalidParameterValue, "unrecognized table option \"{}\"", name),
          "Known options are time_column, partition_by, sort_by, bloom and retention.");
    }
    VARVE_ASSIGN_OR_RETURN(options[name], OptionText(name, *value));
  }
  return options;
}

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> parts;
  for (auto& part : StringUtil::Split(text, ',')) {
    StringUtil::Trim(part);
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

Result<uint32_t> ColumnNamed(const TableDef& table, const std::string& option,
                             const std::string& column) {
  const auto index = table.FindColumn(column);
  if (!index) {
    return SqlErrorf(sqlstate::kUndefinedColumn,
                     "column \"{}\" named in table option \"{}\" does not exist", column, option);
  }
  return *index;
}

Result<int64_t> RetentionOf(const std::string& text) {
  duckdb::Value value;
  std::string message;
  // A number alone would be seconds, and take nearly all rows out where days were meant.
  const bool has_unit = text.find_first_not_of("0123456789.+- ") != std::string::npos;
  if (!has_unit ||
      !duckdb::Value(text).DefaultTryCastAs(duckdb::LogicalType::INTERVAL, value, &message)) {
    return SqlErrorf(sqlstate::kInvalidParameterValue,
                     "invalid value for table option \"retention\": \"{}\", which is not an "
                     "interval with its unit, as in '30 days'",
                     text);
  }
  const int64_t micros = duckdb::Interval::GetMicro(value.GetValue<duckdb::interval_t>());
  if (micros <= 0) {
    return SqlError(sqlstate::kInvalidParameterValue,
                    "table option \"retention\" must be a positive interval");
  }
  return micros;
}

Status CheckConstraints(const duckdb::CreateTableInfo& info) {
  for (const auto& constraint : info.constraints) {
    switch (constraint->type) {
      case ConstraintType::NOT_NULL:
        break;
      case ConstraintType::UNIQUE:
        return WithHint(SqlError(sqlstate::kFeatureNotSupported,
                                 "PRIMARY KEY and UNIQUE are not supported for Varve tables"),
                        "Rows are appended as they come; leave the constraint out.");
      case ConstraintType::FOREIGN_KEY:
        return SqlError(sqlstate::kFeatureNotSupported,
                        "FOREIGN KEY is not supported for Varve tables");
      default:
        return SqlError(sqlstate::kFeatureNotSupported, "CHECK is not supported for Varve tables");
    }
  }
  return OkStatus();
}

// What the lake cannot store is refused when the table is made, not when it is first flushed.
Status CheckLakeType(const ColumnDef& column) {
  const auto stored = lake::DeltaType(column.type);
  return stored.ok() ? OkStatus()
                     : Annotate(stored.status(), fmt::format("column \"{}\"", column.name));
}

Status ReadColumns(const duckdb::CreateTableInfo& info, TableDef& table) {
  for (const auto& column : info.columns.Logical()) {
    if (column.Generated()) {
      return SqlErrorf(sqlstate::kFeatureNotSupported,
                       "generated column \"{}\": not supported for Varve tables", column.Name());
    }
    ColumnDef definition;
    definition.id = ColumnId(static_cast<uint32_t>(table.columns.size()) + 1);
    definition.name = column.Name();
    auto type = ColumnTypeFromDuck(column.Type());
    if (!type.ok()) return Annotate(type.status(), fmt::format("column \"{}\"", column.Name()));
    definition.type = *type;
    VARVE_RETURN_IF_ERROR(CheckLakeType(definition));
    if (column.HasDefaultValue()) definition.default_sql = column.DefaultValue().ToString();
    table.columns.push_back(std::move(definition));
  }
  if (table.columns.size() >= kColumnsMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex, "tables can have at most {} columns",
                     kColumnsMax - 1);
  }
  for (const auto& constraint : info.constraints) {
    if (constraint->type != ConstraintType::NOT_NULL) continue;
    const auto index = constraint->Cast<duckdb::NotNullConstraint>().index.index;
    table.columns.at(index).nullable = false;
  }
  return OkStatus();
}

// Named by the option, or called `timestamp`, or the only timestamptz.
Status FindTimeColumn(const OptionMap& options, TableDef& table) {
  const auto is_time = [&](uint32_t i) {
    return table.columns[i].type.kind() == TypeKind::kTimestampTz;
  };
  if (const auto named = options.find("time_column"); named != options.end()) {
    VARVE_ASSIGN_OR_RETURN(table.time_column, ColumnNamed(table, "time_column", named->second));
    if (is_time(table.time_column)) return OkStatus();
    return SqlErrorf(sqlstate::kInvalidTableDefinition,
                     "time column \"{}\" must be of type timestamp with time zone", named->second);
  }
  if (const auto index = table.FindColumn("timestamp"); index && is_time(*index)) {
    table.time_column = *index;
    return OkStatus();
  }
  std::vector<uint32_t> candidates;
  for (uint32_t i = 0; i < table.columns.size(); i++) {
    if (is_time(i)) candidates.push_back(i);
  }
  if (candidates.size() != 1) {
    return WithHint(
        SqlErrorf(
            sqlstate::kInvalidTableDefinition,
            "table \"{}\" has no time column: {} columns are of type timestamp with time zone",
            table.name.table, candidates.size()),
        "Name one: CREATE TABLE ... WITH (time_column = 'column'), or use CREATE TEMPORARY TABLE.");
  }
  table.time_column = candidates[0];
  return OkStatus();
}

Status FindPartitions(const OptionMap& options, duckdb::CreateTableInfo& info, TableDef& table) {
  const auto given = options.find("partition_by");
  for (const auto& name : SplitList(given == options.end() ? "date" : given->second)) {
    auto index = table.FindColumn(name);
    if (!index && name == "date") {
      ColumnDef date;
      date.id = ColumnId(static_cast<uint32_t>(table.columns.size()) + 1);
      date.name = "date";
      date.type = Type(TypeKind::kDate);
      table.columns.push_back(date);
      info.columns.AddColumn(duckdb::ColumnDefinition("date", duckdb::LogicalType::DATE));
      index = static_cast<uint32_t>(table.columns.size() - 1);
    }
    if (!index) return ColumnNamed(table, "partition_by", name).status();
    if (std::find(table.partition_columns.begin(), table.partition_columns.end(), *index) !=
        table.partition_columns.end()) {
      return SqlErrorf(sqlstate::kInvalidParameterValue,
                       "column \"{}\" is named twice in table option \"partition_by\"", name);
    }
    auto& column = table.columns[*index];
    switch (column.type.kind()) {
      case TypeKind::kText:
      case TypeKind::kInt16:
      case TypeKind::kInt32:
      case TypeKind::kInt64:
        break;
      case TypeKind::kDate:
        // A partition column called date follows the time column.
        if (name == "date") {
          table.derived_date = *index;
          column.nullable = false;
        }
        break;
      default:
        return SqlErrorf(sqlstate::kFeatureNotSupported,
                         "partition column \"{}\" must be text, integer or date, not {}", name,
                         column.type.ToString());
    }
    table.partition_columns.push_back(*index);
  }
  return OkStatus();
}

Status FindSortOrder(const OptionMap& options, TableDef& table) {
  table.sort_order.push_back({table.time_column, true});
  const auto given = options.find("sort_by");
  if (given == options.end()) return OkStatus();
  for (const auto& entry : SplitList(given->second)) {
    auto words = StringUtil::Split(entry, ' ');
    const std::string direction = words.size() > 1 ? StringUtil::Lower(words.back()) : "asc";
    if (words.size() > 2 || (direction != "asc" && direction != "desc")) {
      return SqlErrorf(sqlstate::kInvalidParameterValue,
                       "invalid value for table option \"sort_by\": \"{}\"", entry);
    }
    VARVE_ASSIGN_OR_RETURN(const uint32_t index, ColumnNamed(table, "sort_by", words[0]));
    if (index == table.time_column) continue;
    if (table.columns[index].type.kind() == TypeKind::kList) {
      return SqlErrorf(sqlstate::kFeatureNotSupported, "cannot sort by array column \"{}\"",
                       words[0]);
    }
    table.sort_order.push_back({index, direction == "desc"});
  }
  return OkStatus();
}

Status ApplyOtherOptions(const OptionMap& options, TableDef& table) {
  if (const auto bloom = options.find("bloom"); bloom != options.end()) {
    for (auto& column : table.columns) column.bloom = false;
    for (const auto& name : SplitList(bloom->second)) {
      VARVE_ASSIGN_OR_RETURN(const uint32_t index, ColumnNamed(table, "bloom", name));
      table.columns[index].bloom = true;
    }
  }
  if (const auto key = options.find("key"); key != options.end()) {
    return SqlError(sqlstate::kFeatureNotSupported, "table option \"key\" is not supported yet");
  }
  if (const auto retention = options.find("retention"); retention != options.end()) {
    VARVE_ASSIGN_OR_RETURN(table.retention_us, RetentionOf(retention->second));
  }
  return OkStatus();
}

void WriteNotNulls(const TableDef& table, duckdb::CreateTableInfo& info) {
  info.constraints.clear();
  for (duckdb::idx_t i = 0; i < table.columns.size(); i++) {
    if (table.columns[i].nullable) continue;
    info.constraints.push_back(
        duckdb::make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
  }
}

}  // namespace

Result<TableDef> PlanCreateTable(duckdb::CreateTableInfo& info) {
  TableDef table;
  table.name = {info.schema, info.table};
  VARVE_ASSIGN_OR_RETURN(const OptionMap options, ReadOptions(info.options));
  info.options.clear();
  VARVE_RETURN_IF_ERROR(CheckConstraints(info));
  VARVE_RETURN_IF_ERROR(ReadColumns(info, table));
  VARVE_RETURN_IF_ERROR(FindTimeColumn(options, table));
  table.columns[table.time_column].nullable = false;
  VARVE_RETURN_IF_ERROR(FindPartitions(options, info, table));
  VARVE_RETURN_IF_ERROR(FindSortOrder(options, table));
  VARVE_RETURN_IF_ERROR(ApplyOtherOptions(options, table));
  WriteNotNulls(table, info);
  return table;
}

Result<TableDef> PlanAddColumn(const TableDef& table, const duckdb::AddColumnInfo& info) {
  const auto& column = info.new_column;
  if (column.Generated() || column.HasDefaultValue()) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "ALTER TABLE ADD COLUMN \"{}\" with a default or a generated value is not "
                     "supported for Varve tables",
                     column.Name());
  }
  if (table.columns.size() >= kColumnsMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex, "tables can have at most {} columns",
                     kColumnsMax);
  }
  TableDef wider = table;
  ColumnDef definition;
  uint32_t highest = 0;
  for (const auto& existing : table.columns) highest = std::max(highest, existing.id.value);
  definition.id = ColumnId(highest + 1);
  definition.name = column.Name();
  VARVE_ASSIGN_OR_RETURN(definition.type, ColumnTypeFromDuck(column.Type()));
  VARVE_RETURN_IF_ERROR(CheckLakeType(definition));
  wider.columns.push_back(std::move(definition));
  wider.schema_version++;
  return wider;
}

Result<TableDef> PlanSetOptions(const TableDef& table, const duckdb::SetTableOptionsInfo& info) {
  VARVE_ASSIGN_OR_RETURN(const OptionMap options, ReadOptions(info.table_options));
  for (const auto& [name, value] : options) {
    if (name == "retention" || name == "bloom") continue;
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "table option \"{}\" cannot be changed after CREATE TABLE", name);
  }
  TableDef changed = table;
  VARVE_RETURN_IF_ERROR(ApplyOtherOptions(options, changed));
  changed.schema_version++;
  return changed;
}

Result<TableDef> PlanResetOptions(const TableDef& table,
                                  const duckdb::ResetTableOptionsInfo& info) {
  TableDef changed = table;
  for (const auto& option : info.table_options) {
    if (StringUtil::CIEquals(option, "retention")) {
      changed.retention_us.reset();
    } else if (StringUtil::CIEquals(option, "bloom")) {
      for (auto& column : changed.columns) column.bloom = false;
    } else {
      return SqlErrorf(sqlstate::kInvalidParameterValue, "table option \"{}\" cannot be reset",
                       option);
    }
  }
  changed.schema_version++;
  return changed;
}

}  // namespace varve::engine
