#include "engine/series_windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <string_view>

#include "engine/pg_error.h"

namespace varve::engine {

using namespace duckdb;  // NOLINT(google-build-using-namespace): DuckDB's parse tree throughout

namespace {

using Slot = unique_ptr<ParsedExpression>;
using Expressions = vector<Slot>;

constexpr SqlState kWrongObjectType = "42809";
constexpr SqlState kWindowingError = "42P20";

enum class Kind { kDiff, kPeriodDiff, kPctChange, kRollingMean, kRollingSum, kCounterRate };

struct SeriesWindow {
  std::string_view name;
  Kind kind;
  size_t arguments_min;
};

constexpr std::array<SeriesWindow, 6> kSeriesWindows = {{{"diff", Kind::kDiff, 1},
                                                         {"period_diff", Kind::kPeriodDiff, 1},
                                                         {"pct_change", Kind::kPctChange, 1},
                                                         {"rolling_mean", Kind::kRollingMean, 2},
                                                         {"rolling_sum", Kind::kRollingSum, 2},
                                                         {"counter_rate", Kind::kCounterRate, 2}}};
constexpr size_t kArgumentsMax = 2;
constexpr const char* kDifference = "varve_difference";  // "-" that checks the range

// A schema in front means a function that a user made.
const SeriesWindow* Find(const std::string& schema, const std::string& name) {
  if (!schema.empty() && schema != "pg_catalog") return nullptr;
  const auto found =
      std::find_if(kSeriesWindows.begin(), kSeriesWindows.end(), [&](const SeriesWindow& known) {
        return StringUtil::CIEquals(std::string(known.name), name);
      });
  return found == kSeriesWindows.end() ? nullptr : &*found;
}

template <typename... Arguments>
Slot Call(const std::string& name, Arguments... arguments) {
  Expressions list;
  (list.push_back(std::move(arguments)), ...);
  return make_uniq<FunctionExpression>(name, std::move(list));
}

Slot Operator(const std::string& name, Slot left, Slot right) {
  auto call = Call(name, std::move(left), std::move(right));
  call->Cast<FunctionExpression>().is_operator = true;
  return call;
}

Slot Number(int64_t value) { return make_uniq<ConstantExpression>(Value::BIGINT(value)); }

void CheckClauses(const WindowExpression& window) {
  const auto refuse = [&](std::string_view clause) {
    ThrowSqlError(
        sqlstate::kFeatureNotSupported,
        fmt::format("{} cannot be used with window function {}", clause, window.function_name));
  };
  if (window.distinct) refuse("DISTINCT");
  if (window.filter_expr) refuse("FILTER");
  if (window.ignore_nulls) refuse("IGNORE NULLS");
  if (!window.arg_orders.empty()) refuse("ORDER BY");
}

bool IsConstant(const ParsedExpression& expression) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::COLUMN_REF:
    case ExpressionClass::POSITIONAL_REFERENCE:
    case ExpressionClass::STAR:
    case ExpressionClass::SUBQUERY:
    case ExpressionClass::WINDOW:
      return false;
    default:
      break;
  }
  bool is_constant = true;
  ParsedExpressionIterator::EnumerateChildren(expression, [&](const ParsedExpression& child) {
    is_constant = is_constant && IsConstant(child);
  });
  return is_constant;
}

[[noreturn]] void RefuseCount(const std::string& function) {
  ThrowSqlError(
      sqlstate::kInvalidParameterValue,
      fmt::format("the second argument of {} must be a constant greater than 0", function));
}

// How many rows back, or wide. A literal is looked at here; a parameter when it has its value.
Slot RowCount(WindowExpression& window) {
  if (window.children.size() < 2) return Number(1);
  Slot& given = window.children[1];
  if (!IsConstant(*given)) RefuseCount(window.function_name);
  if (given->GetExpressionClass() == ExpressionClass::CONSTANT) {
    Value count;
    const auto& value = given->Cast<ConstantExpression>().value;
    const bool is_integer =
        value.type().IsIntegral() || value.type().id() == LogicalTypeId::SQLNULL;
    if (!is_integer || value.IsNull() ||
        !value.DefaultTryCastAs(LogicalType::BIGINT, count, nullptr) ||
        count.GetValue<int64_t>() <= 0) {
      RefuseCount(window.function_name);
    }
    return make_uniq<ConstantExpression>(std::move(count));
  }
  return Call("varve_row_count", std::move(given));
}

// `function` over the same partitions; over the same order unless it is the same for all rows.
unique_ptr<WindowExpression> Over(const WindowExpression& window, ExpressionType type,
                                  const std::string& function, Slot argument, bool is_ordered) {
  auto over = make_uniq<WindowExpression>(type, INVALID_CATALOG, INVALID_SCHEMA, function);
  over->children.push_back(std::move(argument));
  for (const auto& partition : window.partitions) over->partitions.push_back(partition->Copy());
  if (is_ordered) {
    for (const auto& order : window.orders) {
      over->orders.emplace_back(order.type, order.null_order, order.expression->Copy());
    }
  }
  over->start = WindowBoundary::UNBOUNDED_PRECEDING;
  over->end = WindowBoundary::CURRENT_ROW_RANGE;
  return over;
}

Slot Lag(const WindowExpression& window, const ParsedExpression& argument, const Slot& rows) {
  auto lag = Over(window, ExpressionType::WINDOW_LAG, "lag", argument.Copy(), true);
  lag->offset_expr = rows->Copy();
  return lag;
}

Slot Diff(WindowExpression& window) {
  const Slot rows = RowCount(window);
  Slot before = Lag(window, *window.children[0], rows);
  return Call(kDifference, std::move(window.children[0]), std::move(before));
}

// The difference, if the row that it looks back to lies as many periods back as rows. A period is
// the spacing at which the times of the partition lie.
Slot PeriodDiff(WindowExpression& window) {
  if (window.orders.size() != 1) {
    ThrowSqlError(kWindowingError,
                  "window function period_diff requires exactly one ORDER BY column");
  }
  const Slot rows = RowCount(window);
  const ParsedExpression& time = *window.orders[0].expression;
  Slot period = Over(window, ExpressionType::WINDOW_AGGREGATE, "varve_grid", time.Copy(), false);
  auto conditional = make_uniq<CaseExpression>();
  CaseCheck check;
  check.when_expr =
      Call("varve_on_grid", time.Copy(), Lag(window, time, rows), rows->Copy(), std::move(period));
  Slot before = Lag(window, *window.children[0], rows);
  check.then_expr = Call(kDifference, std::move(window.children[0]), std::move(before));
  conditional->case_checks.push_back(std::move(check));
  conditional->else_expr = make_uniq<ConstantExpression>(Value());
  return conditional;
}

Slot PctChange(WindowExpression& window) {
  const Slot rows = RowCount(window);
  Slot before = Lag(window, *window.children[0], rows);
  return Call("varve_pct_change", std::move(window.children[0]), std::move(before));
}

Slot CounterRate(WindowExpression& window) {
  const Slot rows = Number(1);
  Slot before = Lag(window, *window.children[0], rows);
  Slot ts_before = Lag(window, *window.children[1], rows);
  return Call("varve_counter_rate", std::move(window.children[0]), std::move(before),
              std::move(window.children[1]), std::move(ts_before));
}

Slot Rolling(WindowExpression& window, const char* aggregate) {
  // Written out, the default cannot be told from none.
  if (window.start != WindowBoundary::UNBOUNDED_PRECEDING ||
      window.end != WindowBoundary::CURRENT_ROW_RANGE ||
      window.exclude_clause != WindowExcludeMode::NO_OTHER) {
    ThrowSqlError(kWindowingError,
                  fmt::format("window function {} makes its own frame: leave out ROWS, RANGE, "
                              "GROUPS and EXCLUDE",
                              window.function_name));
  }
  Slot rows = RowCount(window);
  auto over = Over(window, ExpressionType::WINDOW_AGGREGATE, aggregate,
                   std::move(window.children[0]), true);
  over->start = WindowBoundary::EXPR_PRECEDING_ROWS;
  over->start_expr = Operator("-", std::move(rows), Number(1));
  over->end = WindowBoundary::CURRENT_ROW_ROWS;
  return over;
}

Slot Rewritten(WindowExpression& window, Kind kind) {
  switch (kind) {
    case Kind::kDiff:
      return Diff(window);
    case Kind::kPeriodDiff:
      return PeriodDiff(window);
    case Kind::kPctChange:
      return PctChange(window);
    case Kind::kRollingMean:
      return Rolling(window, "avg");
    case Kind::kRollingSum:
      return Rolling(window, "sum");
    case Kind::kCounterRate:
      break;
  }
  return CounterRate(window);
}

void Rewrite(Slot& slot) {
  auto& window = slot->Cast<WindowExpression>();
  const auto* known = Find(window.schema, window.function_name);
  if (known == nullptr) return;
  CheckClauses(window);
  const size_t arguments = window.children.size();
  if (arguments < known->arguments_min || arguments > kArgumentsMax) {
    ThrowSqlError(sqlstate::kUndefinedFunction,
                  fmt::format("window function {} does not exist with {} argument{}", known->name,
                              arguments, arguments == 1 ? "" : "s"));
  }
  Slot with = Rewritten(window, known->kind);
  with->SetAlias(slot->GetAlias());
  with->SetQueryLocation(slot->GetQueryLocation());
  slot = std::move(with);
}

}  // namespace

void RewriteSeriesWindow(Slot& slot) {
  if (slot->GetExpressionClass() == ExpressionClass::WINDOW) return Rewrite(slot);
  if (slot->GetExpressionClass() != ExpressionClass::FUNCTION) return;
  const auto& call = slot->Cast<FunctionExpression>();
  if (Find(call.schema, call.function_name) == nullptr) return;
  ThrowSqlError(kWrongObjectType,
                fmt::format("window function {} requires an OVER clause", call.function_name));
}

}  // namespace varve::engine
