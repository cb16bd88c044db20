#include "lake/partition_rows.h"

#include <gtest/gtest.h>

#include <optional>

#include "buffer/testing/rows.h"

namespace varve::lake {
namespace {

using buffer::testing::MakeRows;
using buffer::testing::MakeTable;

class PartitionRowsTest : public ::testing::Test {
 protected:
  std::vector<PartitionGroup> Groups(const TableDef& table, const std::vector<BatchRef>& batches) {
    Result<std::vector<PartitionGroup>> groups = PartitionRows(table, batches);
    EXPECT_TRUE(groups.ok()) << groups.status();
    return groups.ok() ? *std::move(groups) : std::vector<PartitionGroup>{};
  }

  const TableRef table_ = MakeTable(TableId{1});
};

TEST_F(PartitionRowsTest, EveryRowIsInTheGroupOfItsValueInOrder) {
  const auto a = MakeRows({.rows = 7, .project = "%"});
  const auto b = MakeRows({.first = 8, .rows = 5, .project = "%"});
  const auto groups = Groups(*table_, {a, b});
  ASSERT_EQ(groups.size(), 3u);
  int64_t rows = 0;
  for (const PartitionGroup& group : groups) {
    rows += group.rows;
    const std::string project = group.values.at("project_id").value();
    int64_t previous = 0;
    int64_t seen = 0;
    for (const BatchSlice& slice : group.slices) {
      for (const uint32_t row : slice.rows) {
        const auto number = slice.batch->Find(buffer::testing::kSequenceId)->Fixed<int64_t>(row);
        EXPECT_LT(previous, number);
        EXPECT_EQ("p" + std::to_string(number % 3), project);
        previous = number;
        ++seen;
      }
    }
    EXPECT_EQ(seen, group.rows);
  }
  EXPECT_EQ(rows, 12);
}

TEST_F(PartitionRowsTest, ASegmentOfOnePartitionIsTakenWhole) {
  const auto groups = Groups(
      *table_, {MakeRows({.rows = 9, .project = "shop"}), MakeRows({.rows = 4, .project = "bank"}),
                MakeRows({.rows = 2, .project = "shop"})});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].values.at("project_id"), "shop");
  EXPECT_EQ(groups[0].rows, 11);
  ASSERT_EQ(groups[0].slices.size(), 2u);
  EXPECT_TRUE(groups[0].slices[0].rows.empty());
  EXPECT_EQ(groups[1].rows, 4);
}

TEST_F(PartitionRowsTest, NullAndAbsentAreOnePartitionAndNotTheEmptyText) {
  ColumnBuilder project{Type(TypeKind::kText)};
  project.AppendNull();
  project.AppendBytes("");
  auto with_null = std::make_shared<Batch>(*MakeRows({.rows = 2}));
  with_null->columns[1] = project.Finish();
  auto absent = std::make_shared<Batch>(*MakeRows({.rows = 3}));
  absent->ids.erase(absent->ids.begin() + 1);
  absent->columns.erase(absent->columns.begin() + 1);
  const auto groups = Groups(*table_, {with_null, absent});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].values.at("project_id"), std::nullopt);
  EXPECT_EQ(groups[0].rows, 4);
  EXPECT_EQ(groups[1].rows, 1);
}

TEST_F(PartitionRowsTest, TwoColumnsThatOnlyTogetherDiffer) {
  auto table = std::make_shared<TableDef>(*table_);
  table->columns[4].type = Type(TypeKind::kText);
  table->partition_columns = {1, 4};
  const auto column = [](std::optional<std::string_view> value) {
    ColumnBuilder builder{Type(TypeKind::kText)};
    if (value) {
      builder.AppendBytes(*value);
    } else {
      builder.AppendNull();
    }
    return builder.Finish();
  };
  const auto pair = [&](std::optional<std::string_view> first,
                        std::optional<std::string_view> second) {
    auto batch = std::make_shared<Batch>(*MakeRows({}));
    batch->columns[1] = column(first);
    batch->columns[4] = column(second);
    return batch;
  };
  EXPECT_EQ(Groups(*table, {pair("ab", "c"), pair("a", "bc"), pair("ab", "c")}).size(), 2u);
  EXPECT_EQ(Groups(*table, {pair("a", {}), pair({}, "a"), pair({}, {})}).size(), 3u);
  // Bytes that would end a value, if its length did not say where it ends.
  const std::string end = '\1' + std::string(8, '\0');
  EXPECT_EQ(Groups(*table, {pair("x", "y" + end + "z"), pair("x" + end + "y", "z")}).size(), 2u);
}

TEST_F(PartitionRowsTest, ATableWithoutPartitionsGivesOneGroup) {
  auto table = std::make_shared<TableDef>(*table_);
  table->partition_columns.clear();
  const auto groups = Groups(*table, {MakeRows({.rows = 5, .project = "%"}), MakeRows({})});
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_TRUE(groups[0].values.empty());
  EXPECT_EQ(groups[0].rows, 6);
}

}  // namespace
}  // namespace varve::lake
