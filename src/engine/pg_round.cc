#include "engine/pg_round.h"

#include <algorithm>
#include <cmath>
#include <duckdb/common/types/decimal.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>

#include "engine/catalog_edit.h"
#include "engine/decimal_division.h"
#include "engine/pg_error.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::Expression;
using duckdb::ExpressionState;
using duckdb::FunctionData;
using duckdb::hugeint_t;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;
using duckdb::unique_ptr;
using duckdb::Vector;

namespace {

// A scale beyond this leaves too few digits before the point to be of use.
constexpr int kScaleMax = 20;

struct Rounding : FunctionData {
  Rounding(int shift_digits, int zero_digits) : shift(shift_digits), zeros(zero_digits) {}
  unique_ptr<FunctionData> Copy() const override {
    return duckdb::make_uniq<Rounding>(shift, zeros);
  }
  bool Equals(const FunctionData& other) const override {
    return shift == other.Cast<Rounding>().shift && zeros == other.Cast<Rounding>().zeros;
  }
  const int shift;  // digits that the number is moved left; negative: that many are rounded away
  const int zeros;  // zeros put back for round(n, -2)
};

void ExecuteDecimal(DataChunk& args, ExpressionState& state, Vector& result) {
  const auto& call = state.expr.Cast<duckdb::BoundFunctionExpression>();
  const auto& rounding = call.bind_info->Cast<Rounding>();
  const Int128 unit = PowerOfTen(rounding.zeros);
  duckdb::UnaryExecutor::Execute<hugeint_t, hugeint_t>(
      args.data[0], result, args.size(), [&](hugeint_t value) {
        Int128 rounded = 0;
        if (!DivideRounded(ToInt128(value), 1, rounding.shift, rounded) ||
            __builtin_mul_overflow(rounded, unit, &rounded)) {
          ThrowOutOfRange("numeric");
        }
        return ToHugeint(rounded);
      });
}

// A number of digits that is only known per row: the scale stays, the digits become zeros.
void ExecuteVarying(DataChunk& args, ExpressionState& state, Vector& result) {
  const auto& call = state.expr.Cast<duckdb::BoundFunctionExpression>();
  const int scale = duckdb::DecimalType::GetScale(call.return_type);
  duckdb::BinaryExecutor::Execute<hugeint_t, int32_t, hugeint_t>(
      args.data[0], args.data[1], result, args.size(), [&](hugeint_t value, int32_t digits) {
        if (digits >= scale) return value;
        const int cut = std::min(scale - std::max(digits, -38), 38);
        Int128 rounded = 0;
        if (!DivideRounded(ToInt128(value), 1, -cut, rounded) ||
            __builtin_mul_overflow(rounded, PowerOfTen(cut), &rounded)) {
          ThrowOutOfRange("numeric");
        }
        return ToHugeint(rounded);
      });
}

unique_ptr<FunctionData> BindDecimal(ClientContext& context, ScalarFunction& function,
                                     duckdb::vector<unique_ptr<Expression>>& arguments) {
  if (arguments[0]->return_type.id() == LogicalTypeId::UNKNOWN) {
    throw duckdb::ParameterNotResolvedException();
  }
  uint8_t width = 0;
  uint8_t scale = 0;
  arguments[0]->return_type.GetDecimalProperties(width, scale);
  constexpr uint8_t kWidth = duckdb::Decimal::MAX_WIDTH_DECIMAL;
  function.arguments[0] = LogicalType::DECIMAL(kWidth, scale);
  if (!arguments[1]->IsFoldable()) {
    function.return_type = LogicalType::DECIMAL(kWidth, scale);
    function.function = ExecuteVarying;
    return nullptr;
  }
  const auto digits = duckdb::ExpressionExecutor::EvaluateScalar(context, *arguments[1]);
  const int wanted = digits.IsNull() ? 0 : digits.GetValue<int32_t>();
  const int kept = std::clamp(wanted, -duckdb::Decimal::MAX_WIDTH_DECIMAL + 1, kScaleMax);
  function.return_type = LogicalType::DECIMAL(kWidth, static_cast<uint8_t>(std::max(kept, 0)));
  function.function = ExecuteDecimal;
  return duckdb::make_uniq<Rounding>(kept - scale, std::max(-kept, 0));
}

void ExecuteDouble(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  duckdb::UnaryExecutor::Execute<double, double>(
      args.data[0], result, args.size(), [](double value) { return std::nearbyint(value); });
}

}  // namespace

void RegisterRounding(duckdb::DatabaseInstance& db) {
  // round(float, float) does not exist in PostgreSQL; DuckDB's stays, it takes nothing away.
  auto round = ScalarFunctionsOf(db, "round");
  auto& list = round.functions;
  list.erase(std::remove_if(list.begin(), list.end(),
                            [](const ScalarFunction& old) {
                              const bool digits = old.arguments.size() == 2;
                              return (digits && old.arguments[0].id() == LogicalTypeId::DECIMAL) ||
                                     (!digits && old.arguments[0].id() == LogicalTypeId::DOUBLE);
                            }),
             list.end());
  ScalarFunction decimal({LogicalTypeId::DECIMAL, LogicalType::INTEGER}, LogicalTypeId::DECIMAL,
                         nullptr, BindDecimal);
  decimal.SetFallible();
  list.push_back(std::move(decimal));
  list.push_back(ScalarFunction({LogicalType::DOUBLE}, LogicalType::DOUBLE, ExecuteDouble));
  ReplaceFunction(db, std::move(round));
}

}  // namespace varve::engine
