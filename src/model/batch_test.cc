#include "model/batch.h"

#include <gtest/gtest.h>

namespace varve {
namespace {

Column Numbers(std::initializer_list<int64_t> values) {
  ColumnBuilder builder{Type(TypeKind::kInt64)};
  for (const int64_t value : values) builder.AppendFixed(value);
  return builder.Finish();
}

BatchRef MakeBatch(std::initializer_list<std::pair<uint32_t, Column>> columns) {
  auto batch = std::make_shared<Batch>();
  for (const auto& [id, column] : columns) {
    batch->ids.emplace_back(id);
    batch->columns.push_back(column);
    batch->rows = column.rows;
  }
  return batch;
}

TEST(BatchTest, ConcatenateFillsAbsentColumnsWithNulls) {
  const BatchRef a = MakeBatch({{1, Numbers({1, 2})}, {5, Numbers({10, 20})}});
  const BatchRef b = MakeBatch({{1, Numbers({3})}, {7, Numbers({30})}});
  const Batch all = Concatenate(std::vector{a, b});
  ASSERT_TRUE(all.Validate().ok());
  ASSERT_EQ(all.rows, 3u);
  EXPECT_EQ(all.Find(ColumnId(1))->Fixed<int64_t>(2), 3);
  EXPECT_TRUE(all.Find(ColumnId(5))->IsNull(2));
  EXPECT_TRUE(all.Find(ColumnId(7))->IsNull(0));
  EXPECT_EQ(all.Find(ColumnId(7))->Fixed<int64_t>(2), 30);
  EXPECT_EQ(all.Find(ColumnId(6)), nullptr);
}

TEST(BatchTest, SelectKeepsTheOrderAsked) {
  const BatchRef batch = MakeBatch({{1, Numbers({10, 11, 12})}});
  const Batch chosen = Select(*batch, std::vector<uint32_t>{2, 0});
  ASSERT_EQ(chosen.rows, 2u);
  EXPECT_EQ(chosen.columns[0].Fixed<int64_t>(0), 12);
  EXPECT_EQ(chosen.columns[0].Fixed<int64_t>(1), 10);
}

TEST(BatchTest, ValidateFindsUnequalColumns) {
  Batch batch = *MakeBatch({{1, Numbers({1, 2})}, {2, Numbers({1, 2})}});
  EXPECT_TRUE(batch.Validate().ok());
  batch.columns[1] = Numbers({1});
  EXPECT_EQ(batch.Validate().code(), StatusCode::kDataLoss);
  batch.columns[1] = Numbers({1, 2});
  std::swap(batch.ids[0], batch.ids[1]);
  EXPECT_EQ(batch.Validate().code(), StatusCode::kDataLoss);
}

TEST(BatchTest, TimeRangeCoversTheTimeColumn) {
  TableDef table;
  table.columns.push_back(
      {ColumnId(1), "timestamp", Type(TypeKind::kTimestampTz), false, false, ""});
  ColumnBuilder builder{Type(TypeKind::kTimestampTz)};
  for (const int64_t t : {5, -3, 9}) builder.AppendFixed<int64_t>(t);
  const BatchRef batch = MakeBatch({{1, builder.Finish()}});
  const TimeRange range = TimeRangeOf(table, *batch);
  EXPECT_EQ(range.min, TimestampUs(-3));
  EXPECT_EQ(range.max, TimestampUs(9));
}

}  // namespace
}  // namespace varve
