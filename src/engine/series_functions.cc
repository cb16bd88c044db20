#include "engine/series_functions.h"

#include <array>
#include <cmath>
#include <duckdb/function/aggregate_function.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/catalog_edit.h"
#include "engine/pg_error.h"

namespace varve::engine {

using duckdb::AggregateFinalizeData;
using duckdb::AggregateFunction;
using duckdb::AggregateInputData;
using duckdb::AggregateUnaryInput;
using duckdb::DataChunk;
using duckdb::ExpressionState;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::ScalarFunction;
using duckdb::ScalarFunctionSet;
using duckdb::UnifiedVectorFormat;
using duckdb::Vector;

namespace {

// Calls a function of plain values for each row in which no argument is NULL; nullopt is NULL.
template <auto Function>
struct Rows;

template <typename Value, typename... Arguments, std::optional<Value> (*Function)(Arguments...)>
struct Rows<Function> {
  static void Run(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
    RunOver(args, result, std::index_sequence_for<Arguments...>());
  }

 private:
  template <size_t... I>
  static void RunOver(DataChunk& args, Vector& result, std::index_sequence<I...> /*places*/) {
    const bool is_constant = args.AllConstant();
    const idx_t count = is_constant ? 1 : args.size();
    std::array<UnifiedVectorFormat, sizeof...(Arguments)> in;
    (args.data[I].ToUnifiedFormat(args.size(), in[I]), ...);
    result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
    auto* out = duckdb::FlatVector::GetData<Value>(result);
    auto& validity = duckdb::FlatVector::Validity(result);
    for (idx_t row = 0; row < count; ++row) {
      std::optional<Value> value;
      if ((in[I].validity.RowIsValid(in[I].sel->get_index(row)) && ...)) {
        value =
            Function(UnifiedVectorFormat::GetData<Arguments>(in[I])[in[I].sel->get_index(row)]...);
      }
      if (value) {
        out[row] = *value;
      } else {
        validity.SetInvalid(row);
      }
    }
    if (is_constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  }
};

[[noreturn]] void ThrowBigintOutOfRange() { ThrowOutOfRange("bigint"); }

void CheckPositive(bool is_positive, const char* what) {
  if (is_positive) return;
  ThrowSqlError(sqlstate::kInvalidParameterValue, std::string(what) + " must be greater than 0");
}

// Finite operands have a finite result, or it is out of range, as in PostgreSQL's own operators.
template <typename... Operands>
double Checked(double value, Operands... operands) {
  if (std::isinf(value) && (std::isfinite(operands) && ...)) {
    ThrowSqlError(sqlstate::kNumericOutOfRange, "value out of range: overflow");
  }
  return value;
}

std::optional<int64_t> AlignTime(int64_t ts, int64_t step, int64_t origin) {
  CheckPositive(step > 0, "step");
  // Both remainders lie in (-step, step); neither ts - origin nor their difference has to fit.
  __int128 rest = (static_cast<__int128>(ts) - origin) % step;
  if (rest < 0) rest += step;
  int64_t start;
  if (__builtin_sub_overflow(ts, static_cast<int64_t>(rest), &start)) ThrowBigintOutOfRange();
  return start;
}

std::optional<int64_t> TsBucket(int64_t ts, int64_t step) { return AlignTime(ts, step, 0); }

std::optional<int64_t> ShiftTs(int64_t ts, int64_t offset) {
  int64_t shifted;
  if (__builtin_add_overflow(ts, offset, &shifted)) ThrowBigintOutOfRange();
  return shifted;
}

std::optional<double> Clamp(double value, double low, double high) {
  if (std::isnan(low) || std::isnan(high)) {
    ThrowSqlError(sqlstate::kInvalidParameterValue, "bounds of clamp cannot be NaN");
  }
  if (low > high) {
    ThrowSqlError(sqlstate::kInvalidParameterValue,
                  "lower bound of clamp cannot be greater than the upper bound");
  }
  if (value < low) return low;
  return value > high ? high : value;  // NaN stays what it is
}

std::optional<double> NullIfOutside(double value, double low, double high) {
  if (value >= low && value <= high) return value;
  return std::nullopt;
}

std::optional<double> SeriesAdd(double a, double b) { return Checked(a + b, a, b); }
std::optional<double> SeriesSub(double a, double b) { return Checked(a - b, a, b); }
std::optional<float> RealDifference(float a, float b) {
  const float difference = a - b;
  Checked(difference, a, b);
  return difference;
}
std::optional<double> SeriesMul(double a, double b) { return Checked(a * b, a, b); }
std::optional<double> SeriesDiv(double a, double b) {
  if (b == 0) return std::nullopt;
  return Checked(a / b, a, b);
}

// What a counter went up by; nullopt when it was reset, or when there is no such number.
std::optional<double> Increase(double now, double before) {
  if (!std::isfinite(now) || !std::isfinite(before) || now < before) return std::nullopt;
  return Checked(now - before, now, before);
}

std::optional<double> BucketRate(double now, double before, double bucket) {
  CheckPositive(bucket > 0, "bucket");
  const auto increase = Increase(now, before);
  if (!increase) return std::nullopt;
  return Checked(*increase / bucket, *increase, bucket);
}

std::optional<double> PctChange(double now, double before) {
  if (before == 0) return std::nullopt;
  const double change = Checked(now - before, now, before);
  return Checked(change / before, change, before);
}

// `Units`: of time, in a second.
template <int64_t Units>
std::optional<double> CounterRate(double now, double before, int64_t ts, int64_t ts_before) {
  const auto increase = Increase(now, before);
  if (!increase || ts <= ts_before) return std::nullopt;
  const double units =
      static_cast<double>(static_cast<uint64_t>(ts) - static_cast<uint64_t>(ts_before));
  return Checked(*increase / (units / Units), *increase);
}

void RowCount(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  UnifiedVectorFormat in;
  args.data[0].ToUnifiedFormat(args.size(), in);
  for (idx_t row = 0; row < args.size(); ++row) {
    const idx_t at = in.sel->get_index(row);
    CheckPositive(in.validity.RowIsValid(at) && UnifiedVectorFormat::GetData<int64_t>(in)[at] > 0,
                  "number of rows of a window function");
  }
  result.Reference(args.data[0]);
}

void NoRowCount(DataChunk& /*args*/, ExpressionState& /*state*/, Vector& /*result*/) {
  ThrowSqlError(sqlstate::kInvalidParameterValue,
                "number of rows of a window function must be a whole number");
}

uint64_t Apart(int64_t a, int64_t b) {
  return a > b ? static_cast<uint64_t>(a) - static_cast<uint64_t>(b)
               : static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
}

// The widest spacing at which all times lie: 0 when they are all the same.
struct GridState {
  int64_t any_time;
  uint64_t spacing;
  bool is_empty;
};

struct Grid {
  template <class STATE>
  static void Initialize(STATE& state) {
    state = {0, 0, true};
  }
  template <class INPUT, class STATE, class OP>
  static void Operation(STATE& state, const INPUT& input, AggregateUnaryInput& /*unary*/) {
    if (state.is_empty) state = {input, 0, false};
    state.spacing = std::gcd(state.spacing, Apart(state.any_time, input));
  }
  template <class INPUT, class STATE, class OP>
  static void ConstantOperation(STATE& state, const INPUT& input, AggregateUnaryInput& unary,
                                idx_t /*count*/) {
    Operation<INPUT, STATE, OP>(state, input, unary);
  }
  template <class STATE, class OP>
  static void Combine(const STATE& source, STATE& target, AggregateInputData& /*input*/) {
    if (source.is_empty) return;
    if (target.is_empty) {
      target = source;
      return;
    }
    const uint64_t both = std::gcd(source.spacing, target.spacing);
    target.spacing = std::gcd(both, Apart(source.any_time, target.any_time));
  }
  template <class T, class STATE>
  static void Finalize(STATE& state, T& target, AggregateFinalizeData& finalize) {
    if (state.is_empty || state.spacing > INT64_MAX) return finalize.ReturnNull();
    target = static_cast<T>(state.spacing);
  }
  static bool IgnoreNull() { return true; }
};

// Whether two times are `n` times the spacing apart.
std::optional<bool> OnGrid(int64_t a, int64_t b, int64_t n, int64_t spacing) {
  return spacing > 0 && static_cast<__int128>(n) * spacing == Apart(a, b);
}

template <auto Function>
ScalarFunction Of(const char* name, duckdb::vector<LogicalType> arguments, LogicalType type) {
  ScalarFunction function(name, std::move(arguments), std::move(type), Rows<Function>::Run);
  function.SetFallible();
  return function;
}

void Register(duckdb::DatabaseInstance& db, std::initializer_list<ScalarFunction> overloads) {
  ScalarFunctionSet set(overloads.begin()->name);
  for (const auto& overload : overloads) set.AddFunction(overload);
  ReplaceFunction(db, std::move(set));
}

// The operator for all types that it has; floating point goes to infinity in it without a word.
void RegisterDifference(duckdb::DatabaseInstance& db) {
  constexpr const char* kName = "varve_difference";
  ScalarFunctionSet difference(kName);
  for (auto minus : ScalarFunctionsOf(db, "-").functions) {
    if (minus.arguments.size() != 2) continue;
    minus.name = kName;
    difference.AddFunction(std::move(minus));
  }
  ReplaceFunction(db, std::move(difference));
  ScalarFunctionSet checked(kName);
  checked.AddFunction(
      Of<SeriesSub>(kName, {LogicalType::DOUBLE, LogicalType::DOUBLE}, LogicalType::DOUBLE));
  checked.AddFunction(
      Of<RealDifference>(kName, {LogicalType::FLOAT, LogicalType::FLOAT}, LogicalType::FLOAT));
  AddOverloads(db, std::move(checked));
}

void RegisterForWindows(duckdb::DatabaseInstance& db) {
  constexpr int64_t kMicros = 1'000'000;
  const LogicalType number = LogicalType::DOUBLE;
  const LogicalType count = LogicalType::BIGINT;
  Register(db, {Of<PctChange>("varve_pct_change", {number, number}, number)});
  ScalarFunction rows("varve_row_count", {count}, count, RowCount);
  rows.SetNullHandling(duckdb::FunctionNullHandling::SPECIAL_HANDLING);
  rows.SetFallible();
  ScalarFunction no_rows("varve_row_count", {number}, count, NoRowCount);
  no_rows.SetNullHandling(duckdb::FunctionNullHandling::SPECIAL_HANDLING);
  no_rows.SetFallible();
  Register(db, {rows, no_rows});
  RegisterDifference(db);
  ScalarFunctionSet rate("varve_counter_rate");
  ScalarFunctionSet on_grid("varve_on_grid");
  duckdb::AggregateFunctionSet grid("varve_grid");
  const std::array<LogicalType, 3> times = {LogicalType::BIGINT, LogicalType::TIMESTAMP,
                                            LogicalType::TIMESTAMP_TZ};
  for (const LogicalType& time : times) {
    const duckdb::vector<LogicalType> arguments = {number, number, time, time};
    rate.AddFunction(time == count ? Of<CounterRate<1>>("", arguments, number)
                                   : Of<CounterRate<kMicros>>("", arguments, number));
    on_grid.AddFunction(Of<OnGrid>("", {time, time, count, count}, LogicalType::BOOLEAN));
    grid.AddFunction(
        AggregateFunction::UnaryAggregate<GridState, int64_t, int64_t, Grid>(time, count));
  }
  ReplaceFunction(db, std::move(rate));
  ReplaceFunction(db, std::move(on_grid));
  ReplaceFunction(db, std::move(grid));
}

}  // namespace

void RegisterSeriesFunctions(duckdb::DatabaseInstance& db) {
  const LogicalType number = LogicalType::DOUBLE;
  const LogicalType time = LogicalType::BIGINT;
  Register(db, {Of<TsBucket>("ts_bucket", {time, time}, time)});
  Register(db, {Of<AlignTime>("align_time", {time, time, time}, time)});
  Register(db, {Of<ShiftTs>("shift_ts", {time, time}, time)});
  Register(db, {Of<Clamp>("clamp", {number, number, number}, number)});
  Register(db, {Of<NullIfOutside>("null_if_outside", {number, number, number}, number)});
  Register(db, {Of<SeriesAdd>("series_add", {number, number}, number)});
  Register(db, {Of<SeriesSub>("series_sub", {number, number}, number)});
  Register(db, {Of<SeriesMul>("series_mul", {number, number}, number)});
  Register(db, {Of<SeriesDiv>("series_div", {number, number}, number)});
  Register(db, {Of<BucketRate>("bucket_rate", {number, number, number}, number)});
  RegisterForWindows(db);
}

}  // namespace varve::engine
