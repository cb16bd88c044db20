#include "model/row_order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "model/column_for_test.h"

namespace varve {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A table whose columns 1, 2, ... have these types.
TableDef TableOf(std::initializer_list<Type> types) {
  TableDef table;
  for (const Type& type : types) {
    ColumnDef column;
    column.id = ColumnId(static_cast<uint32_t>(table.columns.size() + 1));
    column.type = type;
    table.columns.push_back(std::move(column));
  }
  return table;
}

Column Texts(const std::vector<std::string>& values) {
  ColumnBuilder builder{Type(TypeKind::kText)};
  for (const std::string& value : values) builder.AppendBytes(value);
  return builder.Finish();
}

BatchRef BatchOf(std::vector<std::pair<uint32_t, Column>> columns) {
  auto batch = std::make_shared<Batch>();
  for (auto& [id, column] : columns) {
    batch->rows = column.rows;
    batch->ids.emplace_back(id);
    batch->columns.push_back(std::move(column));
  }
  return batch;
}

std::vector<RowRef> AllRows(std::span<const BatchRef> batches) {
  std::vector<RowRef> rows;
  for (uint32_t b = 0; b < batches.size(); ++b) {
    for (uint32_t row = 0; row < batches[b]->rows; ++row) rows.push_back({b, row});
  }
  return rows;
}

std::vector<RowRef> Sorted(const TableDef& table, std::vector<SortKey> keys,
                           std::span<const BatchRef> batches) {
  std::vector<RowRef> rows = AllRows(batches);
  SortRows(table, keys, batches, rows);
  return rows;
}

TEST(RowOrderTest, NewestFirstThenTextAcrossBatches) {
  const TableDef table = TableOf({Type(TypeKind::kTimestampTz), Type(TypeKind::kText)});
  const std::vector<BatchRef> batches = {
      BatchOf({{1, FixedColumn<int64_t>(TypeKind::kTimestampTz, {10, -5, 30})},
               {2, Texts({"b", "x", "same start, then b"})}}),
      BatchOf({{1, FixedColumn<int64_t>(TypeKind::kTimestampTz, {30, 10})},
               {2, Texts({"same start, then a", "a"})}})};
  EXPECT_EQ(Sorted(table, {{0, true}, {1, false}}, batches),
            (std::vector<RowRef>{{1, 0}, {0, 2}, {1, 1}, {0, 0}, {0, 1}}));
}

TEST(RowOrderTest, NullsAndAbsentColumnsAreLastBothWays) {
  const TableDef table = TableOf({Type(TypeKind::kInt64), Type(TypeKind::kInt64)});
  const auto max = std::numeric_limits<int64_t>::max();
  const auto min = std::numeric_limits<int64_t>::min();
  const std::vector<BatchRef> batches = {
      BatchOf({{2, FixedColumn<int64_t>(TypeKind::kInt64, {1})}}),
      BatchOf({{1, FixedColumn<int64_t>(TypeKind::kInt64, {std::nullopt, max, min})}})};
  EXPECT_EQ(Sorted(table, {{0, false}}, batches),
            (std::vector<RowRef>{{1, 2}, {1, 1}, {0, 0}, {1, 0}}));
  EXPECT_EQ(Sorted(table, {{0, true}}, batches),
            (std::vector<RowRef>{{1, 1}, {1, 2}, {0, 0}, {1, 0}}));
}

TEST(RowOrderTest, NanIsAboveAllNumbers) {
  const TableDef table = TableOf({Type(TypeKind::kFloat64)});
  const std::vector<BatchRef> batches = {
      BatchOf({{1, FixedColumn<double>(TypeKind::kFloat64, {kNan, -1.5, HUGE_VAL, -0.5})}})};
  EXPECT_EQ(Sorted(table, {{0, false}}, batches),
            (std::vector<RowRef>{{0, 1}, {0, 3}, {0, 2}, {0, 0}}));
}

TEST(RowOrderTest, EqualRowsStayAsTheyCame) {
  const TableDef table = TableOf({Type(TypeKind::kInt32)});
  const BatchRef batch = BatchOf({{1, FixedColumn<int32_t>(TypeKind::kInt32, {7, 7, 7})}});
  const std::vector<BatchRef> batches = {batch, batch};
  EXPECT_EQ(Sorted(table, {{0, true}}, batches), AllRows(batches));
  EXPECT_EQ(Sorted(table, {}, batches), AllRows(batches));
}

TEST(RowOrderTest, GatherCopiesInTheOrderGiven) {
  const std::vector<BatchRef> batches = {
      BatchOf({{1, FixedColumn<int64_t>(TypeKind::kInt64, {1, std::nullopt, 3})}}),
      BatchOf({{1, FixedColumn<int64_t>(TypeKind::kInt64, {4})}, {3, Texts({"four"})}}),
      BatchOf({{9, Texts({"not used"})}})};
  const std::vector<RowRef> rows = {{1, 0}, {0, 2}, {0, 1}, {1, 0}};
  const Batch gathered = Gather(batches, rows);
  ASSERT_TRUE(gathered.Validate().ok());
  ASSERT_EQ(gathered.rows, 4u);
  EXPECT_EQ(*gathered.Find(ColumnId(1)), FixedColumn<int64_t>(TypeKind::kInt64, {4, 3, {}, 4}));
  EXPECT_EQ(gathered.Find(ColumnId(3))->Bytes(3), "four");
  EXPECT_TRUE(gathered.Find(ColumnId(3))->IsNull(1));
  EXPECT_EQ(gathered.Find(ColumnId(9)), nullptr);
}

}  // namespace
}  // namespace varve
