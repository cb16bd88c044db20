#include "engine/pg_aggregates.h"

#include <duckdb/common/types/decimal.hpp>
#include <duckdb/function/aggregate_function.hpp>

#include "engine/catalog_edit.h"
#include "engine/decimal_division.h"
#include "engine/pg_arithmetic.h"
#include "engine/pg_error.h"

namespace varve::engine {

using duckdb::AggregateFinalizeData;
using duckdb::AggregateFunction;
using duckdb::AggregateInputData;
using duckdb::AggregateUnaryInput;
using duckdb::ClientContext;
using duckdb::Expression;
using duckdb::FunctionData;
using duckdb::hugeint_t;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::unique_ptr;

namespace {

// Sum and count of one group. Sum is int64_t where 2^32 rows cannot overflow it, else Int128.
// Packed because DuckDB aligns states to 8 bytes and the compiler would use instructions that want
// 16.
template <typename Sum>
struct __attribute__((packed, aligned(8))) SumState {
  Sum sum;
  int64_t count;
};
static_assert(alignof(SumState<Int128>) == 8 && sizeof(SumState<Int128>) == 24);

int64_t Widen(int16_t value) { return value; }
int64_t Widen(int32_t value) { return value; }
Int128 Widen(int64_t value) { return value; }
Int128 Widen(const hugeint_t& value) { return ToInt128(value); }

template <typename Sum>
Sum Added(Sum sum, Sum value) {
  if (__builtin_add_overflow(sum, value, &sum)) {
    ThrowOutOfRange(sizeof(Sum) == 8 ? "bigint" : "numeric");
  }
  return sum;
}

// What sum() and avg() share; the shape of the methods is DuckDB's.
struct Summing {
  template <class STATE>
  static void Initialize(STATE& state) {
    state.sum = 0;
    state.count = 0;
  }
  template <class INPUT, class STATE, class OP>
  static void Operation(STATE& state, const INPUT& input, AggregateUnaryInput& /*unary*/) {
    state.sum = Added(state.sum, static_cast<decltype(state.sum)>(Widen(input)));
    ++state.count;
  }
  template <class INPUT, class STATE, class OP>
  static void ConstantOperation(STATE& state, const INPUT& input, AggregateUnaryInput& /*unary*/,
                                idx_t count) {
    using Sum = decltype(state.sum);
    Sum product;
    if (__builtin_mul_overflow(static_cast<Sum>(Widen(input)), static_cast<Sum>(count), &product)) {
      ThrowOutOfRange(sizeof(Sum) == 8 ? "bigint" : "numeric");
    }
    state.sum = Added(state.sum, product);
    state.count += static_cast<int64_t>(count);
  }
  template <class STATE, class OP>
  static void Combine(const STATE& source, STATE& target, AggregateInputData& /*input*/) {
    target.sum = Added(target.sum, source.sum);
    target.count += source.count;
  }
  static bool IgnoreNull() { return true; }
};

struct SumToBigint : Summing {
  template <class T, class STATE>
  static void Finalize(STATE& state, T& target, AggregateFinalizeData& finalize) {
    if (state.count == 0) return finalize.ReturnNull();
    target = state.sum;
  }
};

// `Shift`: digits between the input's scale and the result's, for integers known beforehand.
hugeint_t Average(Int128 sum, int64_t count, int digits) {
  Int128 quotient = 0;
  if (!DivideRounded(sum, count, digits, quotient)) ThrowOutOfRange("numeric");
  return ToHugeint(quotient);
}

struct AverageOfIntegers : Summing {
  template <class T, class STATE>
  static void Finalize(STATE& state, T& target, AggregateFinalizeData& finalize) {
    if (state.count == 0) return finalize.ReturnNull();
    target = Average(state.sum, state.count, kQuotientScale);
  }
};

struct AverageShift : FunctionData {
  explicit AverageShift(int shift) : digits(shift) {}
  unique_ptr<FunctionData> Copy() const override { return duckdb::make_uniq<AverageShift>(digits); }
  bool Equals(const FunctionData& other) const override {
    return digits == other.Cast<AverageShift>().digits;
  }
  const int digits;
};

struct AverageOfDecimals : Summing {
  template <class T, class STATE>
  static void Finalize(STATE& state, T& target, AggregateFinalizeData& finalize) {
    if (state.count == 0) return finalize.ReturnNull();
    const auto& shift = finalize.input.bind_data->template Cast<AverageShift>();
    target = Average(state.sum, state.count, shift.digits);
  }
};

AggregateFunction Unordered(AggregateFunction function) {
  function.SetOrderDependent(duckdb::AggregateOrderDependent::NOT_ORDER_DEPENDENT);
  return function;
}

template <typename Input, typename Sum>
AggregateFunction IntegerAverage(const LogicalType& type) {
  const auto numeric = LogicalType::DECIMAL(duckdb::Decimal::MAX_WIDTH_DECIMAL, kQuotientScale);
  return Unordered(
      AggregateFunction::UnaryAggregate<SumState<Sum>, Input, hugeint_t, AverageOfIntegers>(
          type, numeric));
}

template <typename Input>
AggregateFunction DecimalAverage(const LogicalType& type) {
  return AggregateFunction::UnaryAggregate<SumState<Int128>, Input, hugeint_t, AverageOfDecimals>(
      type, LogicalType::DECIMAL(duckdb::Decimal::MAX_WIDTH_DECIMAL, kQuotientScale));
}

unique_ptr<FunctionData> BindDecimalAverage(ClientContext& /*context*/, AggregateFunction& function,
                                            duckdb::vector<unique_ptr<Expression>>& arguments) {
  const auto type = arguments[0]->return_type;
  const uint8_t scale = duckdb::DecimalType::GetScale(type);
  const uint8_t result_scale = std::max(scale, kQuotientScale);
  switch (type.InternalType()) {
    case duckdb::PhysicalType::INT16:
      function = DecimalAverage<int16_t>(type);
      break;
    case duckdb::PhysicalType::INT32:
      function = DecimalAverage<int32_t>(type);
      break;
    case duckdb::PhysicalType::INT64:
      function = DecimalAverage<int64_t>(type);
      break;
    default:
      function = DecimalAverage<hugeint_t>(type);
      break;
  }
  function = Unordered(std::move(function));
  function.name = "avg";
  function.return_type = LogicalType::DECIMAL(duckdb::Decimal::MAX_WIDTH_DECIMAL, result_scale);
  return duckdb::make_uniq<AverageShift>(result_scale - scale);
}

template <typename Input>
AggregateFunction IntegerSum(const LogicalType& type) {
  return Unordered(
      AggregateFunction::UnaryAggregate<SumState<int64_t>, Input, int64_t, SumToBigint>(
          type, LogicalType::BIGINT));
}

}  // namespace

void RegisterAggregates(duckdb::DatabaseInstance& db) {
  duckdb::AggregateFunctionSet sum("sum");
  sum.AddFunction(IntegerSum<int16_t>(LogicalType::SMALLINT));
  sum.AddFunction(IntegerSum<int32_t>(LogicalType::INTEGER));
  // DuckDB's sum(bigint) is a hugeint, which has the bytes of a DECIMAL(38,0): with the type
  // changed its shortcuts by statistics keep working.
  for (auto function : AggregatesOf(db, "sum").functions) {
    if (function.arguments[0].id() != LogicalTypeId::BIGINT) continue;
    function.return_type = LogicalType::DECIMAL(duckdb::Decimal::MAX_WIDTH_DECIMAL, 0);
    sum.AddFunction(std::move(function));
  }
  AddOverloads(db, std::move(sum));

  duckdb::AggregateFunctionSet avg("avg");
  avg.AddFunction(IntegerAverage<int16_t, int64_t>(LogicalType::SMALLINT));
  avg.AddFunction(IntegerAverage<int32_t, int64_t>(LogicalType::INTEGER));
  avg.AddFunction(IntegerAverage<int64_t, Int128>(LogicalType::BIGINT));
  avg.AddFunction(IntegerAverage<hugeint_t, Int128>(LogicalType::HUGEINT));
  avg.AddFunction(AggregateFunction(
      {LogicalTypeId::DECIMAL}, LogicalTypeId::DECIMAL, nullptr, nullptr, nullptr, nullptr, nullptr,
      duckdb::FunctionNullHandling::DEFAULT_NULL_HANDLING, nullptr, BindDecimalAverage));
  AddOverloads(db, std::move(avg));
}

}  // namespace varve::engine
