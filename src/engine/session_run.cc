// The half of DuckSession that hands statements to DuckDB and its results to the client.
#include <duckdb/main/client_context.hpp>
#include <duckdb/main/pending_query_result.hpp>
#include <duckdb/parser/statement/create_statement.hpp>
#include <duckdb/parser/statement/execute_statement.hpp>
#include <duckdb/parser/statement/explain_statement.hpp>
#include <duckdb/parser/statement/insert_statement.hpp>
#include <duckdb/parser/tableref/expressionlistref.hpp>
#include <duckdb/planner/planner.hpp>

#include "engine/access_guard.h"
#include "engine/dialect_rewrite.h"
#include "engine/duck_guard.h"
#include "engine/duck_session.h"
#include "engine/output_names.h"
#include "engine/parameters.h"
#include "engine/task_drive.h"
#include "engine/temporary_space.h"
#include "engine/type_mapping.h"

namespace varve::engine {

using duckdb::StatementType;

namespace {

bool HasRows(StatementType type) {
  switch (type) {
    case StatementType::SELECT_STATEMENT:
    case StatementType::INSERT_STATEMENT:
    case StatementType::UPDATE_STATEMENT:
    case StatementType::DELETE_STATEMENT:
    case StatementType::MERGE_INTO_STATEMENT:
    case StatementType::CALL_STATEMENT:
      return true;
    default:
      return false;
  }
}

// ANALYZE would run the others in DuckDB alone: a table dropped there would live on in the catalog.
bool IsExplained(StatementType type) {
  return type == StatementType::SELECT_STATEMENT || type == StatementType::INSERT_STATEMENT ||
         type == StatementType::UPDATE_STATEMENT || type == StatementType::DELETE_STATEMENT;
}

// The rows that a statement without a result of its own has changed.
int64_t ChangedRows(duckdb::QueryResult& result) {
  auto chunk = result.Fetch();
  if (!chunk || chunk->size() == 0) return 0;
  return chunk->GetValue(0, 0).GetValue<int64_t>();
}

std::string TagPrefix(const std::string& verb) { return verb == "INSERT" ? "INSERT 0" : verb; }

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

duckdb::unique_ptr<duckdb::SQLStatement> CopyForDuck(const duckdb::SQLStatement& parsed) {
  auto copy = parsed.Copy();
  ApplyPostgresNames(*copy);
  RewriteDialect(*copy);
  return copy;
}

Result<duckdb::unique_ptr<duckdb::QueryResult>> DuckSession::RunDuck(
    duckdb::unique_ptr<duckdb::SQLStatement> statement, std::string_view text,
    ParameterValues values, bool stream) {
  using Outcome = Result<duckdb::unique_ptr<duckdb::QueryResult>>;
  VARVE_RETURN_IF_ERROR(EnsureDuckTransaction());
  LimitTemporarySpace(duckdb::DatabaseInstance::GetDatabase(*duck_->context),
                      core_.options.data_dir);
  return GuardDuck(text, [&]() -> Outcome {
    auto pending = duck_->context->PendingQuery(std::move(statement), values, stream);
    if (pending->HasError()) return StatusFromDuck(pending->GetErrorObject(), text);
    auto result = ExecutePending(*pending);
    if (result->HasError()) return StatusFromDuck(result->GetErrorObject(), text);
    return result;
  });
}

StreamOutcome DuckSession::RunSql(const duckdb::SQLStatement& parsed, std::string_view text,
                                  ParameterValues values) {
  if (const auto table = ChangedTable(parsed)) {
    VARVE_ASSIGN_OR_RETURN(const auto part, PartToChange(table, parsed, values));
    return RunChange(parsed, text, values, part);
  }
  const std::string verb = VerbOf(parsed);
  const bool stream = parsed.type == StatementType::SELECT_STATEMENT;
  auto statement = CopyForDuck(parsed);
  if (parsed.type == StatementType::INSERT_STATEMENT) {
    VARVE_RETURN_IF_ERROR(CompleteInsert(statement->Cast<duckdb::InsertStatement>(), text));
  }
  VARVE_ASSIGN_OR_RETURN(auto result,
                         RunDuck(std::move(statement), text, std::move(values), stream));
  if (!stream) return FinishMaterialized(verb, std::move(result));
  auto open = std::make_unique<DuckResultStream>(owner(), duck_->context, std::move(result), verb);
  open_stream_ = open.get();
  return open;
}

Status DuckSession::CompleteInsert(duckdb::InsertStatement& insert, std::string_view text) {
  const bool by_position = insert.column_order == duckdb::InsertColumnOrder::INSERT_BY_POSITION;
  const bool is_bare = insert.columns.empty() && !insert.default_values && by_position;
  if (!is_bare && !insert.on_conflict_info) return OkStatus();
  const auto table = VarveTable(insert.schema, insert.table);
  if (!table) return OkStatus();
  if (insert.on_conflict_info) {
    // Said before the binder looks for a key, which no Varve table has.
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "ON CONFLICT is not supported for table \"{}\"", insert.table);
  }
  // PostgreSQL fills the first columns when there are fewer values than columns; a derived date is
  // mostly the last.
  VARVE_ASSIGN_OR_RETURN(const size_t width, RowWidth(insert, text));
  if (width == 0 || width >= table->columns.size()) return OkStatus();
  for (size_t i = 0; i < width; i++) insert.columns.push_back(table->columns[i].name);
  return OkStatus();
}

Result<size_t> DuckSession::RowWidth(const duckdb::InsertStatement& insert, std::string_view text) {
  if (const auto values = insert.GetValuesList()) {
    return values->values.empty() ? 0 : values->values.front().size();
  }
  if (!insert.select_statement) return 0;
  VARVE_ASSIGN_OR_RETURN(const auto described, DescribePlan(*insert.select_statement, text, {},
                                                            insert.named_param_map.size()));
  return described.columns.size();
}

StreamOutcome DuckSession::FinishMaterialized(const std::string& verb,
                                              duckdb::unique_ptr<duckdb::QueryResult> result) {
  VARVE_RETURN_IF_ERROR(KeepStatementRows());
  switch (result->properties.return_type) {
    case duckdb::StatementReturnType::QUERY_RESULT:
      return std::make_unique<DuckResultStream>(nullptr, duck_->context, std::move(result),
                                                TagPrefix(verb));
    case duckdb::StatementReturnType::CHANGED_ROWS:
      return std::make_unique<FixedResult>(
          fmt::format("{} {}", TagPrefix(verb), ChangedRows(*result)));
    case duckdb::StatementReturnType::NOTHING:
      break;
  }
  return std::make_unique<FixedResult>(verb);
}

StreamOutcome DuckSession::RunExplain(const duckdb::SQLStatement& parsed, std::string_view text,
                                      ParameterValues values) {
  auto statement = CopyForDuck(parsed);
  auto& explained = *statement->Cast<duckdb::ExplainStatement>().stmt;
  if (!IsExplained(explained.type)) {
    return SqlErrorf(sqlstate::kFeatureNotSupported, "EXPLAIN of {} is not supported",
                     VerbOf(explained));
  }
  if (explained.type == StatementType::INSERT_STATEMENT) {
    VARVE_RETURN_IF_ERROR(CompleteInsert(explained.Cast<duckdb::InsertStatement>(), text));
  }
  auto changed = ChangedTable(explained);
  if (changed) {
    VARVE_ASSIGN_OR_RETURN(changed, PartToChange(changed, explained, values));
  }
  VARVE_ASSIGN_OR_RETURN(auto result,
                         changed ? ChangeRows(changed, *statement, text, values)
                                 : RunDuck(std::move(statement), text, std::move(values), false));
  VARVE_RETURN_IF_ERROR(KeepStatementRows());
  std::vector<std::string> lines;
  for (auto chunk = result->Fetch(); chunk && chunk->size() > 0; chunk = result->Fetch()) {
    for (duckdb::idx_t i = 0; i < chunk->size(); i++) {
      const auto plan = SplitLines(chunk->GetValue(1, i).ToString());
      lines.insert(lines.end(), plan.begin(), plan.end());
    }
  }
  return TextResult("EXPLAIN", "QUERY PLAN", lines);
}

Result<ParameterValues> DuckSession::BindParameters(const DuckStatement& statement,
                                                    const std::vector<Type>& parameter_types,
                                                    const std::vector<ParameterText>& parameters) {
  ParameterValues values;
  const size_t count = statement.parameter_count();
  if (parameters.size() < count) {
    return SqlErrorf(sqlstate::kUndefinedParameter, "there is no parameter ${}",
                     parameters.size() + 1);
  }
  if (count == 0) return values;
  VARVE_ASSIGN_OR_RETURN(const auto types, statement.ParameterTypes(parameter_types, [&] {
    return DescribePlan(statement.parsed(), statement.text(), parameter_types, count);
  }));
  for (size_t i = 0; i < count; i++) {
    auto value = ParameterValue(*duck_->context, state_->text_readers, types[i], parameters[i]);
    if (!value.ok()) return Annotate(value.status(), fmt::format("parameter ${}", i + 1));
    values.emplace(std::to_string(i + 1), duckdb::BoundParameterData(*std::move(value)));
  }
  return values;
}

Result<Description> DuckSession::Describe(const std::shared_ptr<Statement>& statement,
                                          const std::vector<Type>& parameter_types) {
  if (failed_) return AbortedTransaction();
  DetachOpenStream();
  VARVE_RETURN_IF_ERROR(EnsureConnected());
  const auto& duck = static_cast<const DuckStatement&>(*statement);
  const auto& parsed = duck.parsed();
  running_ = duck.text();
  std::string option;
  if (ShownOption(parsed, option)) {
    return Description{{}, {{option, Type(TypeKind::kText)}}};
  }
  if (parsed.type == StatementType::EXECUTE_STATEMENT) {
    const auto found = prepared_.find(parsed.Cast<duckdb::ExecuteStatement>().name);
    if (found == prepared_.end()) return Description();
    const auto& inner = *found->second;
    VARVE_ASSIGN_OR_RETURN(auto described,
                           DescribePlan(inner.parsed(), inner.text(), {}, inner.parameter_count()));
    described.parameters.clear();
    return described;
  }
  const bool is_explain = parsed.type == StatementType::EXPLAIN_STATEMENT;
  const auto& planned = is_explain ? *parsed.Cast<duckdb::ExplainStatement>().stmt : parsed;
  if (!HasRows(planned.type)) return Description();
  auto described = DescribePlan(planned, duck.text(), parameter_types, duck.parameter_count());
  if (!described.ok()) return FailWith(described.status());
  duck.RememberTypes(parameter_types, described->parameters);
  if (is_explain) described->columns = {{"QUERY PLAN", Type(TypeKind::kText)}};
  return described;
}

namespace {

// Binds without optimizing, with NULLs of the known types in the parameters' places.
Description BindForTypes(duckdb::ClientContext& context, const duckdb::SQLStatement& parsed,
                         std::vector<Type>& types, bool& resolved) {
  auto statement = CopyForDuck(parsed);
  duckdb::Planner planner(context);
  for (size_t i = 0; i < types.size(); i++) {
    if (types[i].kind() == TypeKind::kUnknown) continue;
    planner.parameter_data.emplace(std::to_string(i + 1),
                                   duckdb::BoundParameterData(duckdb::Value(ToDuck(types[i]))));
  }
  planner.CreatePlan(std::move(statement));
  for (size_t i = 0; i < types.size(); i++) {
    const auto found = planner.value_map.find(std::to_string(i + 1));
    if (types[i].kind() != TypeKind::kUnknown || found == planner.value_map.end()) continue;
    const auto& inferred = found->second->return_type;
    if (inferred.id() != duckdb::LogicalTypeId::UNKNOWN) types[i] = FromDuck(inferred);
  }
  resolved = planner.plan != nullptr;
  Description description;
  description.parameters = types;
  if (resolved && planner.properties.return_type == duckdb::StatementReturnType::QUERY_RESULT) {
    description.columns = ResultColumnsOf(planner.names, planner.types);
  }
  return description;
}

}  // namespace

Result<Description> DuckSession::DescribePlan(const duckdb::SQLStatement& parsed,
                                              std::string_view text,
                                              const std::vector<Type>& parameter_types,
                                              size_t count) {
  VARVE_RETURN_IF_ERROR(CheckStatementAllowed(parsed));
  VARVE_RETURN_IF_ERROR(EnsureDuckTransaction());
  if (parsed.type == StatementType::INSERT_STATEMENT) {
    auto copy = parsed.Copy();
    auto& insert = copy->Cast<duckdb::InsertStatement>();
    const bool had_columns = !insert.columns.empty();
    VARVE_RETURN_IF_ERROR(CompleteInsert(insert, text));
    if (!had_columns && !insert.columns.empty()) {
      return DescribePlan(*copy, text, parameter_types, count);
    }
  }
  std::vector<Type> types = parameter_types;
  types.resize(count);
  return GuardDuck(text, [&]() -> Result<Description> {
    Description description;
    bool resolved = false;
    duck_->context->RunFunctionInTransaction(
        [&] { description = BindForTypes(*duck_->context, parsed, types, resolved); });
    bool guessed = false;
    for (auto& type : types) {
      // What nothing in the statement tells is text, as in PostgreSQL.
      if (type.kind() == TypeKind::kUnknown) {
        type = Type(TypeKind::kText);
        guessed = true;
      }
    }
    if (!resolved || guessed) {
      duck_->context->RunFunctionInTransaction(
          [&] { description = BindForTypes(*duck_->context, parsed, types, resolved); });
    }
    return description;
  });
}

}  // namespace varve::engine
