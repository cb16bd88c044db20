#include "engine/pg_numeric.h"

#include <algorithm>
#include <duckdb/common/types/decimal.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>

#include "engine/catalog_edit.h"
#include "engine/pg_arithmetic.h"

namespace varve::engine {

using duckdb::Expression;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::unique_ptr;

namespace {

constexpr uint8_t kDoubleScale = 15;

uint8_t ScaleOfLiteral(duckdb::ClientContext& context, const Expression& literal) {
  const auto value = duckdb::ExpressionExecutor::EvaluateScalar(context, literal);
  if (value.IsNull()) return 0;
  const std::string text = value.ToString();
  const auto point = text.find('.');
  if (point == std::string::npos || text.find_first_of("eE") != std::string::npos) {
    return text.find_first_of("eE") == std::string::npos ? 0 : kQuotientScale;
  }
  const auto digits = text.find_first_not_of("0123456789", point + 1);
  const auto end = digits == std::string::npos ? text.size() : digits;
  return static_cast<uint8_t>(std::min<size_t>(end - point - 1, 30));
}

LogicalType NumericFor(duckdb::ClientContext& context, const Expression& argument) {
  constexpr uint8_t kWidth = duckdb::Decimal::MAX_WIDTH_DECIMAL;
  const auto& type = argument.return_type;
  if (type.id() == LogicalTypeId::DECIMAL) return type;
  if (type.IsIntegral()) return LogicalType::DECIMAL(kWidth, 0);
  if (type.IsFloating()) return LogicalType::DECIMAL(kWidth, kDoubleScale);
  if (argument.IsFoldable() && type.id() != LogicalTypeId::UNKNOWN) {
    return LogicalType::DECIMAL(kWidth, ScaleOfLiteral(context, argument));
  }
  return LogicalType::DECIMAL(kWidth, kQuotientScale);
}

unique_ptr<Expression> BindCast(duckdb::FunctionBindExpressionInput& input) {
  const auto type = NumericFor(input.context, *input.children[0]);
  return duckdb::BoundCastExpression::AddCastToType(input.context, std::move(input.children[0]),
                                                    type);
}

}  // namespace

void RegisterNumeric(duckdb::DatabaseInstance& db) {
  duckdb::ScalarFunction function({LogicalType::ANY}, LogicalType::ANY, nullptr);
  function.bind_expression = BindCast;
  duckdb::ScalarFunctionSet set("varve_numeric");
  set.AddFunction(std::move(function));
  ReplaceFunction(db, std::move(set));
}

}  // namespace varve::engine
