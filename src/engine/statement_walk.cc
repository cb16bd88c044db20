#include "engine/statement_walk.h"

#include <duckdb/function/scalar_macro_function.hpp>
#include <duckdb/function/table_macro_function.hpp>
#include <duckdb/parser/common_table_expression_info.hpp>
#include <duckdb/parser/constraints/check_constraint.hpp>
#include <duckdb/parser/expression/subquery_expression.hpp>
#include <duckdb/parser/parsed_data/alter_table_info.hpp>
#include <duckdb/parser/parsed_data/create_index_info.hpp>
#include <duckdb/parser/parsed_data/create_macro_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/parser/parsed_data/create_type_info.hpp>
#include <duckdb/parser/parsed_data/create_view_info.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/result_modifier.hpp>
#include <duckdb/parser/statement/list.hpp>
#include <duckdb/parser/tableref/list.hpp>

namespace varve::engine {

using namespace duckdb;  // NOLINT(google-build-using-namespace): this file is about nothing else

void StatementWalk::Walk(SQLStatement& statement) {
  OnStatement(statement);
  switch (statement.type) {
    case StatementType::SELECT_STATEMENT:
      return WalkNode(*statement.Cast<SelectStatement>().node);
    case StatementType::INSERT_STATEMENT:
      return WalkInsert(statement);
    case StatementType::UPDATE_STATEMENT:
      return WalkUpdate(statement);
    case StatementType::DELETE_STATEMENT:
      return WalkDelete(statement);
    case StatementType::CREATE_STATEMENT:
      return WalkCreate(statement);
    case StatementType::ALTER_STATEMENT:
      return WalkAlter(statement);
    case StatementType::EXPLAIN_STATEMENT:
      return Walk(*statement.Cast<ExplainStatement>().stmt);
    case StatementType::PREPARE_STATEMENT:
      return Walk(*statement.Cast<PrepareStatement>().statement);
    case StatementType::EXECUTE_STATEMENT:
      for (auto& [name, value] : statement.Cast<ExecuteStatement>().named_values) {
        WalkExpression(value);
      }
      return;
    case StatementType::DROP_STATEMENT:
    case StatementType::TRANSACTION_STATEMENT:
      return;  // names only
    default:
      return OnUnknown(StatementTypeToString(statement.type));
  }
}

void StatementWalk::WalkExpression(unique_ptr<ParsedExpression>& expression) {
  if (!expression) return;
  OnExpression(expression);
  ParsedExpressionIterator::EnumerateChildren(
      *expression, [this](unique_ptr<ParsedExpression>& child) { WalkExpression(child); });
  if (expression->GetExpressionClass() == ExpressionClass::SUBQUERY) {
    WalkNode(*expression->Cast<SubqueryExpression>().subquery->node);
  }
}

void StatementWalk::WalkExpressions(Expressions& list) {
  for (auto& expression : list) WalkExpression(expression);
}

void StatementWalk::WalkCtes(CommonTableExpressionMap& ctes) {
  for (auto& [name, info] : ctes.map) {
    WalkExpressions(info->key_targets);
    if (info->query) WalkNode(*info->query->node);
  }
}

void StatementWalk::WalkModifiers(QueryNode& node) {
  for (auto& modifier : node.modifiers) {
    switch (modifier->type) {
      case ResultModifierType::LIMIT_MODIFIER:
        WalkExpression(modifier->Cast<LimitModifier>().limit);
        WalkExpression(modifier->Cast<LimitModifier>().offset);
        break;
      case ResultModifierType::LIMIT_PERCENT_MODIFIER:
        WalkExpression(modifier->Cast<LimitPercentModifier>().limit);
        WalkExpression(modifier->Cast<LimitPercentModifier>().offset);
        break;
      case ResultModifierType::ORDER_MODIFIER:
        for (auto& order : modifier->Cast<OrderModifier>().orders) WalkExpression(order.expression);
        break;
      case ResultModifierType::DISTINCT_MODIFIER:
        WalkExpressions(modifier->Cast<DistinctModifier>().distinct_on_targets);
        break;
      default:
        OnUnknown("result modifier");
    }
  }
}

void StatementWalk::WalkSelectNode(SelectNode& node) {
  OnSelect(node);
  WalkExpressions(node.select_list);
  if (node.from_table) WalkTable(*node.from_table);
  WalkExpression(node.where_clause);
  WalkExpressions(node.groups.group_expressions);
  WalkExpression(node.having);
  WalkExpression(node.qualify);
}

void StatementWalk::WalkNode(QueryNode& node) {
  WalkCtes(node.cte_map);
  switch (node.type) {
    case QueryNodeType::SELECT_NODE:
      WalkSelectNode(node.Cast<SelectNode>());
      break;
    case QueryNodeType::SET_OPERATION_NODE:
      for (auto& child : node.Cast<SetOperationNode>().children) WalkNode(*child);
      break;
    case QueryNodeType::RECURSIVE_CTE_NODE: {
      auto& recursive = node.Cast<RecursiveCTENode>();
      WalkNode(*recursive.left);
      WalkNode(*recursive.right);
      WalkExpressions(recursive.key_targets);
      break;
    }
    case QueryNodeType::CTE_NODE:
      WalkNode(*node.Cast<CTENode>().query);
      WalkNode(*node.Cast<CTENode>().child);
      break;
    case QueryNodeType::STATEMENT_NODE:
      Walk(node.Cast<StatementNode>().stmt);
      break;
    default:
      OnUnknown("query node");
  }
  WalkModifiers(node);
}

void StatementWalk::WalkTable(TableRef& table) {
  OnTable(table);
  switch (table.type) {
    case TableReferenceType::EMPTY_FROM:
    case TableReferenceType::CTE:
      return;
    case TableReferenceType::BASE_TABLE: {
      auto& base = table.Cast<BaseTableRef>();
      if (base.at_clause) WalkExpression(base.at_clause->ExpressionMutable());
      return;
    }
    case TableReferenceType::SUBQUERY:
      return WalkNode(*table.Cast<SubqueryRef>().subquery->node);
    case TableReferenceType::JOIN: {
      auto& join = table.Cast<JoinRef>();
      WalkTable(*join.left);
      WalkTable(*join.right);
      return WalkExpression(join.condition);
    }
    case TableReferenceType::TABLE_FUNCTION: {
      auto& call = table.Cast<TableFunctionRef>();
      WalkExpression(call.function);
      if (call.subquery) WalkNode(*call.subquery->node);
      return;
    }
    case TableReferenceType::EXPRESSION_LIST:
      for (auto& row : table.Cast<ExpressionListRef>().values) WalkExpressions(row);
      return;
    case TableReferenceType::PIVOT: {
      auto& pivot = table.Cast<PivotRef>();
      if (pivot.source) WalkTable(*pivot.source);
      WalkExpressions(pivot.aggregates);
      for (auto& column : pivot.pivots) {
        WalkExpressions(column.pivot_expressions);
        for (auto& entry : column.entries) WalkExpression(entry.expr);
        if (column.subquery) WalkNode(*column.subquery);
      }
      return;
    }
    case TableReferenceType::SHOW_REF:
      if (table.Cast<ShowRef>().query) WalkNode(*table.Cast<ShowRef>().query);
      return;
    default:
      OnUnknown("table reference");
  }
}

void StatementWalk::WalkInsert(SQLStatement& statement) {
  auto& insert = statement.Cast<InsertStatement>();
  WalkCtes(insert.cte_map);
  if (insert.table_ref) WalkTable(*insert.table_ref);
  if (insert.select_statement) WalkNode(*insert.select_statement->node);
  WalkExpressions(insert.returning_list);
  if (!insert.on_conflict_info) return;
  WalkExpression(insert.on_conflict_info->condition);
  if (auto& set = insert.on_conflict_info->set_info) {
    WalkExpression(set->condition);
    WalkExpressions(set->expressions);
  }
}

void StatementWalk::WalkUpdate(SQLStatement& statement) {
  auto& update = statement.Cast<UpdateStatement>();
  WalkCtes(update.cte_map);
  if (update.table) WalkTable(*update.table);
  if (update.from_table) WalkTable(*update.from_table);
  if (update.set_info) {
    WalkExpression(update.set_info->condition);
    WalkExpressions(update.set_info->expressions);
  }
  WalkExpressions(update.returning_list);
}

void StatementWalk::WalkDelete(SQLStatement& statement) {
  auto& removal = statement.Cast<DeleteStatement>();
  WalkCtes(removal.cte_map);
  if (removal.table) WalkTable(*removal.table);
  for (auto& table : removal.using_clauses) WalkTable(*table);
  WalkExpression(removal.condition);
  WalkExpressions(removal.returning_list);
}

void StatementWalk::WalkColumn(ColumnDefinition& column) {
  // Through copies: the walk sees them, a change would be lost, and none is made to them.
  if (column.Generated()) {
    auto expression = column.GeneratedExpression().Copy();
    WalkExpression(expression);
  } else if (column.HasDefaultValue()) {
    auto expression = column.DefaultValue().Copy();
    WalkExpression(expression);
  }
}

void StatementWalk::WalkCreateTable(CreateInfo& create_info) {
  auto& info = create_info.Cast<CreateTableInfo>();
  for (auto& column : info.columns.Logical()) {
    WalkColumn(const_cast<ColumnDefinition&>(column));  // NOLINT: only read, see WalkColumn
  }
  for (auto& constraint : info.constraints) {
    if (constraint->type == ConstraintType::CHECK) {
      WalkExpression(constraint->Cast<CheckConstraint>().expression);
    }
  }
  WalkExpressions(info.partition_keys);
  WalkExpressions(info.sort_keys);
  for (auto& [name, value] : info.options) WalkExpression(value);
  if (info.query) WalkNode(*info.query->node);
}

void StatementWalk::WalkCreateMacro(CreateInfo& info) {
  for (auto& macro : info.Cast<CreateMacroInfo>().macros) {
    for (auto& [name, value] : macro->default_parameters) WalkExpression(value);
    if (macro->type == MacroType::SCALAR_MACRO) {
      WalkExpression(macro->Cast<ScalarMacroFunction>().expression);
    } else if (macro->type == MacroType::TABLE_MACRO) {
      WalkNode(*macro->Cast<TableMacroFunction>().query_node);
    } else {
      OnUnknown("macro");
    }
  }
}

void StatementWalk::WalkCreate(SQLStatement& statement) {
  auto& info = *statement.Cast<CreateStatement>().info;
  switch (info.type) {
    case CatalogType::SCHEMA_ENTRY:
    case CatalogType::SEQUENCE_ENTRY:
      return;  // names and numbers only
    case CatalogType::TABLE_ENTRY:
      return WalkCreateTable(info);
    case CatalogType::VIEW_ENTRY:
      return WalkNode(*info.Cast<CreateViewInfo>().query->node);
    case CatalogType::INDEX_ENTRY:
      WalkExpressions(info.Cast<CreateIndexInfo>().expressions);
      return WalkExpressions(info.Cast<CreateIndexInfo>().parsed_expressions);
    case CatalogType::TYPE_ENTRY:
      if (info.Cast<CreateTypeInfo>().query) Walk(*info.Cast<CreateTypeInfo>().query);
      return;
    case CatalogType::MACRO_ENTRY:
    case CatalogType::TABLE_MACRO_ENTRY:
      return WalkCreateMacro(info);
    default:
      return OnUnknown("CREATE " + CatalogTypeToString(info.type));
  }
}

void StatementWalk::WalkAlter(SQLStatement& statement) {
  auto& info = *statement.Cast<AlterStatement>().info;
  if (info.type != AlterType::ALTER_TABLE) return;  // names only
  auto& table = info.Cast<AlterTableInfo>();
  switch (table.alter_table_type) {
    case AlterTableType::ADD_COLUMN:
      return WalkColumn(table.Cast<AddColumnInfo>().new_column);
    case AlterTableType::ADD_FIELD:
      return WalkColumn(table.Cast<AddFieldInfo>().new_field);
    case AlterTableType::ALTER_COLUMN_TYPE:
      return WalkExpression(table.Cast<ChangeColumnTypeInfo>().expression);
    case AlterTableType::SET_DEFAULT:
      return WalkExpression(table.Cast<SetDefaultInfo>().expression);
    case AlterTableType::ADD_CONSTRAINT: {
      auto& constraint = *table.Cast<AddConstraintInfo>().constraint;
      if (constraint.type == ConstraintType::CHECK) {
        WalkExpression(constraint.Cast<CheckConstraint>().expression);
      }
      return;
    }
    case AlterTableType::SET_PARTITIONED_BY:
      return WalkExpressions(table.Cast<SetPartitionedByInfo>().partition_keys);
    case AlterTableType::SET_SORTED_BY:
      for (auto& order : table.Cast<SetSortedByInfo>().orders) WalkExpression(order.expression);
      return;
    case AlterTableType::SET_TABLE_OPTIONS:
      for (auto& [name, value] : table.Cast<SetTableOptionsInfo>().table_options) {
        WalkExpression(value);
      }
      return;
    default:
      return;  // names only
  }
}

}  // namespace varve::engine
