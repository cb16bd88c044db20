#include "engine/percentile.h"

#include <duckdb/common/vector_operations/binary_executor.hpp>
#include <duckdb/function/aggregate_function.hpp>

#include "engine/catalog_edit.h"
#include "engine/percentile_sketch.h"
#include "engine/pg_error.h"

namespace varve::engine {

using duckdb::AggregateFinalizeData;
using duckdb::AggregateFunction;
using duckdb::AggregateInputData;
using duckdb::AggregateUnaryInput;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::string_t;

namespace {

struct SketchState {
  PercentileSketch* sketch;  // owned; made by the first value
};

PercentileSketch& SketchOf(SketchState& state) {
  if (state.sketch == nullptr) state.sketch = new PercentileSketch();
  return *state.sketch;
}

// The shape of the methods is DuckDB's.
struct Sketching {
  template <class STATE>
  static void Initialize(STATE& state) {
    state.sketch = nullptr;
  }
  template <class INPUT, class STATE, class OP>
  static void Operation(STATE& state, const INPUT& input, AggregateUnaryInput& /*unary*/) {
    SketchOf(state).Add(input);
  }
  template <class INPUT, class STATE, class OP>
  static void ConstantOperation(STATE& state, const INPUT& input, AggregateUnaryInput& unary,
                                idx_t count) {
    for (idx_t i = 0; i < count; ++i) Operation<INPUT, STATE, OP>(state, input, unary);
  }
  template <class STATE, class OP>
  static void Combine(const STATE& source, STATE& target, AggregateInputData& /*input*/) {
    if (source.sketch != nullptr) SketchOf(target).Merge(*source.sketch);
  }
  template <class T, class STATE>
  static void Finalize(STATE& state, T& target, AggregateFinalizeData& finalize) {
    if (state.sketch == nullptr || state.sketch->count() == 0) return finalize.ReturnNull();
    std::string bytes;
    state.sketch->AppendTo(bytes);
    target = duckdb::StringVector::AddStringOrBlob(finalize.result, bytes);
  }
  template <class STATE>
  static void Destroy(STATE& state, AggregateInputData& /*input*/) {
    delete state.sketch;
    state.sketch = nullptr;
  }
  static bool IgnoreNull() { return true; }
};

void ExecutePercentile(duckdb::DataChunk& args, duckdb::ExpressionState& /*state*/,
                       duckdb::Vector& result) {
  duckdb::BinaryExecutor::Execute<double, string_t, double>(
      args.data[0], args.data[1], result, args.size(), [](double share, string_t bytes) {
        if (!(share >= 0 && share <= 1)) {
          ThrowSqlError(sqlstate::kInvalidParameterValue, "percentile must be between 0 and 1");
        }
        const auto sketch = PercentileSketch::Parse({bytes.GetData(), bytes.GetSize()});
        if (!sketch.ok() || sketch->count() == 0) {
          ThrowSqlError(sqlstate::kInvalidParameterValue, "not a result of percentile_agg()");
        }
        return sketch->Percentile(share);
      });
}

}  // namespace

void RegisterPercentile(duckdb::DatabaseInstance& db) {
  auto aggregate =
      AggregateFunction::UnaryAggregateDestructor<SketchState, double, string_t, Sketching,
                                                  duckdb::AggregateDestructorType::LEGACY>(
          LogicalType::DOUBLE, LogicalType::BLOB);
  aggregate.name = "percentile_agg";
  aggregate.SetOrderDependent(duckdb::AggregateOrderDependent::NOT_ORDER_DEPENDENT);
  duckdb::AggregateFunctionSet aggregates("percentile_agg");
  aggregates.AddFunction(std::move(aggregate));
  ReplaceFunction(db, std::move(aggregates));

  duckdb::ScalarFunction percentile({LogicalType::DOUBLE, LogicalType::BLOB}, LogicalType::DOUBLE,
                                    ExecutePercentile);
  percentile.SetFallible();
  duckdb::ScalarFunctionSet functions("approx_percentile");
  functions.AddFunction(std::move(percentile));
  ReplaceFunction(db, std::move(functions));
}

}  // namespace varve::engine
