#include "engine/dialect_rewrite.h"

#include <array>
#include <duckdb/common/extra_type_info.hpp>
#include <duckdb/common/types/decimal.hpp>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_data/alter_table_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/parser/query_node/select_node.hpp>
#include <duckdb/parser/result_modifier.hpp>
#include <duckdb/parser/statement/list.hpp>
#include <string_view>

#include "engine/pg_arithmetic.h"
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

void RewriteAny(Slot& slot) {
  auto& subquery = slot->Cast<SubqueryExpression>();
  Slot* array = ArrayOfAny(subquery);
  if (array == nullptr) return;
  Slot value = std::move(subquery.child);
  const bool is_elements = (*array)->GetExpressionType() == ExpressionType::ARRAY_CONSTRUCTOR &&
                           !(*array)->Cast<OperatorExpression>().children.empty();
  if (is_elements) {
    auto elements = std::move((*array)->Cast<OperatorExpression>().children);
    return Replace(slot, AnyOfElements(std::move(value), std::move(elements)));
  }
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

void RewriteFunction(Slot& slot, std::string_view sql) {
  auto& call = slot->Cast<FunctionExpression>();
  if (call.schema == "pg_catalog") call.schema.clear();
  SortDistinct(call);
  // SIMILAR TO arrives as the same call; the text at its place tells them apart.
  const auto location = slot->GetQueryLocation();
  const bool is_tilde = location.IsValid() && location.GetIndex() < sql.size() &&
                        (sql[location.GetIndex()] == '~' || sql[location.GetIndex()] == '!');
  if (call.function_name == "regexp_full_match" && is_tilde) {
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

class Rewriting : public StatementWalk {
 public:
  explicit Rewriting(std::string_view sql) : sql_(sql) {}

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
        return RewriteFunction(slot, sql_);
      case ExpressionClass::CAST:
        return RewriteCast(slot);
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

  std::string_view sql_;
};

}  // namespace

void RewriteDialect(SQLStatement& statement) {
  const std::string sql = statement.query;  // positions count from the start of the whole text
  Rewriting(sql).Walk(statement);
}

}  // namespace varve::engine
