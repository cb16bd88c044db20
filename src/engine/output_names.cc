#include "engine/output_names.h"

#include <array>
#include <duckdb/common/extra_type_info.hpp>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/statement/delete_statement.hpp>
#include <duckdb/parser/statement/insert_statement.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/statement/update_statement.hpp>
#include <duckdb/parser/tableref/expressionlistref.hpp>
#include <duckdb/parser/tableref/table_function_ref.hpp>
#include <utility>

#include "engine/pg_type_names.h"
#include "engine/statement_walk.h"

namespace varve::engine {

using namespace duckdb;  // NOLINT(google-build-using-namespace): DuckDB's parse tree throughout

namespace {

// A name and how much it wants to be used: a cast gives way to the name of what it casts, unless
// that has none or only that of another cast or of a CASE.
enum class Strength { kNone, kWeak, kStrong };

struct Name {
  std::string text;
  Strength strength = Strength::kNone;
};

Name NameOf(const ParsedExpression& expression);

Name Strong(std::string text) { return {std::move(text), Strength::kStrong}; }

// Names under which DuckDB's grammar keeps what the user wrote otherwise.
std::string WrittenName(const FunctionExpression& call) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kRenamed = {{
      {"count_star", "count"},
      {"quantile_cont", "percentile_cont"},
      {"quantile_disc", "percentile_disc"},
      {"list_value", "array"},
  }};
  // EXTRACT(..) and TRIM(..) become calls that are qualified with "main".
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSpecialForms = {{
      {"date_part", "extract"},
      {"trim", "btrim"},
      {"ltrim", "ltrim"},
      {"rtrim", "rtrim"},
  }};
  if (call.schema == DEFAULT_SCHEMA) {
    for (const auto& [stored, written] : kSpecialForms) {
      if (call.function_name == stored) return std::string(written);
    }
  }
  for (const auto& [stored, written] : kRenamed) {
    if (call.function_name == stored) return std::string(written);
  }
  return call.function_name;
}

Name NameOfFunction(const FunctionExpression& call) {
  static constexpr std::array<std::string_view, 2> kSubscripts = {"array_extract", "array_slice"};
  if (call.is_operator) return {};
  // `~`, SIMILAR TO and LIKE .. ESCAPE are operators that DuckDB's grammar turns into these calls.
  if (call.function_name == "regexp_full_match") return {};
  if (call.function_name.ends_with("like_escape")) return {};
  for (const auto subscript : kSubscripts) {
    if (call.function_name == subscript && !call.children.empty()) return NameOf(*call.children[0]);
  }
  return Strong(WrittenName(call));
}

Name NameOfOperator(const OperatorExpression& expression) {
  switch (expression.GetExpressionType()) {
    case ExpressionType::OPERATOR_COALESCE:
      return Strong("coalesce");
    case ExpressionType::OPERATOR_NULLIF:
      return Strong("nullif");
    case ExpressionType::GROUPING_FUNCTION:
      return Strong("grouping");
    case ExpressionType::ARRAY_CONSTRUCTOR:
      return Strong("array");
    case ExpressionType::ARRAY_EXTRACT:
    case ExpressionType::ARRAY_SLICE:
      return NameOf(*expression.children[0]);
    case ExpressionType::STRUCT_EXTRACT:
      if (expression.children[1]->GetExpressionClass() == ExpressionClass::CONSTANT) {
        return Strong(expression.children[1]->Cast<ConstantExpression>().value.ToString());
      }
      return {};
    default:
      return {};
  }
}

// TRUE and FALSE are read as casts of 't' and 'f'; as literals they have no name.
bool IsTruthLiteral(const CastExpression& cast) {
  if (cast.child->GetExpressionClass() != ExpressionClass::CONSTANT) return false;
  const std::string text = cast.child->Cast<ConstantExpression>().value.ToString();
  return (text == "t" || text == "f") && PostgresTypeName(cast.cast_type) == "bool";
}

Name NameOfCast(const CastExpression& cast) {
  if (IsTruthLiteral(cast)) return {};
  Name inner = NameOf(*cast.child);
  if (inner.strength == Strength::kStrong) return inner;
  return {PostgresTypeName(cast.cast_type), Strength::kWeak};
}

Name NameOfCase(const CaseExpression& expression) {
  if (expression.else_expr) {
    Name inner = NameOf(*expression.else_expr);
    if (inner.strength == Strength::kStrong) return inner;
  }
  return {"case", Strength::kWeak};
}

const QueryNode* Leftmost(const QueryNode* node) {
  while (node->type == QueryNodeType::SET_OPERATION_NODE) {
    node = node->Cast<SetOperationNode>().children.front().get();
  }
  return node;
}

// ARRAY(SELECT ..) is kept as a query over array_agg(#1).
bool IsArrayOfSubquery(const SelectNode& node) {
  if (node.select_list.size() != 1 || !node.from_table) return false;
  const auto& column = *node.select_list[0];
  if (column.GetExpressionClass() != ExpressionClass::CASE) return false;
  const auto& otherwise = column.Cast<CaseExpression>().else_expr;
  if (!otherwise || otherwise->GetExpressionClass() != ExpressionClass::FUNCTION) return false;
  const auto& call = otherwise->Cast<FunctionExpression>();
  return call.children.size() == 1 &&
         call.children[0]->GetExpressionClass() == ExpressionClass::POSITIONAL_REFERENCE;
}

Name NameOfSubquery(const SubqueryExpression& expression) {
  if (expression.subquery_type == SubqueryType::EXISTS) return Strong("exists");
  if (expression.subquery_type != SubqueryType::SCALAR) return {};
  const QueryNode* node = Leftmost(expression.subquery->node.get());
  if (node->type != QueryNodeType::SELECT_NODE) return {};
  const auto& select = node->Cast<SelectNode>();
  if (IsArrayOfSubquery(select)) return Strong("array");
  if (select.select_list.empty()) return {};
  const auto& column = *select.select_list[0];
  return column.HasAlias() ? Strong(column.GetAlias()) : NameOf(column);
}

Name NameOf(const ParsedExpression& expression) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::COLUMN_REF:
      return Strong(expression.Cast<ColumnRefExpression>().GetColumnName());
    case ExpressionClass::FUNCTION:
      return NameOfFunction(expression.Cast<FunctionExpression>());
    case ExpressionClass::WINDOW:
      return Strong(expression.Cast<WindowExpression>().function_name);
    case ExpressionClass::OPERATOR:
      return NameOfOperator(expression.Cast<OperatorExpression>());
    case ExpressionClass::CAST:
      return NameOfCast(expression.Cast<CastExpression>());
    case ExpressionClass::CASE:
      return NameOfCase(expression.Cast<CaseExpression>());
    case ExpressionClass::COLLATE:
      return NameOf(*expression.Cast<CollateExpression>().child);
    case ExpressionClass::SUBQUERY:
      return NameOfSubquery(expression.Cast<SubqueryExpression>());
    default:
      return {};
  }
}

// Columns of these come from elsewhere and have their names.
bool KeepsItsNames(const ParsedExpression& expression) {
  const auto kind = expression.GetExpressionClass();
  if (kind == ExpressionClass::STAR || kind == ExpressionClass::POSITIONAL_REFERENCE) return true;
  if (kind != ExpressionClass::FUNCTION) return false;
  // (row).* and the like: one call, several columns.
  const auto& call = expression.Cast<FunctionExpression>();
  for (const auto& child : call.children) {
    if (child->GetExpressionClass() == ExpressionClass::STAR && call.function_name == "unnest") {
      return true;
    }
  }
  return false;
}

class Naming : public StatementWalk {
 protected:
  void OnSelect(SelectNode& node) override { NameColumns(node.select_list); }

  void OnStatement(SQLStatement& statement) override {
    switch (statement.type) {
      case StatementType::INSERT_STATEMENT:
        return NameColumns(statement.Cast<InsertStatement>().returning_list);
      case StatementType::UPDATE_STATEMENT:
        return NameColumns(statement.Cast<UpdateStatement>().returning_list);
      case StatementType::DELETE_STATEMENT:
        return NameColumns(statement.Cast<DeleteStatement>().returning_list);
      default:
        return;
    }
  }

  void OnTable(TableRef& table) override {
    if (table.type == TableReferenceType::EXPRESSION_LIST) NameValues(table);
    if (table.type == TableReferenceType::TABLE_FUNCTION) NameFunctionColumn(table);
  }

 private:
  static void NameColumns(vector<unique_ptr<ParsedExpression>>& columns) {
    for (auto& column : columns) {
      if (column->HasAlias() || KeepsItsNames(*column)) continue;
      if (column->GetExpressionClass() == ExpressionClass::COLUMN_REF) continue;
      Name name = NameOf(*column);
      column->SetAlias(name.strength == Strength::kNone ? "?column?" : std::move(name.text));
    }
  }

  // VALUES has columns column1, column2, ...
  static void NameValues(TableRef& table) {
    auto& values = table.Cast<ExpressionListRef>();
    if (!values.expected_names.empty() || values.values.empty()) return;
    for (idx_t i = 1; i <= values.values[0].size(); ++i) {
      values.expected_names.push_back("column" + std::to_string(i));
    }
  }

  // `generate_series(1, 3) AS g` has the column g.
  static void NameFunctionColumn(TableRef& table) {
    auto& ref = table.Cast<TableFunctionRef>();
    if (ref.alias.empty() || !ref.column_name_alias.empty() || !ref.function) return;
    if (ref.function->GetExpressionClass() != ExpressionClass::FUNCTION) return;
    const auto& name = ref.function->Cast<FunctionExpression>().function_name;
    if (name == "generate_series" || name == "unnest") ref.column_name_alias.push_back(ref.alias);
  }
};

}  // namespace

void ApplyPostgresNames(SQLStatement& statement) { Naming().Walk(statement); }

}  // namespace varve::engine
