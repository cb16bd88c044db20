// Visits every part of a parsed statement: nested statements, queries, table references,
// expressions.
//
// Role:     parsed statement -> [StatementWalk] -> access guard, output names, dialect rewrites.
//           A part whose kind is not known here is reported, so that a guard can refuse what a new
//           DuckDB brings instead of overlooking it.
// Threads:  not thread-safe; no shared state.
#pragma once

#include <duckdb.hpp>
#include <duckdb/parser/parsed_expression.hpp>
#include <duckdb/parser/query_node.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/tableref.hpp>
#include <string_view>

namespace varve::engine {

class StatementWalk {
 public:
  virtual ~StatementWalk() = default;

  void Walk(duckdb::SQLStatement& statement);

 protected:
  // Each is called before the children are visited and may change the part in place.
  virtual void OnStatement(duckdb::SQLStatement& /*statement*/) {}
  virtual void OnSelect(duckdb::SelectNode& /*node*/) {}
  virtual void OnTable(duckdb::TableRef& /*table*/) {}
  virtual void OnExpression(duckdb::unique_ptr<duckdb::ParsedExpression>& /*expression*/) {}
  virtual void OnUnknown(std::string_view /*what*/) {}

  void WalkNode(duckdb::QueryNode& node);
  void WalkTable(duckdb::TableRef& table);
  void WalkExpression(duckdb::unique_ptr<duckdb::ParsedExpression>& expression);

 private:
  using Expressions = duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>>;

  void WalkExpressions(Expressions& list);
  void WalkCtes(duckdb::CommonTableExpressionMap& ctes);
  void WalkModifiers(duckdb::QueryNode& node);
  void WalkSelectNode(duckdb::SelectNode& node);
  void WalkInsert(duckdb::SQLStatement& statement);
  void WalkUpdate(duckdb::SQLStatement& statement);
  void WalkDelete(duckdb::SQLStatement& statement);
  void WalkCreate(duckdb::SQLStatement& statement);
  void WalkCreateTable(duckdb::CreateInfo& info);
  void WalkCreateMacro(duckdb::CreateInfo& info);
  void WalkAlter(duckdb::SQLStatement& statement);
  void WalkColumn(duckdb::ColumnDefinition& column);
};

}  // namespace varve::engine
