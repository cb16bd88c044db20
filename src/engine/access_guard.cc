#include "engine/access_guard.h"

#include <algorithm>
#include <array>
#include <duckdb/catalog/catalog_entry/schema_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/parser/expression/function_expression.hpp>
#include <duckdb/parser/parsed_data/alter_info.hpp>
#include <duckdb/parser/parsed_data/create_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/parser/statement/list.hpp>
#include <duckdb/parser/tableref/list.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/list.hpp>
#include <string>
#include <string_view>

#include "engine/statement_walk.h"

namespace varve::engine {

using namespace duckdb;  // NOLINT(google-build-using-namespace): DuckDB's trees throughout

namespace {

template <size_t N>
bool Contains(const std::array<std::string_view, N>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// The engine's own tables; nothing in them is for users.
constexpr std::string_view kInternalSchemaName = "varve_internal";

bool IsInternalSchema(const std::string& name) {
  return StringUtil::Lower(name) == kInternalSchemaName;
}

// What a user may write in FROM with parentheses.
constexpr std::array<std::string_view, 5> kTableFunctions = {"generate_series", "range", "unnest",
                                                             "json_each", "pg_timezone_names"};

// What may stand behind a view of information_schema or pg_catalog besides.
constexpr std::array<std::string_view, 14> kCatalogFunctions = {"seq_scan",
                                                                "duckdb_columns",
                                                                "duckdb_constraints",
                                                                "duckdb_databases",
                                                                "duckdb_dependencies",
                                                                "duckdb_functions",
                                                                "duckdb_indexes",
                                                                "duckdb_schemas",
                                                                "duckdb_sequences",
                                                                "duckdb_tables",
                                                                "duckdb_types",
                                                                "duckdb_views",
                                                                "duckdb_prepared_statements",
                                                                "summary"};

// Schemas whose table functions are Varve's own or were checked when a user made them.
constexpr std::array<std::string_view, 5> kOpenSchemas = {"varve", "public", "raw", "silver",
                                                          "gold"};

// Scalar functions that reach the process or plan SQL from text.
constexpr std::array<std::string_view, 10> kScalarsDenied = {"getenv",
                                                             "getvariable",
                                                             "write_log",
                                                             "parse_duckdb_log_message",
                                                             "stats",
                                                             "json_serialize_plan",
                                                             "json_serialize_sql",
                                                             "json_deserialize_sql",
                                                             "vector_type",
                                                             "json_execute_serialized_sql"};

// DuckDB's own views show paths and settings of the engine.
constexpr std::array<std::string_view, 3> kViewPrefixes = {"duckdb_", "pragma_", "sqlite_"};

// Settings of a session that PostgreSQL's clients change; the server or the session answers them.
constexpr std::array<std::string_view, 18> kSettings = {"timezone",
                                                        "search_path",
                                                        "statement_timeout",
                                                        "application_name",
                                                        "client_encoding",
                                                        "client_min_messages",
                                                        "datestyle",
                                                        "intervalstyle",
                                                        "extra_float_digits",
                                                        "bytea_output",
                                                        "lock_timeout",
                                                        "idle_in_transaction_session_timeout",
                                                        "standard_conforming_strings",
                                                        "default_transaction_isolation",
                                                        "default_transaction_read_only",
                                                        "transaction_isolation",
                                                        "transaction_read_only",
                                                        "row_security"};

class Guard : public StatementWalk {
 public:
  Status status() const { return status_; }

 protected:
  void OnStatement(SQLStatement& statement) override {
    switch (statement.type) {
      case StatementType::CREATE_STATEMENT: {
        const auto& info = *statement.Cast<CreateStatement>().info;
        return CheckSchema(info.schema);
      }
      case StatementType::INSERT_STATEMENT:
        CheckChanged(statement.Cast<InsertStatement>().schema);
        return CheckSchema(statement.Cast<InsertStatement>().schema);
      case StatementType::UPDATE_STATEMENT:
        return CheckTarget(statement.Cast<UpdateStatement>().table.get());
      case StatementType::DELETE_STATEMENT:
        return CheckTarget(statement.Cast<DeleteStatement>().table.get());
      case StatementType::ALTER_STATEMENT:
        return CheckSchema(statement.Cast<AlterStatement>().info->schema);
      case StatementType::DROP_STATEMENT:
        CheckSchema(statement.Cast<DropStatement>().info->schema);
        return CheckSchema(statement.Cast<DropStatement>().info->name);
      default:
        return;
    }
  }

  void OnUnknown(std::string_view what) override { Deny("statement", what); }

  void OnTable(TableRef& table) override {
    switch (table.type) {
      case TableReferenceType::BASE_TABLE: {
        const auto& base = table.Cast<BaseTableRef>();
        CheckSchema(base.schema_name);
        return CheckView(base.table_name);
      }
      case TableReferenceType::SHOW_REF: {
        const auto& show = table.Cast<ShowRef>();
        CheckSchema(show.schema_name);
        return CheckView(StringUtil::Replace(show.table_name, "\"", ""));
      }
      case TableReferenceType::TABLE_FUNCTION:
        return CheckTableFunction(*table.Cast<TableFunctionRef>().function);
      default:
        return;
    }
  }

  void OnExpression(unique_ptr<ParsedExpression>& expression) override {
    if (expression->GetExpressionClass() != ExpressionClass::FUNCTION) return;
    const auto& call = expression->Cast<FunctionExpression>();
    const std::string name = StringUtil::Lower(call.function_name);
    CheckSchema(call.schema);
    if (Contains(kScalarsDenied, name)) Deny("function", name);
  }

 private:
  void Deny(std::string_view kind, std::string_view name) {
    if (!status_.ok()) return;
    status_ =
        SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied for {} {}", kind, name);
  }

  void CheckSchema(const std::string& schema) {
    if (IsInternalSchema(schema)) Deny("schema", schema);
  }

  void CheckTarget(const TableRef* table) {
    if (table == nullptr || table->type != TableReferenceType::BASE_TABLE) return;
    CheckChanged(table->Cast<BaseTableRef>().schema_name);
  }

  void CheckChanged(const std::string& schema) {
    if (!status_.ok() || !StringUtil::CIEquals(schema, kRingSchema)) return;
    status_ = SqlErrorf(sqlstate::kFeatureNotSupported,
                        "tables of schema {} are written over HTTP only", kRingSchema);
  }

  void CheckView(const std::string& name) {
    const std::string lower = StringUtil::Lower(name);
    for (const auto prefix : kViewPrefixes) {
      if (lower.starts_with(prefix)) Deny("view", name);
    }
  }

  void CheckTableFunction(const ParsedExpression& function) {
    if (function.GetExpressionClass() != ExpressionClass::FUNCTION) return Deny("function", "?");
    const auto& call = function.Cast<FunctionExpression>();
    const std::string name = StringUtil::Lower(call.function_name);
    const std::string schema = StringUtil::Lower(call.schema);
    if (call.catalog.empty() && Contains(kOpenSchemas, schema)) return;
    if (!Contains(kTableFunctions, name)) Deny("function", name);
  }

  Status status_;
};

Status CheckSetting(const SetStatement& statement) {
  const std::string name = StringUtil::Lower(statement.name);
  const bool is_variable = statement.scope == SetScope::VARIABLE;
  if (statement.set_type == SetType::SET) {
    const std::string value = statement.Cast<SetVariableStatement>().value->ToString();
    if (StringUtil::Contains(StringUtil::Lower(value), std::string(kInternalSchemaName))) {
      return SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied for schema {}",
                       kInternalSchemaName);
    }
  }
  if (!is_variable && Contains(kSettings, name)) return OkStatus();
  return SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied to set parameter \"{}\"",
                   statement.name);
}

// Operators that a plan over tables and values is made of.
bool IsAllowed(LogicalOperatorType type) {
  switch (type) {
    case LogicalOperatorType::LOGICAL_COPY_TO_FILE:
    case LogicalOperatorType::LOGICAL_COPY_DATABASE:
    case LogicalOperatorType::LOGICAL_PRAGMA:
    case LogicalOperatorType::LOGICAL_ATTACH:
    case LogicalOperatorType::LOGICAL_DETACH:
    case LogicalOperatorType::LOGICAL_EXPORT:
    case LogicalOperatorType::LOGICAL_SET:
    case LogicalOperatorType::LOGICAL_RESET:
    case LogicalOperatorType::LOGICAL_LOAD:
    case LogicalOperatorType::LOGICAL_UPDATE_EXTENSIONS:
    case LogicalOperatorType::LOGICAL_CREATE_SECRET:
    case LogicalOperatorType::LOGICAL_INVALID:
      return false;
    default:
      // The numbers up to 181 and the extension operator are those of DuckDB 1.5.6; a later one's
      // are refused.
      return type <= LogicalOperatorType::LOGICAL_RESET ||
             type == LogicalOperatorType::LOGICAL_EXTENSION_OPERATOR;
  }
}

[[noreturn]] void Refuse(const std::string& kind, const std::string& name) {
  throw PermissionException("permission denied for %s %s", kind, name);
}

void CheckTable(optional_ptr<TableCatalogEntry> table) {
  if (table && IsInternalSchema(table->schema.name)) Refuse("table", table->name);
}

void CheckExpression(const Expression& expression) {
  if (expression.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) {
    const std::string& name = expression.Cast<BoundFunctionExpression>().function.name;
    if (Contains(kScalarsDenied, name)) Refuse("function", name);
  }
  ExpressionIterator::EnumerateChildren(expression,
                                        [](const Expression& child) { CheckExpression(child); });
}

void CheckOperator(LogicalOperator& op) {
  if (!IsAllowed(op.type)) Refuse("operation", LogicalOperatorToString(op.type));
  switch (op.type) {
    case LogicalOperatorType::LOGICAL_GET: {
      auto& get = op.Cast<LogicalGet>();
      const std::string name = StringUtil::Lower(get.function.name);
      if (!Contains(kTableFunctions, name) && !Contains(kCatalogFunctions, name) &&
          !name.starts_with("varve_")) {
        Refuse("function", name);
      }
      return CheckTable(get.GetTable());
    }
    case LogicalOperatorType::LOGICAL_INSERT:
      return CheckTable(&op.Cast<LogicalInsert>().table);
    case LogicalOperatorType::LOGICAL_UPDATE:
      return CheckTable(&op.Cast<LogicalUpdate>().table);
    case LogicalOperatorType::LOGICAL_DELETE:
      return CheckTable(&op.Cast<LogicalDelete>().table);
    default:
      return;
  }
}

}  // namespace

Status CheckStatementAllowed(const SQLStatement& statement) {
  if (statement.type == StatementType::SET_STATEMENT) {
    return CheckSetting(statement.Cast<SetStatement>());
  }
  if (statement.type == StatementType::VACUUM_STATEMENT) return OkStatus();
  if (statement.type == StatementType::MERGE_INTO_STATEMENT) {
    return SqlError(sqlstate::kFeatureNotSupported, "MERGE is not supported");
  }
  Guard guard;
  // The walk hands out parts that may be changed; a guard only reads them.
  guard.Walk(const_cast<SQLStatement&>(statement));
  return guard.status();
}

void CheckPlanAllowed(LogicalOperator& plan) {
  CheckOperator(plan);
  LogicalOperatorVisitor::EnumerateExpressions(
      plan, [](unique_ptr<Expression>* expression) { CheckExpression(**expression); });
  for (auto& child : plan.children) CheckPlanAllowed(*child);
}

}  // namespace varve::engine
