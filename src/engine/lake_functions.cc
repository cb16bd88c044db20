#include "engine/lake_functions.h"

#include <duckdb/planner/expression/bound_function_expression.hpp>

#include "engine/duck_guard.h"
#include "engine/engine_core.h"
#include "engine/system_views.h"

namespace varve::engine {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

struct LakeInfo : duckdb::ScalarFunctionInfo {
  explicit LakeInfo(EngineCore& c) : core(c) {}
  EngineCore& core;
};

EngineCore& CoreOf(const duckdb::ExpressionState& state) {
  const auto& function = state.expr.Cast<duckdb::BoundFunctionExpression>().function;
  return static_cast<const LakeInfo&>(*function.function_info).core;
}

Value VersionOf(EngineCore& core, const TableRef& table) {
  const auto delta = core.parts.tables->Find(table->id);
  return delta ? Value::BIGINT(delta->files()->version) : Value(LogicalType::BIGINT);
}

void RefreshAll(duckdb::DataChunk&, duckdb::ExpressionState& state, duckdb::Vector& result) {
  auto& core = CoreOf(state);
  ThrowIfError(core.sync->Refresh());
  result.Reference(Value::BIGINT(static_cast<int64_t>(core.catalog.List().size())));
}

void RefreshTables(duckdb::DataChunk& args, duckdb::ExpressionState& state,
                   duckdb::Vector& result) {
  auto& core = CoreOf(state);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  for (duckdb::idx_t i = 0; i < args.size(); i++) {
    const Value name = args.data[0].GetValue(i);
    if (name.IsNull()) {
      duckdb::FlatVector::SetNull(result, i, true);
      continue;
    }
    const auto table = ResolveTable(state.GetContext(), name.ToString());
    ThrowIfError(core.sync->Refresh(table));
    result.SetValue(i, VersionOf(core, table));
  }
}

}  // namespace

void RegisterLakeFunctions(duckdb::ExtensionLoader& loader, EngineCore& core) {
  duckdb::ScalarFunctionSet refresh("varve_refresh");
  refresh.AddFunction(duckdb::ScalarFunction({}, LogicalType::BIGINT, RefreshAll));
  refresh.AddFunction(
      duckdb::ScalarFunction({LogicalType::VARCHAR}, LogicalType::BIGINT, RefreshTables));
  for (auto& function : refresh.functions) {
    function.SetVolatile();
    function.function_info = duckdb::make_shared_ptr<LakeInfo>(core);
  }
  loader.RegisterFunction(std::move(refresh));
}

Status CreateLakeMacros(duckdb::Connection& connection) {
  return RunInternal(connection,
                     "CREATE OR REPLACE MACRO varve.refresh() AS varve_refresh(), "
                     "(table_name) AS varve_refresh(table_name)")
      .status();
}

}  // namespace varve::engine
