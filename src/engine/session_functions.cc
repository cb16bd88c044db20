#include "engine/session_functions.h"

#include <array>
#include <duckdb/catalog/catalog_search_path.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/main/client_data.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <string_view>
#include <utility>

#include "engine/catalog_edit.h"
#include "engine/pg_error.h"
#include "engine/pg_type_names.h"
#include "engine/session_facts.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::ExpressionState;
using duckdb::LogicalType;
using duckdb::ScalarFunction;
using duckdb::ScalarFunctionSet;
using duckdb::string_t;
using duckdb::Value;
using duckdb::Vector;

namespace {

const SessionFacts& FactsOf(ClientContext& context) {
  static const SessionFacts defaults;
  auto facts = context.registered_state->Get<SessionFacts>(SessionFacts::kKey);
  return facts ? *facts : defaults;  // the context keeps it alive
}

// The schema that CREATE TABLE would use.
std::string CurrentSchema(ClientContext& context) {
  const auto schema = duckdb::ClientData::Get(context).catalog_search_path->GetDefault().schema;
  return schema == DEFAULT_SCHEMA ? "public" : schema;
}

// What every PostgreSQL 15 answers and no session changes here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kFixedSettings = {{
    {"server_version", kServerVersion},
    {"server_version_num", "150000"},
    {"server_encoding", "UTF8"},
    {"client_encoding", "UTF8"},
    {"integer_datetimes", "on"},
    {"standard_conforming_strings", "on"},
    {"datestyle", "ISO, MDY"},
    {"intervalstyle", "postgres"},
    {"max_identifier_length", "63"},
    {"is_superuser", "off"},
    {"transaction_isolation", "repeatable read"},
    {"default_transaction_isolation", "repeatable read"},
}};

std::optional<std::string> SettingOf(ClientContext& context, const std::string& name) {
  const std::string lower = duckdb::StringUtil::Lower(name);
  const auto& facts = FactsOf(context);
  if (facts.setting) {
    if (auto value = facts.setting(lower)) return value;
    if (auto value = facts.Noted(lower)) return value;
  }
  for (const auto& [known, value] : kFixedSettings) {
    if (lower == known) return std::string(value);
  }
  // Of DuckDB's settings only these two are PostgreSQL's as well; the others are not for users.
  Value value;
  if ((lower == "timezone" || lower == "search_path") &&
      context.TryGetCurrentSetting(lower, value)) {
    return value.ToString();
  }
  return std::nullopt;
}

using Fact = std::string (*)(ClientContext& context);

// A function without arguments whose value holds for a statement.
ScalarFunctionSet FactFunction(const std::string& name, Fact fact) {
  ScalarFunction function({}, LogicalType::VARCHAR,
                          [fact](DataChunk& /*args*/, ExpressionState& state, Vector& result) {
                            result.Reference(Value(fact(state.GetContext())));
                          });
  function.SetStability(duckdb::FunctionStability::CONSISTENT_WITHIN_QUERY);
  ScalarFunctionSet set(name);
  set.AddFunction(std::move(function));
  return set;
}

ScalarFunctionSet BackendPid() {
  ScalarFunction function(
      {}, LogicalType::INTEGER, [](DataChunk& /*args*/, ExpressionState& state, Vector& result) {
        result.Reference(Value::INTEGER(FactsOf(state.GetContext()).backend_pid));
      });
  function.SetStability(duckdb::FunctionStability::CONSISTENT_WITHIN_QUERY);
  ScalarFunctionSet set("pg_backend_pid");
  set.AddFunction(std::move(function));
  return set;
}

void ExecuteCurrentSetting(DataChunk& args, ExpressionState& state, Vector& result) {
  auto& context = state.GetContext();
  duckdb::UnaryExecutor::ExecuteWithNulls<string_t, string_t>(
      args.data[0], result, args.size(),
      [&](string_t name, duckdb::ValidityMask& mask, duckdb::idx_t row) {
        if (auto value = SettingOf(context, name.GetString())) {
          return duckdb::StringVector::AddString(result, *value);
        }
        const bool missing_ok =
            args.ColumnCount() == 2 && args.data[1].GetValue(row).GetValue<bool>();
        if (!missing_ok) {
          ThrowSqlError(sqlstate::kUndefinedObject,
                        "unrecognized configuration parameter \"" + name.GetString() + "\"");
        }
        mask.SetInvalid(row);
        return string_t();
      });
}

ScalarFunctionSet CurrentSetting() {
  ScalarFunctionSet set("current_setting");
  for (const bool with_flag : {false, true}) {
    duckdb::vector<LogicalType> arguments = {LogicalType::VARCHAR};
    if (with_flag) arguments.push_back(LogicalType::BOOLEAN);
    ScalarFunction function(std::move(arguments), LogicalType::VARCHAR, ExecuteCurrentSetting);
    function.SetStability(duckdb::FunctionStability::CONSISTENT_WITHIN_QUERY);
    function.SetFallible();
    set.AddFunction(std::move(function));
  }
  return set;
}

ScalarFunctionSet TypeOf() {
  ScalarFunction function(
      {LogicalType::ANY}, LogicalType::VARCHAR,
      [](DataChunk& args, ExpressionState& state, Vector& result) {
        const auto& call = state.expr.Cast<duckdb::BoundFunctionExpression>();
        static_cast<void>(args);
        result.Reference(Value(PostgresTypeTitle(call.children[0]->return_type)));
      });
  function.SetNullHandling(duckdb::FunctionNullHandling::SPECIAL_HANDLING);
  ScalarFunctionSet set("pg_typeof");
  set.AddFunction(std::move(function));
  return set;
}

// format_type(oid, typmod) for the types that tables have; "???" as PostgreSQL for others.
void ExecuteFormatType(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  for (duckdb::idx_t row = 0; row < args.size(); ++row) {
    const Value oid = args.data[0].GetValue(row);
    const Value modifier = args.data[1].GetValue(row);  // NULL: none
    result.SetValue(
        row, oid.IsNull()
                 ? Value(LogicalType::VARCHAR)
                 : Value(PostgresTypeOfOid(oid.GetValue<int64_t>(),
                                           modifier.IsNull() ? -1 : modifier.GetValue<int32_t>())));
  }
}

ScalarFunctionSet FormatType() {
  ScalarFunctionSet set("format_type");
  ScalarFunction function({LogicalType::BIGINT, LogicalType::INTEGER}, LogicalType::VARCHAR,
                          ExecuteFormatType);
  function.SetNullHandling(duckdb::FunctionNullHandling::SPECIAL_HANDLING);
  set.AddFunction(std::move(function));
  return set;
}

std::string Version(ClientContext& /*context*/) {
  return std::string("PostgreSQL ") + kServerVersion + " (Varve)";
}
std::string Database(ClientContext& context) { return FactsOf(context).database; }
std::string User(ClientContext& context) { return FactsOf(context).user; }

}  // namespace

void RegisterSessionFunctions(duckdb::DatabaseInstance& db) {
  const std::array<std::pair<const char*, Fact>, 8> facts = {{
      {"version", Version},
      {"current_database", Database},
      {"current_catalog", Database},
      {"current_schema", CurrentSchema},
      {"current_user", User},
      {"session_user", User},
      {"current_role", User},
      {"user", User},
  }};
  for (const auto& [name, fact] : facts) {
    DropMacro(db, name);
    ReplaceFunction(db, FactFunction(name, fact));
  }
  DropMacro(db, "pg_typeof");
  DropMacro(db, "format_type");
  ReplaceFunction(db, BackendPid());
  ReplaceFunction(db, CurrentSetting());
  ReplaceFunction(db, TypeOf());
  ReplaceFunction(db, FormatType());
}

}  // namespace varve::engine
