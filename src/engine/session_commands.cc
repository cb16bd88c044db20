// The half of DuckSession that runs statements about the session itself.
#include <absl/strings/numbers.h>

#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/expression/columnref_expression.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/parser/parsed_data/transaction_info.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/statement/drop_statement.hpp>
#include <duckdb/parser/statement/execute_statement.hpp>
#include <duckdb/parser/statement/prepare_statement.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/statement/set_statement.hpp>
#include <duckdb/parser/statement/transaction_statement.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>
#include <duckdb/parser/tableref/showref.hpp>
#include <duckdb/planner/binder.hpp>
#include <duckdb/planner/expression_binder/constant_binder.hpp>

#include "engine/access_guard.h"
#include "engine/duck_session.h"

namespace varve::engine {

namespace {

// The value of an expression without columns: an argument of EXECUTE, the right side of SET.
duckdb::Value Evaluate(duckdb::ClientContext& context, const duckdb::ParsedExpression& parsed) {
  duckdb::Value value;
  context.RunFunctionInTransaction([&] {
    auto binder = duckdb::Binder::CreateBinder(context);
    duckdb::ConstantBinder constants(*binder, context, "a constant");
    auto copy = parsed.Copy();
    auto bound = constants.Bind(copy);
    value = duckdb::ExpressionExecutor::EvaluateScalar(context, *bound, true);
  });
  return value;
}

// SET's right side: bare words stand for themselves.
std::string SettingText(duckdb::ClientContext& context, const duckdb::ParsedExpression& value) {
  if (value.GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF) {
    return value.Cast<duckdb::ColumnRefExpression>().GetColumnName();
  }
  return Evaluate(context, value).ToString();
}

}  // namespace

StreamOutcome DuckSession::RunTransaction(const duckdb::SQLStatement& parsed) {
  switch (parsed.Cast<duckdb::TransactionStatement>().info->type) {
    case duckdb::TransactionType::BEGIN_TRANSACTION:
      if (failed_) return AbortedTransaction();
      mode_ = Mode::kExplicit;
      return std::make_unique<FixedResult>("BEGIN");
    case duckdb::TransactionType::COMMIT:
      if (failed_) {
        Rollback();
        return std::make_unique<FixedResult>("ROLLBACK");
      }
      if (mode_ != Mode::kAutoCommit) VARVE_RETURN_IF_ERROR(Commit());
      return std::make_unique<FixedResult>("COMMIT");
    default:
      Rollback();
      return std::make_unique<FixedResult>("ROLLBACK");
  }
}

StreamOutcome DuckSession::RunSet(const duckdb::SQLStatement& parsed) {
  const auto& set = parsed.Cast<duckdb::SetStatement>();
  if (set.set_type == duckdb::SetType::RESET) {
    const InternalScope internal(*state_);
    VARVE_RETURN_IF_ERROR(settings_.Reset(*duck_, set.name));
    return std::make_unique<FixedResult>("RESET");
  }
  if (!SessionSettings::IsKnown(set.name)) {
    // Whatever else DuckDB would let one set is the engine's own.
    return SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied to set parameter \"{}\"",
                     set.name);
  }
  const auto& value = *static_cast<const duckdb::SetVariableStatement&>(set).value;
  VARVE_RETURN_IF_ERROR(SetOption(set.name, SettingText(*duck_->context, value)));
  return std::make_unique<FixedResult>("SET");
}

bool DuckSession::ShownOption(const duckdb::SQLStatement& parsed, std::string& name) {
  if (parsed.type != duckdb::StatementType::SELECT_STATEMENT) return false;
  const auto& node = *parsed.Cast<duckdb::SelectStatement>().node;
  if (node.type != duckdb::QueryNodeType::SELECT_NODE) return false;
  const auto& from = node.Cast<duckdb::SelectNode>().from_table;
  if (!from || from->type != duckdb::TableReferenceType::SHOW_REF) return false;
  const auto& show = from->Cast<duckdb::ShowRef>();
  // DuckDB reads `SHOW name` as a description of the table `name`.
  if (!show.query || show.query->type != duckdb::QueryNodeType::SELECT_NODE) return false;
  const auto& described = show.query->Cast<duckdb::SelectNode>().from_table;
  if (!described || described->type != duckdb::TableReferenceType::BASE_TABLE) return false;
  name = described->Cast<duckdb::BaseTableRef>().table_name;
  return SessionSettings::IsKnown(name);
}

StreamOutcome DuckSession::RunPrepare(const DuckStatement& statement) {
  const auto& prepare = statement.parsed().Cast<duckdb::PrepareStatement>();
  VARVE_RETURN_IF_ERROR(CheckStatementAllowed(*prepare.statement));
  if (prepared_.contains(prepare.name)) {
    return SqlErrorf(sqlstate::kDuplicatePreparedStatement,
                     "prepared statement \"{}\" already exists", prepare.name);
  }
  prepared_[prepare.name] =
      std::make_shared<DuckStatement>(prepare.statement->Copy(), std::string(statement.text()));
  return std::make_unique<FixedResult>("PREPARE");
}

StreamOutcome DuckSession::RunExecute(const duckdb::SQLStatement& parsed) {
  const auto& execute = parsed.Cast<duckdb::ExecuteStatement>();
  const auto found = prepared_.find(execute.name);
  if (found == prepared_.end()) {
    return SqlErrorf(sqlstate::kInvalidStatementName, "prepared statement \"{}\" does not exist",
                     execute.name);
  }
  const auto statement = found->second;
  if (execute.named_values.size() != statement->parameter_count()) {
    return SqlErrorf(
        sqlstate::kSyntaxError,
        "wrong number of parameters for prepared statement \"{}\": expected {}, got {}",
        execute.name, statement->parameter_count(), execute.named_values.size());
  }
  std::vector<ParameterText> texts(statement->parameter_count());
  for (const auto& [name, expression] : execute.named_values) {
    const auto value = Evaluate(*duck_->context, *expression);
    size_t number = 0;
    if (!absl::SimpleAtoi(name, &number) || number == 0 || number > texts.size()) {
      return SqlErrorf(sqlstate::kSyntaxError, "there is no parameter \"{}\"", name);
    }
    if (!value.IsNull()) texts[number - 1] = value.ToString();
  }
  VARVE_ASSIGN_OR_RETURN(auto values, BindParameters(*statement, {}, texts));
  return RunSql(statement->parsed(), statement->text(), std::move(values));
}

StreamOutcome DuckSession::RunDeallocate(const duckdb::SQLStatement& parsed) {
  const auto& name = parsed.Cast<duckdb::DropStatement>().info->name;
  if (name.empty()) {
    prepared_.clear();
    return std::make_unique<FixedResult>("DEALLOCATE ALL");
  }
  if (prepared_.erase(name) == 0) {
    return SqlErrorf(sqlstate::kInvalidStatementName, "prepared statement \"{}\" does not exist",
                     name);
  }
  return std::make_unique<FixedResult>("DEALLOCATE");
}

}  // namespace varve::engine
