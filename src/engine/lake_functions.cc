#include "engine/lake_functions.h"

#include "engine/core_function.h"
#include "engine/duck_guard.h"
#include "engine/engine_core.h"
#include "engine/table_argument.h"

namespace varve::engine {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

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
  ForEachText(args, result, [&](const std::string& name) {
    const auto table = ResolveTable(state.GetContext(), name);
    ThrowIfError(core.sync->Refresh(table));
    return VersionOf(core, table);
  });
}

void FlushTables(duckdb::DataChunk& args, duckdb::ExpressionState& state, duckdb::Vector& result) {
  auto& core = CoreOf(state);
  if (core.parts.maintenance == nullptr) {
    ThrowStatus(SqlError(sqlstate::kCannotConnectNow, "flushing is not available yet"));
  }
  ForEachText(args, result, [&](const std::string& name) {
    int64_t rows = 0;
    Status first;
    // One project's storage that is down keeps no other rows from being flushed.
    for (const TableRef& table : ResolveWithParts(state.GetContext(), name)) {
      core.tables->WaitUntilMade(table->id);
      const auto flushed = core.parts.maintenance->Flush(table);
      rows += flushed.ok() ? *flushed : 0;
      if (first.ok() && !flushed.ok()) first = flushed.status();
    }
    ThrowIfError(first);
    return Value::BIGINT(rows);
  });
}

}  // namespace

void RegisterLakeFunctions(duckdb::ExtensionLoader& loader, EngineCore& core) {
  duckdb::ScalarFunctionSet refresh("varve_refresh");
  refresh.AddFunction(duckdb::ScalarFunction({}, LogicalType::BIGINT, RefreshAll));
  refresh.AddFunction(
      duckdb::ScalarFunction({LogicalType::VARCHAR}, LogicalType::BIGINT, RefreshTables));
  for (auto& function : refresh.functions) BindToCore(function, core);
  loader.RegisterFunction(std::move(refresh));
  duckdb::ScalarFunction flush("varve_flush", {LogicalType::VARCHAR}, LogicalType::BIGINT,
                               FlushTables);
  BindToCore(flush, core);
  loader.RegisterFunction(std::move(flush));
}

Status CreateLakeMacros(duckdb::Connection& connection) {
  VARVE_RETURN_IF_ERROR(
      RunInternal(connection,
                  "CREATE OR REPLACE MACRO varve.flush(table_name) AS varve_flush(table_name)")
          .status());
  return RunInternal(connection,
                     "CREATE OR REPLACE MACRO varve.refresh() AS varve_refresh(), "
                     "(table_name) AS varve_refresh(table_name)")
      .status();
}

}  // namespace varve::engine
