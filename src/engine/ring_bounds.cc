#include "engine/ring_bounds.h"

#include <algorithm>
#include <cmath>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/planner/expression/bound_between_expression.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_conjunction_expression.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>
#include <duckdb/planner/filter/conjunction_filter.hpp>
#include <duckdb/planner/filter/constant_filter.hpp>
#include <duckdb/planner/filter/dynamic_filter.hpp>
#include <duckdb/planner/filter/in_filter.hpp>
#include <duckdb/planner/filter/optional_filter.hpp>
#include <iterator>

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::LogicalGet;
using duckdb::LogicalTypeId;
using duckdb::TableFilter;
using duckdb::TableFilterType;
using duckdb::Value;

namespace {

WholeNumbers Everything() { return {}; }
WholeNumbers Nothing() { return {.low = 1, .high = 0, .only = std::vector<int64_t>()}; }

// A number between two whole ones, or both the same.
struct Place {
  int64_t below;
  int64_t above;
};

int64_t Saturated(double value) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  if (value >= kEnd) return INT64_MAX;
  return value < -kEnd ? INT64_MIN : static_cast<int64_t>(value);
}

std::optional<Place> PlaceOf(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  // Above 2^53 the column's own values are rounded for the comparison.
  constexpr double kExact = 9007199254740992.0;
  if (std::abs(value) > kExact) {
    const double room = std::abs(value) * 1e-15;
    return Place{Saturated(value - room), Saturated(value + room)};
  }
  return Place{Saturated(std::floor(value)), Saturated(std::ceil(value))};
}

// Where a constant lies among whole numbers; nullopt when nothing can be said.
std::optional<Place> PlaceOf(const Value& value) {
  if (value.IsNull()) return std::nullopt;
  if (value.type().IsIntegral()) {
    Value number;
    if (value.DefaultTryCastAs(duckdb::LogicalType::BIGINT, number, nullptr)) {
      const auto whole = number.GetValue<int64_t>();
      return Place{whole, whole};
    }
  }
  switch (value.type().id()) {
    case LogicalTypeId::TIMESTAMP_TZ: {
      const auto us = value.GetValueUnsafe<duckdb::timestamp_tz_t>();
      if (!duckdb::Timestamp::IsFinite(us)) return std::nullopt;
      return PlaceOf(static_cast<double>(us.value) / 1e6);
    }
    case LogicalTypeId::DOUBLE:
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DECIMAL:
    case LogicalTypeId::HUGEINT:
      return PlaceOf(value.GetValue<double>());
    default:
      return std::nullopt;
  }
}

WholeNumbers Compared(ExpressionType comparison, const Value& value) {
  const auto place = PlaceOf(value);
  if (!place) return Everything();
  // Next to a number that is whole and exact, `<` leaves one value less than `<=`.
  const int64_t beside = value.type().IsIntegral() ? 1 : 0;
  WholeNumbers left;
  switch (comparison) {
    case ExpressionType::COMPARE_EQUAL:
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM:
      left.low = place->below;
      left.high = place->above;
      if (left.low == left.high) left.only = std::vector<int64_t>{left.low};
      return left;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      left.low = place->below;
      return left;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      left.high = place->above;
      return left;
    case ExpressionType::COMPARE_GREATERTHAN:
      if (place->below == INT64_MAX) return beside == 1 ? Nothing() : Everything();
      left.low = place->below + beside;
      return left;
    case ExpressionType::COMPARE_LESSTHAN:
      if (place->above == INT64_MIN) return beside == 1 ? Nothing() : Everything();
      left.high = place->above - beside;
      return left;
    default:
      return Everything();
  }
}

// `values` as a set; everything when one of them cannot be placed exactly.
WholeNumbers OneOf(const duckdb::vector<Value>& values) {
  std::vector<int64_t> only;
  for (const auto& value : values) {
    if (value.IsNull()) continue;  // equal to nothing
    const auto place = PlaceOf(value);
    if (!place || place->below != place->above) return Everything();
    only.push_back(place->below);
  }
  if (only.empty()) return Nothing();
  std::sort(only.begin(), only.end());
  only.erase(std::unique(only.begin(), only.end()), only.end());
  return {.low = only.front(), .high = only.back(), .only = std::move(only)};
}

// Looks at conditions on one column of a scan.
class ColumnConditions {
 public:
  ColumnConditions(ClientContext& context, const LogicalGet& get, duckdb::column_t column)
      : context_(context), get_(get), column_(column) {}

  WholeNumbers Numbers(const Expression& condition) const {
    switch (condition.GetExpressionClass()) {
      case ExpressionClass::BOUND_CONJUNCTION:
        return Joined(condition.Cast<duckdb::BoundConjunctionExpression>());
      case ExpressionClass::BOUND_COMPARISON: {
        const auto& comparison = condition.Cast<duckdb::BoundComparisonExpression>();
        const auto type = comparison.GetExpressionType();
        if (IsNumber(*comparison.left)) return Against(type, *comparison.right);
        if (!IsNumber(*comparison.right)) return Everything();
        return Against(duckdb::FlipComparisonExpression(type), *comparison.left);
      }
      case ExpressionClass::BOUND_BETWEEN: {
        const auto& between = condition.Cast<duckdb::BoundBetweenExpression>();
        if (!IsNumber(*between.input)) return Everything();
        WholeNumbers left = Against(between.LowerComparisonType(), *between.lower);
        left.Intersect(Against(between.UpperComparisonType(), *between.upper));
        return left;
      }
      case ExpressionClass::BOUND_OPERATOR: {
        const auto values = Listed(condition, &ColumnConditions::IsNumber);
        return values ? OneOf(*values) : Everything();
      }
      default:
        return Everything();
    }
  }

  std::optional<std::vector<std::string>> Texts(const Expression& condition) const {
    std::optional<duckdb::vector<Value>> values;
    if (condition.GetExpressionType() == ExpressionType::COMPARE_EQUAL) {
      const auto& comparison = condition.Cast<duckdb::BoundComparisonExpression>();
      const bool is_left = IsColumn(*comparison.left);
      if (!is_left && !IsColumn(*comparison.right)) return std::nullopt;
      const auto value = Constant(is_left ? *comparison.right : *comparison.left);
      if (value) values = {*value};
    } else {
      values = Listed(condition, &ColumnConditions::IsColumn);
    }
    if (!values) return std::nullopt;
    std::vector<std::string> texts;
    for (const auto& value : *values) {
      if (value.IsNull()) continue;
      if (value.type().id() != LogicalTypeId::VARCHAR) return std::nullopt;
      texts.push_back(duckdb::StringValue::Get(value));
    }
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts;
  }

 private:
  WholeNumbers Joined(const duckdb::BoundConjunctionExpression& conjunction) const {
    const bool is_and = conjunction.GetExpressionType() == ExpressionType::CONJUNCTION_AND;
    WholeNumbers left = is_and ? Everything() : Nothing();
    for (const auto& child : conjunction.children) {
      const WholeNumbers of_child = Numbers(*child);
      is_and ? left.Intersect(of_child) : left.Unite(of_child);
    }
    return left;
  }

  WholeNumbers Against(ExpressionType comparison, const Expression& other) const {
    const auto value = Constant(other);
    return value ? Compared(comparison, *value) : Everything();
  }

  // The constants of `column IN (...)`.
  std::optional<duckdb::vector<Value>> Listed(
      const Expression& condition,
      bool (ColumnConditions::*is_subject)(const Expression&) const) const {
    if (condition.GetExpressionType() != ExpressionType::COMPARE_IN) return std::nullopt;
    const auto& children = condition.Cast<duckdb::BoundOperatorExpression>().children;
    if (!(this->*is_subject)(*children[0])) return std::nullopt;
    duckdb::vector<Value> values;
    for (size_t i = 1; i < children.size(); i++) {
      auto value = Constant(*children[i]);
      if (!value) return std::nullopt;
      values.push_back(*std::move(value));
    }
    return values;
  }

  std::optional<Value> Constant(const Expression& expression) const {
    Value value;
    if (!expression.IsFoldable() ||
        !duckdb::ExpressionExecutor::TryEvaluateScalar(context_, expression, value)) {
      return std::nullopt;
    }
    return value;
  }

  bool IsColumn(const Expression& expression) const {
    if (expression.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF) return false;
    const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
    const auto& ids = get_.GetColumnIds();
    return binding.table_index == get_.table_index && binding.column_index < ids.size() &&
           ids[binding.column_index].GetPrimaryIndex() == column_;
  }

  // The column, or what has the same value in another type.
  bool IsNumber(const Expression& expression) const {
    if (expression.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
      const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
      // A float has no room for a time of our days.
      const bool keeps_value =
          cast.return_type.IsNumeric() && cast.return_type.id() != LogicalTypeId::FLOAT;
      return keeps_value && !cast.try_cast && IsNumber(*cast.child);
    }
    if (expression.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) {
      const auto& call = expression.Cast<duckdb::BoundFunctionExpression>();
      return call.function.name == "to_timestamp" && call.children.size() == 1 &&
             IsNumber(*call.children[0]);
    }
    return IsColumn(expression);
  }

  ClientContext& context_;
  const LogicalGet& get_;
  const duckdb::column_t column_;
};

}  // namespace

void WholeNumbers::Intersect(const WholeNumbers& other) {
  low = std::max(low, other.low);
  high = std::min(high, other.high);
  if (only && other.only) {
    std::vector<int64_t> both;
    std::set_intersection(only->begin(), only->end(), other.only->begin(), other.only->end(),
                          std::back_inserter(both));
    only = std::move(both);
  } else if (other.only) {
    only = other.only;
  }
  if (only) std::erase_if(*only, [&](int64_t value) { return value < low || value > high; });
}

void WholeNumbers::Unite(const WholeNumbers& other) {
  if (only && other.only) {
    std::vector<int64_t> either;
    std::set_union(only->begin(), only->end(), other.only->begin(), other.only->end(),
                   std::back_inserter(either));
    only = std::move(either);
  } else if (low > high) {  // nothing so far
    only = other.only;
  } else if (other.low <= other.high) {
    only.reset();
  }
  if (low > high) {
    low = other.low;
    high = other.high;
  } else if (other.low <= other.high) {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
  }
}

WholeNumbers WholeNumbersOf(ClientContext& context, const LogicalGet& get, duckdb::column_t column,
                            const Conditions& conditions) {
  const ColumnConditions of_column(context, get, column);
  WholeNumbers left;
  for (const auto& condition : conditions) left.Intersect(of_column.Numbers(*condition));
  return left;
}

WholeNumbers WholeNumbersOf(const TableFilter& filter) {
  switch (filter.filter_type) {
    case TableFilterType::CONSTANT_COMPARISON: {
      const auto& constant = filter.Cast<duckdb::ConstantFilter>();
      return Compared(constant.comparison_type, constant.constant);
    }
    case TableFilterType::IN_FILTER:
      return OneOf(filter.Cast<duckdb::InFilter>().values);
    case TableFilterType::OPTIONAL_FILTER: {
      const auto& child = filter.Cast<duckdb::OptionalFilter>().child_filter;
      return child ? WholeNumbersOf(*child) : Everything();
    }
    case TableFilterType::DYNAMIC_FILTER: {
      const auto& data = filter.Cast<duckdb::DynamicFilter>().filter_data;
      if (!data || !data->initialized) return Everything();
      const duckdb::lock_guard<duckdb::mutex> lock(data->lock);
      return data->filter ? WholeNumbersOf(*data->filter) : Everything();
    }
    case TableFilterType::CONJUNCTION_AND: {
      WholeNumbers left;
      for (const auto& child : filter.Cast<duckdb::ConjunctionAndFilter>().child_filters) {
        left.Intersect(WholeNumbersOf(*child));
      }
      return left;
    }
    case TableFilterType::CONJUNCTION_OR: {
      WholeNumbers left = Nothing();
      for (const auto& child : filter.Cast<duckdb::ConjunctionOrFilter>().child_filters) {
        left.Unite(WholeNumbersOf(*child));
      }
      return left;
    }
    default:
      return Everything();
  }
}

std::optional<std::vector<std::string>> TextsOf(ClientContext& context, const LogicalGet& get,
                                                duckdb::column_t column,
                                                const Conditions& conditions) {
  const ColumnConditions of_column(context, get, column);
  std::optional<std::vector<std::string>> left;
  for (const auto& condition : conditions) {
    auto texts = of_column.Texts(*condition);
    if (!texts) continue;
    if (!left) {
      left = std::move(texts);
      continue;
    }
    std::erase_if(*left, [&](const std::string& text) {
      return !std::binary_search(texts->begin(), texts->end(), text);
    });
  }
  return left;
}

}  // namespace varve::engine
