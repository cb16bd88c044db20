#include "engine/upkeep_functions.h"

#include <duckdb/planner/expression/bound_function_expression.hpp>

#include "engine/duck_guard.h"
#include "engine/engine_core.h"
#include "engine/read_only.h"
#include "engine/table_argument.h"

namespace varve::engine {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

using catalog::TableUpkeep;
using Work = Result<std::string> (TableUpkeep::*)(const TableRef&, const TableUpkeep::Stopped&);

struct UpkeepInfo : duckdb::ScalarFunctionInfo {
  UpkeepInfo(EngineCore& c, Work w) : core(c), work(w) {}
  EngineCore& core;
  const Work work;
};

void DoUpkeep(duckdb::DataChunk& args, duckdb::ExpressionState& state, duckdb::Vector& result) {
  const auto& function = state.expr.Cast<duckdb::BoundFunctionExpression>().function;
  const auto& info = static_cast<const UpkeepInfo&>(*function.function_info);
  RefuseToAct(state.GetContext(), function.name);
  TableUpkeep* upkeep = info.core.parts.upkeep;
  if (upkeep == nullptr) {
    ThrowStatus(SqlError(sqlstate::kCannotConnectNow, "the upkeep of tables is not available yet"));
  }
  auto& context = state.GetContext();
  ForEachText(args, result, [&](const std::string& name) {
    std::string report;
    for (const TableRef& table : ResolveWithParts(context, name)) {
      const Result<std::string> done =
          (upkeep->*info.work)(table, [&context] { return context.IsInterrupted(); });
      if (!table->is_part()) {
        ThrowIfError(done.status());
        report = *done;
        continue;
      }
      const std::string whose = fmt::format("project {}", table->project);
      ThrowIfError(Annotate(done.status(), whose));
      report += fmt::format("; {}: {}", whose, *done);
    }
    return Value(report);
  });
}

constexpr struct {
  const char* name;
  Work work;
} kFunctions[] = {{"compact", &TableUpkeep::Compact},
                  {"expire", &TableUpkeep::Expire},
                  {"vacuum", &TableUpkeep::Vacuum}};

}  // namespace

void RegisterUpkeepFunctions(duckdb::ExtensionLoader& loader, EngineCore& core) {
  for (const auto& [name, work] : kFunctions) {
    duckdb::ScalarFunction function(std::string("varve_") + name, {LogicalType::VARCHAR},
                                    LogicalType::VARCHAR, DoUpkeep);
    function.SetVolatile();
    function.function_info = duckdb::make_shared_ptr<UpkeepInfo>(core, work);
    loader.RegisterFunction(std::move(function));
  }
}

Status CreateUpkeepMacros(duckdb::Connection& connection) {
  for (const auto& [name, work] : kFunctions) {
    const std::string sql =
        fmt::format("CREATE OR REPLACE MACRO varve.{0}(table_name) AS varve_{0}(table_name)", name);
    VARVE_RETURN_IF_ERROR(RunInternal(connection, sql).status());
  }
  return OkStatus();
}

}  // namespace varve::engine
