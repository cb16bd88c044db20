// Lets a scalar function reach the engine that it was registered for.
//
// Role:     engine, at registration -> [BindToCore] -> CoreOf, when the function runs.
// Threads:  as the function's.
#pragma once

#include <duckdb.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>

#include "engine/engine_core.h"
#include "engine/read_only.h"

namespace varve::engine {

struct CoreInfo : duckdb::ScalarFunctionInfo {
  explicit CoreInfo(EngineCore& c) : core(c) {}
  EngineCore& core;
};

// `function` does something, and is therefore called each time.
inline void BindToCore(duckdb::ScalarFunction& function, EngineCore& core) {
  function.SetVolatile();
  function.function_info = duckdb::make_shared_ptr<CoreInfo>(core);
}

// 25006 in a session that may only read.
inline EngineCore& CoreOf(duckdb::ExpressionState& state) {
  const auto& function = state.expr.Cast<duckdb::BoundFunctionExpression>().function;
  RefuseToAct(state.GetContext(), function.name);
  return static_cast<const CoreInfo&>(*function.function_info).core;
}

}  // namespace varve::engine
