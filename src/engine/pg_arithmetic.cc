#include "engine/pg_arithmetic.h"

#include <cmath>
#include <duckdb/common/types/decimal.hpp>
#include <duckdb/common/vector_operations/binary_executor.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <limits>

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
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::ScalarFunction;
using duckdb::ScalarFunctionSet;
using duckdb::unique_ptr;
using duckdb::Vector;

namespace {

using Arguments = duckdb::vector<unique_ptr<Expression>>;

[[noreturn]] void ThrowDivisionByZero() {
  ThrowSqlError(sqlstate::kDivisionByZero, "division by zero");
}

// A DECIMAL in the catalogue's integer forms, widened for arithmetic.
Int128 Wide(int64_t value) { return value; }
Int128 Wide(const hugeint_t& value) { return ToInt128(value); }

struct Divide {
  template <typename T>
  static T Integers(T left, T right) {
    return left / right;
  }
  template <typename T>
  static T Floats(T left, T right) {
    return left / right;
  }
};

struct Remainder {
  template <typename T>
  static T Integers(T left, T right) {
    return left % right;
  }
  template <typename T>
  static T Floats(T left, T right) {
    return std::fmod(left, right);
  }
};

template <typename T>
const char* IntegerName() {
  if (sizeof(T) == 2) return "smallint";
  return sizeof(T) == 4 ? "integer" : "bigint";
}

template <typename T, typename Op>
void ExecuteIntegers(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  duckdb::BinaryExecutor::Execute<T, T, T>(
      args.data[0], args.data[1], result, args.size(), [](T left, T right) -> T {
        if (right == 0) ThrowDivisionByZero();
        if (right == -1) {  // the one pair that traps: MIN / -1
          if (std::is_same_v<Op, Remainder>) return 0;
          if (left == std::numeric_limits<T>::min()) ThrowOutOfRange(IntegerName<T>());
        }
        return Op::template Integers<T>(left, right);
      });
}

template <typename Op>
void ExecuteHugeints(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  duckdb::BinaryExecutor::Execute<hugeint_t, hugeint_t, hugeint_t>(
      args.data[0], args.data[1], result, args.size(), [](hugeint_t left, hugeint_t right) {
        const Int128 divisor = ToInt128(right);
        if (divisor == 0) ThrowDivisionByZero();
        if (divisor == -1 && left == duckdb::NumericLimits<hugeint_t>::Minimum()) {
          ThrowOutOfRange("bigint");
        }
        return ToHugeint(Op::template Integers<Int128>(ToInt128(left), divisor));
      });
}

template <typename T, typename Op>
void ExecuteFloats(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  duckdb::BinaryExecutor::Execute<T, T, T>(
      args.data[0], args.data[1], result, args.size(), [](T left, T right) -> T {
        if (right == 0 && !std::isnan(left)) ThrowDivisionByZero();
        const T value = Op::template Floats<T>(left, right);
        if (std::isinf(value) && !std::isinf(left)) {
          ThrowSqlError(sqlstate::kNumericOutOfRange, "value out of range: overflow");
        }
        return value;
      });
}

// How many digits the dividend is moved left so that the quotient has the result's scale.
struct QuotientShift : FunctionData {
  explicit QuotientShift(int shift) : digits(shift) {}
  unique_ptr<FunctionData> Copy() const override {
    return duckdb::make_uniq<QuotientShift>(digits);
  }
  bool Equals(const FunctionData& other) const override {
    return digits == other.Cast<QuotientShift>().digits;
  }
  const int digits;
};

int ShiftOf(ExpressionState& state) {
  const auto& call = state.expr.Cast<duckdb::BoundFunctionExpression>();
  return call.bind_info->Cast<QuotientShift>().digits;
}

template <typename T>
void ExecuteQuotients(DataChunk& args, ExpressionState& state, Vector& result) {
  const int digits = ShiftOf(state);
  duckdb::BinaryExecutor::Execute<T, T, hugeint_t>(
      args.data[0], args.data[1], result, args.size(), [digits](T left, T right) {
        const Int128 divisor = Wide(right);
        if (divisor == 0) ThrowDivisionByZero();
        Int128 quotient = 0;
        if (!DivideRounded(Wide(left), divisor, digits, quotient)) ThrowOutOfRange("numeric");
        return ToHugeint(quotient);
      });
}

template <typename T>
void ExecuteDecimalRemainders(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  duckdb::BinaryExecutor::Execute<T, T, T>(args.data[0], args.data[1], result, args.size(),
                                           [](T left, T right) -> T {
                                             const Int128 divisor = Wide(right);
                                             if (divisor == 0) ThrowDivisionByZero();
                                             if constexpr (std::is_same_v<T, hugeint_t>) {
                                               return ToHugeint(Wide(left) % divisor);
                                             } else {
                                               return left % right;
                                             }
                                           });
}

struct DecimalType {
  uint8_t width = 0;
  uint8_t scale = 0;
};

// The operand as a DECIMAL: integers have scale 0. Untyped parameters are not resolved yet.
DecimalType DecimalOf(const Expression& operand) {
  DecimalType type;
  if (operand.return_type.id() == LogicalTypeId::UNKNOWN) {
    throw duckdb::ParameterNotResolvedException();
  }
  if (!operand.return_type.GetDecimalProperties(type.width, type.scale)) {
    type.width = duckdb::Decimal::MAX_WIDTH_DECIMAL;
    type.scale = kQuotientScale;
  }
  return type;
}

constexpr uint8_t kWidthMax = duckdb::Decimal::MAX_WIDTH_DECIMAL;
constexpr uint8_t kWidthOfInt64 = duckdb::Decimal::MAX_WIDTH_INT64;

unique_ptr<FunctionData> BindQuotient(ClientContext& /*context*/, ScalarFunction& function,
                                      Arguments& arguments) {
  const DecimalType left = DecimalOf(*arguments[0]);
  const DecimalType right = DecimalOf(*arguments[1]);
  const uint8_t scale = std::max({kQuotientScale, left.scale, right.scale});
  const bool narrow = left.width <= kWidthOfInt64 && right.width <= kWidthOfInt64;
  const uint8_t width = narrow ? kWidthOfInt64 : kWidthMax;
  function.arguments = {LogicalType::DECIMAL(width, left.scale),
                        LogicalType::DECIMAL(width, right.scale)};
  function.return_type = LogicalType::DECIMAL(kWidthMax, scale);
  function.function = narrow ? ExecuteQuotients<int64_t> : ExecuteQuotients<hugeint_t>;
  return duckdb::make_uniq<QuotientShift>(scale + right.scale - left.scale);
}

unique_ptr<FunctionData> BindDecimalRemainder(ClientContext& /*context*/, ScalarFunction& function,
                                              Arguments& arguments) {
  const DecimalType left = DecimalOf(*arguments[0]);
  const DecimalType right = DecimalOf(*arguments[1]);
  const uint8_t scale = std::max(left.scale, right.scale);
  const int whole = std::max(left.width - left.scale, right.width - right.scale);
  const bool narrow = whole + scale <= kWidthOfInt64;
  const auto type = LogicalType::DECIMAL(narrow ? kWidthOfInt64 : kWidthMax, scale);
  function.arguments = {type, type};
  function.return_type = type;
  function.function =
      narrow ? ExecuteDecimalRemainders<int64_t> : ExecuteDecimalRemainders<hugeint_t>;
  return nullptr;
}

void Add(ScalarFunctionSet& set, const LogicalType& type, duckdb::scalar_function_t execute,
         duckdb::bind_scalar_function_t bind = nullptr) {
  ScalarFunction function({type, type}, type, std::move(execute), bind);
  function.SetFallible();
  set.AddFunction(std::move(function));
}

template <typename Op>
void AddNumbers(ScalarFunctionSet& set) {
  Add(set, LogicalType::SMALLINT, ExecuteIntegers<int16_t, Op>);
  Add(set, LogicalType::INTEGER, ExecuteIntegers<int32_t, Op>);
  Add(set, LogicalType::BIGINT, ExecuteIntegers<int64_t, Op>);
  Add(set, LogicalType::HUGEINT, ExecuteHugeints<Op>);
  Add(set, LogicalType::FLOAT, ExecuteFloats<float, Op>);
  Add(set, LogicalType::DOUBLE, ExecuteFloats<double, Op>);
}

ScalarFunctionSet Division(duckdb::DatabaseInstance& db) {
  ScalarFunctionSet set("/");
  AddNumbers<Divide>(set);
  Add(set, LogicalTypeId::DECIMAL, nullptr, BindQuotient);
  for (auto& old : ScalarFunctionsOf(db, "/").functions) {
    if (old.arguments[0].id() == LogicalTypeId::INTERVAL) set.AddFunction(old);
  }
  return set;
}

ScalarFunctionSet RemainderSet(const std::string& name) {
  ScalarFunctionSet set(name);
  AddNumbers<Remainder>(set);
  Add(set, LogicalTypeId::DECIMAL, nullptr, BindDecimalRemainder);
  return set;
}

}  // namespace

void RegisterArithmetic(duckdb::DatabaseInstance& db) {
  ReplaceFunction(db, Division(db));
  ReplaceFunction(db, RemainderSet("%"));
  ReplaceFunction(db, RemainderSet("mod"));
}

}  // namespace varve::engine
