#include "engine/dialect_rewrite.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <duckdb/common/extra_type_info.hpp>
#include <duckdb/common/types/decimal.hpp>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_data/alter_table_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/result_modifier.hpp>
#include <duckdb/parser/statement/list.hpp>
#include <optional>
#include <string_view>

#include "engine/array_cast.h"
#include "engine/output_names.h"
#include "engine/pg_arithmetic.h"
#include "engine/pg_error.h"
#include "engine/series_windows.h"
#include "engine/statement_walk.h"

namespace varve::engine {

using namespace duckdb;  // NOLINT(google-build-using-namespace): DuckDB's parse tree throughout

namespace {

using Expressions = vector<unique_ptr<ParsedExpression>>;
using Slot = unique_ptr<ParsedExpression>;

Slot Call(const std::string& name, Slot first, Slot second = nullptr) {
  Expressions arguments;
  arguments.push_back(std::move(first));
  if (second) arguments.push_back(std::move(second));
  return make_uniq<FunctionExpression>(name, std::move(arguments));
}

// `left` takes over what belongs to the place: the name of the column and the position for errors.
void Replace(Slot& slot, Slot with) {
  with->SetAlias(slot->GetAlias());
  with->SetQueryLocation(slot->GetQueryLocation());
  slot = std::move(with);
}

// The array of `= ANY(array)`, which the parser has made `= ANY(SELECT unnest(array))`.
Slot* ArrayOfAny(SubqueryExpression& expression) {
  if (expression.subquery_type != SubqueryType::ANY ||
      expression.comparison_type != ExpressionType::COMPARE_EQUAL || !expression.child) {
    return nullptr;
  }
  auto& query = *expression.subquery->node;
  if (query.type != QueryNodeType::SELECT_NODE) return nullptr;
  auto& select = query.Cast<SelectNode>();
  const bool is_plain =
      select.from_table && select.from_table->type == TableReferenceType::EMPTY_FROM &&
      !select.where_clause && select.modifiers.empty() && select.select_list.size() == 1;
  if (!is_plain || select.select_list[0]->GetExpressionClass() != ExpressionClass::FUNCTION) {
    return nullptr;
  }
  auto& call = select.select_list[0]->Cast<FunctionExpression>();
  if (call.function_name != "unnest" || call.children.size() != 1) return nullptr;
  return &call.children[0];
}

// x IN (a, b) for ANY(ARRAY[a, b]): that form is pushed into scans.
Slot AnyOfElements(Slot value, Expressions elements) {
  auto in = make_uniq<OperatorExpression>(ExpressionType::COMPARE_IN, std::move(value));
  for (auto& element : elements) in->children.push_back(std::move(element));
  return in;
}

// list_contains(array, x) OR (the array holds a NULL AND NULL): unknown, not false, as in SQL.
Slot AnyOfArray(Slot value, Slot array) {
  auto holds_null = make_uniq<ComparisonExpression>(ExpressionType::COMPARE_LESSTHAN,
                                                    Call("list_count", array->Copy()),
                                                    Call("len", array->Copy()));
  auto unknown =
      make_uniq<ConjunctionExpression>(ExpressionType::CONJUNCTION_AND, std::move(holds_null),
                                       make_uniq<ConstantExpression>(Value()));
  auto contains = Call("list_contains", std::move(array), std::move(value));
  return make_uniq<ConjunctionExpression>(ExpressionType::CONJUNCTION_OR, std::move(contains),
                                          std::move(unknown));
}

// '{a,b}' without a type: the elements, literals that take the type of what they are compared to.
std::optional<Expressions> ElementsOfText(const ParsedExpression& array) {
  if (array.GetExpressionClass() != ExpressionClass::CONSTANT) return std::nullopt;
  const Value& value = array.Cast<ConstantExpression>().value;
  if (value.IsNull() || value.type().id() != LogicalTypeId::VARCHAR) return std::nullopt;
  const auto texts = ParseArrayText(StringValue::Get(value));
  if (!texts.ok())
    ThrowSqlError(SqlStateOf(texts.status()), std::string(MessageOf(texts.status())));
  Expressions elements;
  for (const auto& text : *texts) {
    elements.push_back(make_uniq<ConstantExpression>(text ? Value(*text) : Value()));
  }
  return elements;
}

// The elements of ARRAY[a, b] or '{a,b}'; nullopt for any other array and for an empty one.
std::optional<Expressions> TakeElements(Slot& array) {
  if (array->GetExpressionType() == ExpressionType::ARRAY_CONSTRUCTOR) {
    auto& children = array->Cast<OperatorExpression>().children;
    if (children.empty()) return std::nullopt;
    return std::move(children);
  }
  auto elements = ElementsOfText(*array);
  if (elements && elements->empty()) {
    array = make_uniq<OperatorExpression>(ExpressionType::ARRAY_CONSTRUCTOR);
    return std::nullopt;
  }
  return elements;
}

void RewriteAny(Slot& slot) {
  auto& subquery = slot->Cast<SubqueryExpression>();
  Slot* array = ArrayOfAny(subquery);
  if (array == nullptr) return;
  auto elements = TakeElements(*array);
  Slot value = std::move(subquery.child);
  if (elements) return Replace(slot, AnyOfElements(std::move(value), *std::move(elements)));
  Replace(slot, AnyOfArray(std::move(value), std::move(*array)));
}

// PostgreSQL finds the distinct values by sorting them, and clients rely on the order.
void SortDistinct(FunctionExpression& call) {
  static constexpr std::array<std::string_view, 6> kOrdered = {
      "array_agg", "list", "string_agg", "group_concat", "json_group_array", "jsonb_agg"};
  if (!call.distinct || call.children.empty()) return;
  if (std::find(kOrdered.begin(), kOrdered.end(), call.function_name) == kOrdered.end()) return;
  if (!call.order_bys) call.order_bys = make_uniq<OrderModifier>();
  if (!call.order_bys->orders.empty()) return;
  call.order_bys->orders.emplace_back(OrderType::ASCENDING, OrderByNullType::NULLS_LAST,
                                      call.children[0]->Copy());
}

// `~`, SIMILAR TO and regexp_full_match() arrive as the same call. Only a statement that has one of
// the latter needs the text at the place of the call; the parser gives a negated one no place.
bool IsTilde(const ParsedExpression& call, const std::string& sql) {
  const std::string lower = StringUtil::Lower(sql);
  if (!StringUtil::Contains(lower, "similar") &&
      !StringUtil::Contains(lower, "regexp_full_match")) {
    return true;
  }
  const auto location = call.GetQueryLocation();
  return location.IsValid() && location.GetIndex() < sql.size() && sql[location.GetIndex()] == '~';
}

// A backslash in a pattern of LIKE stands for itself to DuckDB, and takes the meaning from the next
// character in PostgreSQL.
void EscapeLike(FunctionExpression& call) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 4> kForms = {
      {{"~~", "like_escape"},
       {"!~~", "not_like_escape"},
       {"~~*", "ilike_escape"},
       {"!~~*", "not_ilike_escape"}}};
  if (call.children.size() != 2) return;
  const auto form = std::find_if(kForms.begin(), kForms.end(), [&](const auto& candidate) {
    return candidate.first == call.function_name;
  });
  if (form == kForms.end()) return;
  const auto& pattern = *call.children[1];
  if (pattern.GetExpressionClass() == ExpressionClass::CONSTANT) {
    // Without a backslash it means the same, and DuckDB's own form is looked up faster.
    const Value& text = pattern.Cast<ConstantExpression>().value;
    if (text.IsNull() || !StringUtil::Contains(text.ToString(), "\\")) return;
  }
  call.function_name = form->second;
  call.is_operator = false;
  call.children.push_back(make_uniq<ConstantExpression>(Value("\\")));
}

void RewriteFunction(Slot& slot, const std::string& sql) {
  auto& call = slot->Cast<FunctionExpression>();
  if (call.schema == "pg_catalog") call.schema.clear();
  SortDistinct(call);
  EscapeLike(call);
  if (call.function_name == "regexp_full_match" && IsTilde(call, sql)) {
    call.function_name = "regexp_matches";
    return;
  }
  const bool negated = call.function_name == "!~*";
  if (!call.is_operator || call.children.size() != 2 || (call.function_name != "~*" && !negated)) {
    return;
  }
  Expressions arguments = std::move(call.children);
  arguments.push_back(make_uniq<ConstantExpression>(Value("i")));
  Slot match = make_uniq<FunctionExpression>("regexp_matches", std::move(arguments));
  if (negated)
    match = make_uniq<OperatorExpression>(ExpressionType::OPERATOR_NOT, std::move(match));
  Replace(slot, std::move(match));
}

// What a type that is not bound yet was written as.
optional_ptr<const TypeExpression> WrittenType(const LogicalType& type) {
  if (type.id() != LogicalTypeId::UNBOUND) return nullptr;
  const auto& expression = UnboundType::GetTypeExpression(type);
  if (!expression || expression->GetExpressionClass() != ExpressionClass::TYPE) return nullptr;
  return &expression->Cast<TypeExpression>();
}

bool IsNumericWithoutPrecision(const LogicalType& type) {
  const auto written = WrittenType(type);
  return written && written->GetChildren().empty() &&
         (StringUtil::CIEquals(written->GetTypeName(), "decimal") ||
          StringUtil::CIEquals(written->GetTypeName(), "numeric"));
}

void RewriteCast(Slot& slot) {
  auto& cast = slot->Cast<CastExpression>();
  if (IsNumericWithoutPrecision(cast.cast_type) && !cast.try_cast) {
    return Replace(slot, Call("varve_numeric", std::move(cast.child)));
  }
  const auto written = WrittenType(cast.cast_type);
  if (!written || written->GetChildren().size() != 1 ||
      !StringUtil::CIEquals(written->GetTypeName(), "varchar")) {
    return;
  }
  Slot length = written->GetChildren()[0]->Copy();
  auto text = make_uniq<CastExpression>(LogicalType::VARCHAR, std::move(cast.child), cast.try_cast);
  Replace(slot, Call("left", std::move(text), std::move(length)));
}

// The digits of a finite number without its sign, and the power of ten that they are multiplied by.
struct Digits {
  std::string text;
  int exponent = 0;
};

Digits DigitsOf(double value) {
  Digits digits;
  const std::string text = fmt::format("{:e}", std::abs(value));  // the shortest: d.ddde+XX
  const auto e = text.find('e');
  const bool is_small = text[e + 1] == '-';
  std::from_chars(text.data() + e + 2, text.data() + text.size(), digits.exponent);
  if (is_small) digits.exponent = -digits.exponent;
  digits.text = text.substr(0, 1);
  if (e > 1) digits.text += text.substr(2, e - 2);
  while (digits.text.size() > 1 && digits.text.back() == '0') digits.text.pop_back();
  digits.exponent -= static_cast<int>(digits.text.size()) - 1;
  return digits;
}

// 1e7 is numeric to PostgreSQL and a double to DuckDB, which as numeric(38,16) would be
// 9999999.9999999991611392. What numeric has no room for stays a double.
void RewriteReal(Slot& slot) {
  constexpr int kScaleMax = 30;
  auto& constant = slot->Cast<ConstantExpression>();
  if (constant.value.IsNull() || constant.value.type().id() != LogicalTypeId::DOUBLE) return;
  const auto value = constant.value.GetValue<double>();
  if (!std::isfinite(value)) {
    ThrowSqlError(sqlstate::kNumericOutOfRange, "number out of range for type double precision");
  }
  Digits digits = DigitsOf(value);
  if (digits.exponent > 0) {
    if (digits.exponent > Decimal::MAX_WIDTH_DECIMAL) return;
    digits.text.append(static_cast<size_t>(digits.exponent), '0');
    digits.exponent = 0;
  }
  const int scale = -digits.exponent;
  const int width = std::max(static_cast<int>(digits.text.size()), scale + 1);
  if (scale > kScaleMax || width > Decimal::MAX_WIDTH_DECIMAL) return;
  digits.text.insert(0, static_cast<size_t>(width) - digits.text.size(), '0');
  if (scale > 0) digits.text.insert(static_cast<size_t>(width - scale), ".");
  Value number;
  std::string message;
  const Value text((std::signbit(value) ? "-" : "") + digits.text);
  const auto type = LogicalType::DECIMAL(static_cast<uint8_t>(width), static_cast<uint8_t>(scale));
  if (text.DefaultTryCastAs(type, number, &message)) constant.value = std::move(number);
}

class Rewriting : public StatementWalk {
 public:
  explicit Rewriting(const std::string& sql) : sql_(sql) {}

 protected:
  void OnStatement(SQLStatement& statement) override {
    if (statement.type == StatementType::CREATE_STATEMENT) {
      auto& info = *statement.Cast<CreateStatement>().info;
      if (info.type == CatalogType::TABLE_ENTRY) WidenColumns(info.Cast<CreateTableInfo>().columns);
    } else if (statement.type == StatementType::ALTER_STATEMENT) {
      auto& info = *statement.Cast<AlterStatement>().info;
      if (info.type != AlterType::ALTER_TABLE) return;
      auto& table = info.Cast<AlterTableInfo>();
      if (table.alter_table_type == AlterTableType::ADD_COLUMN) {
        Widen(table.Cast<AddColumnInfo>().new_column);
      }
    }
  }

  void OnExpression(Slot& slot) override {
    switch (slot->GetExpressionClass()) {
      case ExpressionClass::SUBQUERY:
        return RewriteAny(slot);
      case ExpressionClass::FUNCTION:
        RewriteSeriesWindow(slot);
        return RewriteFunction(slot, sql_);
      case ExpressionClass::WINDOW:
        return RewriteSeriesWindow(slot);
      case ExpressionClass::CAST:
        return RewriteCast(slot);
      case ExpressionClass::CONSTANT:
        return RewriteReal(slot);
      default:
        return;
    }
  }

 private:
  static void Widen(ColumnDefinition& column) {
    if (!IsNumericWithoutPrecision(column.Type())) return;
    column.SetType(LogicalType::DECIMAL(Decimal::MAX_WIDTH_DECIMAL, kQuotientScale));
  }

  static void WidenColumns(ColumnList& columns) {
    for (idx_t i = 0; i < columns.LogicalColumnCount(); ++i) {
      Widen(columns.GetColumnMutable(LogicalIndex(i)));
    }
  }

  const std::string& sql_;
};

}  // namespace

void RewriteDialect(SQLStatement& statement) {
  const std::string sql = statement.query;
  Rewriting(sql).Walk(statement);
}

void ApplyDialect(SQLStatement& statement) {
  ApplyPostgresNames(statement);
  RewriteDialect(statement);
}

}  // namespace varve::engine
