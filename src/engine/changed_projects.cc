#include "engine/changed_projects.h"

#include <algorithm>
#include <duckdb/parser/expression/cast_expression.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/comparison_expression.hpp>
#include <duckdb/parser/expression/conjunction_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/expression/operator_expression.hpp>
#include <duckdb/parser/expression/parameter_expression.hpp>
#include <duckdb/parser/statement/delete_statement.hpp>
#include <duckdb/parser/statement/update_statement.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>

namespace varve::engine {

using duckdb::ExpressionType;
using duckdb::ParsedExpression;
using duckdb::StatementType;
using ParameterValues = duckdb::case_insensitive_map_t<duckdb::BoundParameterData>;

namespace {

class Condition {
 public:
  // `target`: how columns of the changed table are qualified; `alone`: there is no other table.
  Condition(std::string target, bool alone, const ParameterValues& values)
      : target_(std::move(target)), alone_(alone), values_(values) {}

  std::optional<ProjectNames> Read(const ParsedExpression& expression) const {
    switch (expression.GetExpressionType()) {
      case ExpressionType::CONJUNCTION_AND:
        return ReadAnd(expression.Cast<duckdb::ConjunctionExpression>());
      case ExpressionType::COMPARE_EQUAL: {
        const auto& equal = expression.Cast<duckdb::ComparisonExpression>();
        if (IsProject(*equal.left)) return Only(*equal.right);
        return IsProject(*equal.right) ? Only(*equal.left) : std::nullopt;
      }
      case ExpressionType::COMPARE_IN:
        return ReadIn(expression.Cast<duckdb::OperatorExpression>());
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<ProjectNames> ReadAnd(const duckdb::ConjunctionExpression& both) const {
    std::optional<ProjectNames> names;
    for (const auto& child : both.children) {
      auto more = Read(*child);
      if (!more) continue;
      if (names) std::erase_if(*more, [&](const auto& name) { return !names->contains(name); });
      names = std::move(more);
    }
    return names;
  }

  std::optional<ProjectNames> ReadIn(const duckdb::OperatorExpression& in) const {
    if (!IsProject(*in.children.at(0))) return std::nullopt;
    ProjectNames names;
    for (size_t i = 1; i < in.children.size(); i++) {
      const auto value = ValueOf(*in.children[i]);
      if (!value) return std::nullopt;
      names.insert(*value);
    }
    return names;
  }

  bool IsProject(const ParsedExpression& expression) const {
    if (expression.GetExpressionType() != ExpressionType::COLUMN_REF) return false;
    const auto& column = expression.Cast<duckdb::ColumnRefExpression>();
    if (!duckdb::StringUtil::CIEquals(column.GetColumnName(), std::string(kProjectColumn))) {
      return false;
    }
    if (!column.IsQualified()) return alone_;
    return duckdb::StringUtil::CIEquals(column.GetTableName(), target_);
  }

  std::optional<ProjectNames> Only(const ParsedExpression& expression) const {
    auto value = ValueOf(expression);
    if (!value) return std::nullopt;
    return ProjectNames{*std::move(value)};
  }

  std::optional<std::string> ValueOf(const ParsedExpression& expression) const {
    if (expression.GetExpressionType() == ExpressionType::VALUE_CONSTANT) {
      return TextOf(expression.Cast<duckdb::ConstantExpression>().value);
    }
    if (expression.GetExpressionType() == ExpressionType::VALUE_PARAMETER) {
      const auto& name = expression.Cast<duckdb::ParameterExpression>().identifier;
      const auto value = values_.find(name);
      return value == values_.end() ? std::nullopt : TextOf(value->second.GetValue());
    }
    return std::nullopt;
  }

  static std::optional<std::string> TextOf(const duckdb::Value& value) {
    if (value.IsNull() || value.type().id() != duckdb::LogicalTypeId::VARCHAR) return std::nullopt;
    return value.ToString();
  }

  const std::string target_;
  const bool alone_;
  const ParameterValues& values_;
};

std::string NameOf(const duckdb::TableRef& table) {
  if (!table.alias.empty() || table.type != duckdb::TableReferenceType::BASE_TABLE) {
    return table.alias;
  }
  return table.Cast<duckdb::BaseTableRef>().table_name;
}

bool HasRowOf(const TableDef& table, const Batch& batch, const ProjectNames& projects) {
  const auto index = table.project_column();
  const Column* const column = index ? batch.Find(table.columns[*index].id) : nullptr;
  if (column == nullptr) return false;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!column->IsNull(row) && projects.contains(column->Bytes(row))) return true;
  }
  return false;
}

}  // namespace

std::optional<ProjectNames> ProjectsNamed(const duckdb::SQLStatement& statement,
                                          const ParameterValues& values) {
  if (statement.type == StatementType::DELETE_STATEMENT) {
    const auto& change = statement.Cast<duckdb::DeleteStatement>();
    if (!change.condition) return std::nullopt;
    return Condition(NameOf(*change.table), change.using_clauses.empty(), values)
        .Read(*change.condition);
  }
  const auto& change = statement.Cast<duckdb::UpdateStatement>();
  if (!change.set_info->condition) return std::nullopt;
  return Condition(NameOf(*change.table), !change.from_table, values)
      .Read(*change.set_info->condition);
}

bool SetsColumn(const duckdb::SQLStatement& statement, std::string_view column) {
  if (statement.type != StatementType::UPDATE_STATEMENT) return false;
  const auto& set = statement.Cast<duckdb::UpdateStatement>().set_info->columns;
  return std::any_of(set.begin(), set.end(), [&](const std::string& name) {
    return duckdb::StringUtil::CIEquals(name, std::string(column));
  });
}

bool HoldsRowsOf(const buffer::SnapshotMap& snapshot, const TableDef& table,
                 const std::optional<ProjectNames>& projects) {
  const auto found = snapshot.find(table.id);
  if (found == snapshot.end()) return false;
  const buffer::TableSnapshot& state = *found->second;
  // What cannot be read may hold anything.
  if (state.files && !state.files->unreadable.empty()) return true;
  const auto in_file = [&](const std::shared_ptr<const DataFile>& file) {
    if (!projects) return true;
    const auto value = file->partition_values.find(kProjectColumn);
    return value != file->partition_values.end() && value->second &&
           projects->contains(*value->second);
  };
  const auto in_segment = [&](const buffer::SegmentRef& segment) {
    return !projects || HasRowOf(table, *segment->rows, *projects);
  };
  return (state.scan_files &&
          std::any_of(state.scan_files->files.begin(), state.scan_files->files.end(), in_file)) ||
         std::any_of(state.segments.begin(), state.segments.end(), in_segment);
}

}  // namespace varve::engine
