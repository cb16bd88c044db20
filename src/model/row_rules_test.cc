#include "model/row_rules.h"

#include <gtest/gtest.h>

#include "model/column_for_test.h"

namespace varve {
namespace {

constexpr int64_t kDay = 86'400'000'000;

// date (derived), timestamp, id NOT NULL, note.
TableDef Spans() {
  TableDef table;
  table.name = {"public", "spans"};
  table.columns = {
      {ColumnId(1), "date", Type(TypeKind::kDate), false, false, ""},
      {ColumnId(2), "timestamp", Type(TypeKind::kTimestampTz), false, false, ""},
      {ColumnId(3), "id", Type(TypeKind::kText), false, false, ""},
      {ColumnId(4), "note", Type(TypeKind::kText), true, false, ""},
  };
  table.time_column = 1;
  table.derived_date = 0;
  return table;
}

Column Times(const std::vector<std::optional<int64_t>>& values) {
  return FixedColumn(TypeKind::kTimestampTz, values);
}

Column Dates(const std::vector<std::optional<int32_t>>& values) {
  return FixedColumn(TypeKind::kDate, values);
}

Column TextsOrNulls(std::vector<const char*> values) {
  ColumnBuilder builder{Type(TypeKind::kText)};
  for (const char* value : values) {
    if (value != nullptr) {
      builder.AppendBytes(value);
    } else {
      builder.AppendNull();
    }
  }
  return builder.Finish();
}

TEST(CompleteBatchTest, DerivesTheDateAndDropsEmptyColumns) {
  Batch batch;
  batch.rows = 3;
  batch.ids = {ColumnId(2), ColumnId(3), ColumnId(4)};
  // The last microsecond before 1970 belongs to the day before.
  batch.columns = {Times({0, 2 * kDay + 1, -1}), TextsOrNulls({"a", "b", "c"}),
                   TextsOrNulls({nullptr, nullptr, nullptr})};
  ASSERT_TRUE(CompleteBatch(Spans(), batch).ok());
  ASSERT_TRUE(batch.Validate().ok());
  EXPECT_EQ(batch.ids, (std::vector{ColumnId(1), ColumnId(2), ColumnId(3)}));
  EXPECT_EQ(batch.columns[0].Fixed<int32_t>(0), 0);
  EXPECT_EQ(batch.columns[0].Fixed<int32_t>(1), 2);
  EXPECT_EQ(batch.columns[0].Fixed<int32_t>(2), -1);
}

TEST(CompleteBatchTest, AGivenDateMustAgree) {
  Batch batch;
  batch.rows = 2;
  batch.ids = {ColumnId(1), ColumnId(2), ColumnId(3)};
  batch.columns = {Dates({std::nullopt, 1}), Times({0, kDay}), TextsOrNulls({"a", "b"})};
  Batch wrong = batch;
  ASSERT_TRUE(CompleteBatch(Spans(), batch).ok());
  EXPECT_FALSE(batch.columns[0].HasNulls());

  wrong.columns[0] = Dates({0, 19000});
  const Status status = CompleteBatch(Spans(), wrong);
  EXPECT_EQ(SqlStateOf(status), sqlstate::kInvalidParameterValue);
  EXPECT_NE(MessageOf(status).find("2022-01-08"), std::string_view::npos) << status;
  EXPECT_NE(MessageOf(status).find("1970-01-02"), std::string_view::npos) << status;
}

TEST(CompleteBatchTest, NamesTheFirstRowsFirstNull) {
  Batch batch;
  batch.rows = 2;
  batch.ids = {ColumnId(2), ColumnId(3)};
  batch.columns = {Times({0, std::nullopt}), TextsOrNulls({nullptr, "b"})};
  Status status = CompleteBatch(Spans(), batch);
  EXPECT_EQ(SqlStateOf(status), sqlstate::kNotNullViolation);
  EXPECT_EQ(MessageOf(status),
            "null value in column \"id\" of relation \"spans\" violates not-null constraint");

  Batch no_time;
  no_time.rows = 1;
  no_time.ids = {ColumnId(3)};
  no_time.columns = {TextsOrNulls({"a"})};
  status = CompleteBatch(Spans(), no_time);
  EXPECT_EQ(
      MessageOf(status),
      "null value in column \"timestamp\" of relation \"spans\" violates not-null constraint");
}

TEST(CompleteBatchTest, RefusesTimesThatNoPartitionCanName) {
  for (const int64_t time : {INT64_MAX, INT64_MIN + 1, int64_t{300'000'000'000'000'000}}) {
    Batch batch;
    batch.rows = 1;
    batch.ids = {ColumnId(2), ColumnId(3)};
    batch.columns = {Times({time}), TextsOrNulls({"a"})};
    EXPECT_EQ(SqlStateOf(CompleteBatch(Spans(), batch)), sqlstate::kDatetimeOverflow) << time;
  }
}

TEST(CompleteBatchTest, RefusesDatesThatNoPartitionCanName) {
  TableDef table = Spans();
  table.derived_date.reset();  // an ordinary date column that partitions
  table.partition_columns = {0};
  for (const int32_t day : {INT32_MAX, INT32_MIN + 1, 2'932'897, -719'163}) {
    Batch batch;
    batch.rows = 2;
    batch.ids = {ColumnId(1), ColumnId(2), ColumnId(3)};
    batch.columns = {Dates({0, day}), Times({0, 0}), TextsOrNulls({"a", "b"})};
    EXPECT_EQ(SqlStateOf(CompleteBatch(table, batch)), sqlstate::kDatetimeOverflow) << day;
  }
  Batch batch;
  batch.rows = 2;
  batch.ids = {ColumnId(1), ColumnId(2), ColumnId(3)};
  batch.columns = {Dates({2'932'896, -719'162}), Times({0, 0}), TextsOrNulls({"a", "b"})};
  EXPECT_TRUE(CompleteBatch(table, batch).ok());
}

}  // namespace
}  // namespace varve
