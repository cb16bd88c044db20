#include "engine/file_filters.h"

#include <algorithm>
#include <duckdb/planner/expression/bound_between_expression.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_conjunction_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>
#include <duckdb/planner/filter/conjunction_filter.hpp>
#include <duckdb/planner/filter/constant_filter.hpp>
#include <duckdb/planner/filter/dynamic_filter.hpp>
#include <duckdb/planner/filter/in_filter.hpp>
#include <duckdb/planner/filter/optional_filter.hpp>
#include <optional>

#include "engine/type_mapping.h"
#include "lake/file_pruning.h"

namespace varve::engine {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::TableFilter;
using duckdb::TableFilterType;
using duckdb::Value;
using lake::BoundOp;

namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

std::optional<BoundOp> OpOf(ExpressionType comparison) {
  switch (comparison) {
    case ExpressionType::COMPARE_EQUAL:
      return BoundOp::kEqual;
    case ExpressionType::COMPARE_NOTEQUAL:
      return BoundOp::kNotEqual;
    case ExpressionType::COMPARE_LESSTHAN:
      return BoundOp::kLess;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return BoundOp::kLessOrEqual;
    case ExpressionType::COMPARE_GREATERTHAN:
      return BoundOp::kGreater;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return BoundOp::kGreaterOrEqual;
    default:
      return std::nullopt;
  }
}

std::string DateText(int64_t days) {
  return duckdb::Date::ToString(duckdb::date_t(static_cast<int32_t>(days)));
}

int64_t FloorDay(int64_t us) { return us >= 0 ? us / kDayUs : -((-us + kDayUs - 1) / kDayUs); }

// Answers whether one file can hold rows for which a filter on one column is true.
class FileTest {
 public:
  FileTest(const TableDef& table, const DataFile& file) : table_(table), file_(file) {}

  bool Compare(uint32_t column, BoundOp op, const Value& value) const {
    if (value.IsNull()) return true;  // DuckDB folds these; nothing to gain
    const auto text = TextOf(column, value);
    if (!text) return true;
    if (!May(column, op, {*text})) return false;
    return column != table_.time_column || !table_.derived_date || MayOnDate(op, value);
  }

  bool In(uint32_t column, const duckdb::vector<Value>& values) const {
    return std::any_of(values.begin(), values.end(), [&](const Value& value) {
      return !value.IsNull() && Compare(column, BoundOp::kEqual, value);
    });
  }

  bool Null(uint32_t column, bool is_null) const {
    return May(column, is_null ? BoundOp::kIsNull : BoundOp::kIsNotNull, {});
  }

 private:
  bool May(uint32_t column, BoundOp op, std::vector<std::string> values) const {
    const auto& definition = table_.columns[column];
    return lake::MayMatch(file_, {definition.name, definition.type, op, std::move(values)});
  }

  // A row's derived date is the day of its time: a bound on one is a bound on the other.
  bool MayOnDate(BoundOp op, const Value& value) const {
    const int64_t us = value.GetValue<int64_t>();
    const std::string day = DateText(FloorDay(us));
    switch (op) {
      case BoundOp::kEqual:
        return May(*table_.derived_date, BoundOp::kEqual, {day});
      case BoundOp::kGreater:
      case BoundOp::kGreaterOrEqual:
        return May(*table_.derived_date, BoundOp::kGreaterOrEqual, {day});
      case BoundOp::kLess:
      case BoundOp::kLessOrEqual:
        return May(*table_.derived_date, BoundOp::kLessOrEqual, {day});
      default:
        return true;
    }
  }

  // The text that lake compares with; nullopt when the value is of another type or unbounded.
  std::optional<std::string> TextOf(uint32_t column, const Value& value) const {
    const Type& type = table_.columns[column].type;
    if (value.type() != ToDuck(type)) return std::nullopt;
    switch (type.kind()) {
      case TypeKind::kTimestampTz: {
        const auto us = value.GetValueUnsafe<duckdb::timestamp_t>();
        if (!duckdb::Timestamp::IsFinite(us)) return std::nullopt;
        return std::to_string(us.value);
      }
      case TypeKind::kDate:
        if (!duckdb::Date::IsFinite(value.GetValueUnsafe<duckdb::date_t>())) return std::nullopt;
        return value.ToString();
      case TypeKind::kInt16:
      case TypeKind::kInt32:
      case TypeKind::kInt64:
      case TypeKind::kFloat32:
      case TypeKind::kFloat64:
      case TypeKind::kDecimal:
      case TypeKind::kText:
      case TypeKind::kUuid:
        return value.ToString();
      default:
        return std::nullopt;
    }
  }

  const TableDef& table_;
  const DataFile& file_;
};

bool MayPass(const TableFilter& filter, uint32_t column, const FileTest& test) {
  switch (filter.filter_type) {
    case TableFilterType::CONSTANT_COMPARISON: {
      const auto& constant = filter.Cast<duckdb::ConstantFilter>();
      const auto op = OpOf(constant.comparison_type);
      return !op || test.Compare(column, *op, constant.constant);
    }
    case TableFilterType::IN_FILTER:
      return test.In(column, filter.Cast<duckdb::InFilter>().values);
    case TableFilterType::IS_NULL:
      return test.Null(column, true);
    case TableFilterType::IS_NOT_NULL:
      return test.Null(column, false);
    case TableFilterType::CONJUNCTION_AND: {
      const auto& children = filter.Cast<duckdb::ConjunctionAndFilter>().child_filters;
      return std::all_of(children.begin(), children.end(),
                         [&](const auto& child) { return MayPass(*child, column, test); });
    }
    case TableFilterType::CONJUNCTION_OR: {
      const auto& children = filter.Cast<duckdb::ConjunctionOrFilter>().child_filters;
      return std::any_of(children.begin(), children.end(),
                         [&](const auto& child) { return MayPass(*child, column, test); });
    }
    case TableFilterType::OPTIONAL_FILTER: {
      const auto& child = filter.Cast<duckdb::OptionalFilter>().child_filter;
      return !child || MayPass(*child, column, test);
    }
    case TableFilterType::DYNAMIC_FILTER: {
      const auto& data = filter.Cast<duckdb::DynamicFilter>().filter_data;
      if (!data) return true;
      const std::lock_guard<std::mutex> lock(data->lock);  // DuckDB's own.
      return !data->initialized || !data->filter || MayPass(*data->filter, column, test);
    }
    default:
      return true;
  }
}

// Finds the table's column behind a reference to the scan's output.
class ColumnFinder {
 public:
  ColumnFinder(const TableDef& table, const duckdb::vector<std::string>& names,
               duckdb::idx_t table_index, const duckdb::vector<duckdb::column_t>& column_ids)
      : table_index_(table_index) {
    for (const auto id : column_ids) {
      columns_.push_back(id < names.size() ? table.FindColumn(names[id]) : std::nullopt);
    }
  }

  std::optional<uint32_t> At(duckdb::idx_t place) const {
    return place < columns_.size() ? columns_[place] : std::nullopt;
  }
  std::optional<uint32_t> Of(const Expression& expression) const {
    if (expression.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF) return std::nullopt;
    const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
    return binding.table_index == table_index_ ? At(binding.column_index) : std::nullopt;
  }

 private:
  duckdb::idx_t table_index_;
  std::vector<std::optional<uint32_t>> columns_;
};

const Value* ConstantOf(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return nullptr;
  return &expression.Cast<duckdb::BoundConstantExpression>().value;
}

bool MayPassComparison(const duckdb::BoundComparisonExpression& comparison,
                       const ColumnFinder& finder, const FileTest& test) {
  auto type = comparison.GetExpressionType();
  auto column = finder.Of(*comparison.left);
  const Value* constant = ConstantOf(*comparison.right);
  if (!column) {
    column = finder.Of(*comparison.right);
    constant = ConstantOf(*comparison.left);
    type = duckdb::FlipComparisonExpression(type);
  }
  const auto op = OpOf(type);
  return !column || constant == nullptr || !op || test.Compare(*column, *op, *constant);
}

bool MayPassOperator(const duckdb::BoundOperatorExpression& op, const ColumnFinder& finder,
                     const FileTest& test) {
  if (op.children.empty()) return true;
  const auto column = finder.Of(*op.children[0]);
  if (!column) return true;
  switch (op.GetExpressionType()) {
    case ExpressionType::OPERATOR_IS_NULL:
      return test.Null(*column, true);
    case ExpressionType::OPERATOR_IS_NOT_NULL:
      return test.Null(*column, false);
    case ExpressionType::COMPARE_IN: {
      duckdb::vector<Value> values;
      for (size_t i = 1; i < op.children.size(); i++) {
        const Value* constant = ConstantOf(*op.children[i]);
        if (constant == nullptr) return true;
        values.push_back(*constant);
      }
      return test.In(*column, values);
    }
    default:
      return true;
  }
}

bool MayPass(const Expression& expression, const ColumnFinder& finder, const FileTest& test) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_COMPARISON:
      return MayPassComparison(expression.Cast<duckdb::BoundComparisonExpression>(), finder, test);
    case ExpressionClass::BOUND_OPERATOR:
      return MayPassOperator(expression.Cast<duckdb::BoundOperatorExpression>(), finder, test);
    case ExpressionClass::BOUND_BETWEEN: {
      const auto& between = expression.Cast<duckdb::BoundBetweenExpression>();
      const auto column = finder.Of(*between.input);
      const Value* lower = ConstantOf(*between.lower);
      const Value* upper = ConstantOf(*between.upper);
      if (!column) return true;
      return (lower == nullptr || test.Compare(*column, BoundOp::kGreaterOrEqual, *lower)) &&
             (upper == nullptr || test.Compare(*column, BoundOp::kLessOrEqual, *upper));
    }
    case ExpressionClass::BOUND_CONJUNCTION: {
      const auto& children = expression.Cast<duckdb::BoundConjunctionExpression>().children;
      const auto may = [&](const auto& child) { return MayPass(*child, finder, test); };
      return expression.GetExpressionType() == ExpressionType::CONJUNCTION_AND
                 ? std::all_of(children.begin(), children.end(), may)
                 : std::any_of(children.begin(), children.end(), may);
    }
    default:
      return true;
  }
}

template <typename Test>
std::vector<std::shared_ptr<const DataFile>> Keep(
    const TableDef& table, const std::vector<std::shared_ptr<const DataFile>>& files, Test test) {
  std::vector<std::shared_ptr<const DataFile>> kept;
  for (const auto& file : files) {
    if (test(FileTest(table, *file))) kept.push_back(file);
  }
  return kept;
}

}  // namespace

std::vector<std::shared_ptr<const DataFile>> PruneByExpressions(
    const TableDef& table, const duckdb::vector<std::string>& names,
    const duckdb::MultiFilePushdownInfo& push,
    const duckdb::vector<duckdb::unique_ptr<Expression>>& filters,
    const std::vector<std::shared_ptr<const DataFile>>& files) {
  const ColumnFinder finder(table, names, push.table_index, push.column_ids);
  return Keep(table, files, [&](const FileTest& test) {
    return std::all_of(filters.begin(), filters.end(),
                       [&](const auto& filter) { return MayPass(*filter, finder, test); });
  });
}

std::vector<std::shared_ptr<const DataFile>> PruneByTableFilters(
    const TableDef& table, const duckdb::vector<std::string>& names,
    const duckdb::vector<duckdb::column_t>& column_ids, const duckdb::TableFilterSet& filters,
    const std::vector<std::shared_ptr<const DataFile>>& files) {
  const ColumnFinder finder(table, names, 0, column_ids);
  return Keep(table, files, [&](const FileTest& test) {
    return std::all_of(filters.filters.begin(), filters.filters.end(), [&](const auto& entry) {
      const auto column = finder.At(entry.first);
      return !column || MayPass(*entry.second, *column, test);
    });
  });
}

}  // namespace varve::engine
