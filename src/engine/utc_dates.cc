#include "engine/utc_dates.h"

#include <duckdb/common/types/timestamp.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/main/client_context.hpp>

#include "engine/catalog_edit.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::Expression;
using duckdb::FunctionData;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;
using duckdb::unique_ptr;

namespace {

using Arguments = duckdb::vector<unique_ptr<Expression>>;

// DuckDB's two overloads of which one is chosen.
struct Choice : duckdb::ScalarFunctionInfo {
  Choice(ScalarFunction icu, ScalarFunction plain)
      : by_calendar(std::move(icu)), by_arithmetic(std::move(plain)) {}
  const ScalarFunction by_calendar;
  const ScalarFunction by_arithmetic;
};

// DuckDB's date_part makes another function of this one, which looks at its argument's type.
void ExecuteEpoch(duckdb::DataChunk& args, duckdb::ExpressionState& /*state*/,
                  duckdb::Vector& result) {
  duckdb::UnaryExecutor::ExecuteWithNulls<duckdb::timestamp_t, double>(
      args.data[1], result, args.size(),
      [](duckdb::timestamp_t time, duckdb::ValidityMask& mask, duckdb::idx_t row) {
        if (!duckdb::Timestamp::IsFinite(time)) mask.SetInvalid(row);
        return static_cast<double>(time.value) / 1e6;
      });
}

bool IsEpoch(ClientContext& context, const Expression& part) {
  if (!part.IsFoldable()) return false;
  const auto name = duckdb::ExpressionExecutor::EvaluateScalar(context, part);
  return !name.IsNull() && duckdb::StringUtil::CIEquals(name.ToString(), "epoch");
}

unique_ptr<FunctionData> Bind(ClientContext& context, ScalarFunction& function,
                              Arguments& arguments) {
  const auto info = function.function_info;  // kept: the assignments below would drop it
  const auto& choice = static_cast<const Choice&>(*info);
  if (!IsUtcSession(context)) {
    function = choice.by_calendar;
    return function.bind != nullptr ? function.bind(context, function, arguments) : nullptr;
  }
  if ((function.name == "date_part" || function.name == "datepart") &&
      IsEpoch(context, *arguments[0])) {
    function.bind = nullptr;
    function.function = ExecuteEpoch;
    function.return_type = LogicalType::DOUBLE;
    function.statistics = nullptr;
    return nullptr;
  }
  function = choice.by_arithmetic;
  auto data = function.bind != nullptr ? function.bind(context, function, arguments) : nullptr;
  const auto as_tz = [](LogicalType& type) {
    if (type.id() == LogicalTypeId::TIMESTAMP) type = LogicalType::TIMESTAMP_TZ;
  };
  for (auto& type : function.arguments) as_tz(type);
  as_tz(function.return_type);
  // They would make statistics of the type that it is not.
  function.statistics = nullptr;
  return data;
}

const ScalarFunction* FindOverload(const duckdb::ScalarFunctionSet& set, LogicalTypeId type) {
  for (const auto& function : set.functions) {
    if (function.arguments.size() == 2 && function.arguments[0].id() == LogicalTypeId::VARCHAR &&
        function.arguments[1].id() == type) {
      return &function;
    }
  }
  throw duckdb::InternalException("%s has no overload for timestamps", set.name);
}

void Wrap(duckdb::DatabaseInstance& db, const std::string& name) {
  auto set = ScalarFunctionsOf(db, name);
  const auto* plain = FindOverload(set, LogicalTypeId::TIMESTAMP);
  auto& calendar = const_cast<ScalarFunction&>(  // NOLINT: of our own copy of the set
      *FindOverload(set, LogicalTypeId::TIMESTAMP_TZ));
  auto info = duckdb::make_shared_ptr<Choice>(calendar, *plain);
  calendar.bind = Bind;
  calendar.function_info = std::move(info);
  ReplaceFunction(db, std::move(set));
}

}  // namespace

bool IsUtcSession(ClientContext& context) {
  duckdb::Value zone;
  if (!context.TryGetCurrentSetting("TimeZone", zone)) return false;
  const std::string name = duckdb::StringUtil::Lower(zone.ToString());
  return name == "utc" || name == "etc/utc" || name == "gmt" || name == "etc/gmt" || name == "zulu";
}

void RegisterUtcDates(duckdb::DatabaseInstance& db) {
  for (const auto* name : {"date_trunc", "datetrunc", "date_part", "datepart"}) Wrap(db, name);
}

}  // namespace varve::engine
