#include "model/batch.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

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

// Every type, NULLs at odd places, absent columns: joined rows must be what a row by row copy
// gives.
TEST(BatchTest, ConcatenateGivesWhatCopyingRowByRowGives) {
  const std::vector<Type> types = {Type(TypeKind::kBool),
                                   Type(TypeKind::kInt16),
                                   Type(TypeKind::kFloat32),
                                   Type(TypeKind::kInt64),
                                   Type(TypeKind::kUuid),
                                   Type(TypeKind::kText),
                                   Type::List(Type(TypeKind::kText))};
  uint32_t seed = 1;
  const auto next = [&](uint32_t below) {
    return ((seed = seed * 1664525 + 1013904223) >> 8) % below;
  };
  const auto random_column = [&](const Type& type, uint32_t rows, bool nulls) {
    ColumnBuilder builder{type};
    for (uint32_t row = 0; row < rows; ++row) {
      const std::string bytes(next(20), static_cast<char>('a' + row % 26));
      const std::array<uint8_t, 16> fixed = {static_cast<uint8_t>(next(256))};
      if (nulls && next(3) == 0) {
        builder.AppendNull();
      } else if (type.kind() == TypeKind::kText) {
        builder.AppendBytes(bytes);
      } else if (type.kind() == TypeKind::kList) {
        for (uint32_t i = 0; i < row % 3; ++i) builder.element_builder().AppendBytes(bytes);
        if (row % 5 == 0) builder.element_builder().AppendNull();
        builder.AppendList();
      } else if (type.FixedBytes() == 1) {
        builder.AppendFixed<uint8_t>(row % 2);
      } else if (type.FixedBytes() == 2) {
        builder.AppendFixed<uint16_t>(static_cast<uint16_t>(row));
      } else if (type.FixedBytes() == 4) {
        builder.AppendFixed<float>(static_cast<float>(row));
      } else if (type.FixedBytes() == 8) {
        builder.AppendFixed<int64_t>(row);
      } else {
        builder.AppendFixed(fixed);
      }
    }
    return builder.Finish();
  };
  for (int round = 0; round < 30; ++round) {
    std::vector<BatchRef> parts;
    for (int part = 0; part < 5; ++part) {
      auto batch = std::make_shared<Batch>();
      batch->rows = next(40);
      for (uint32_t id = 0; id < types.size(); ++id) {
        if (next(4) == 0) continue;
        batch->ids.emplace_back(id);
        batch->columns.push_back(random_column(types[id], batch->rows, next(2) == 0));
      }
      parts.push_back(batch);
    }
    const Batch all = Concatenate(parts);
    ASSERT_TRUE(all.Validate().ok()) << all.Validate();
    for (size_t i = 0; i < all.ids.size(); ++i) {
      ColumnBuilder expected{all.columns[i].type};
      for (const BatchRef& part : parts) {
        const Column* column = part->Find(all.ids[i]);
        for (uint32_t row = 0; row < part->rows; ++row) {
          if (column == nullptr) {
            expected.AppendNull();
          } else {
            expected.AppendFrom(*column, row);
          }
        }
      }
      EXPECT_EQ(all.columns[i], expected.Finish()) << "column " << i;
    }
  }
}

TEST(BatchTest, ConcatenateLeavesNoSpareCapacity) {
  ColumnBuilder builder{Type(TypeKind::kText)};
  for (int i = 0; i < 1000; ++i) builder.AppendBytes("seventeen letters");
  const BatchRef part = MakeBatch({{1, builder.Finish()}});
  const Batch all = Concatenate(std::vector{part, part, part});
  EXPECT_EQ(all.columns[0].bytes.capacity(), all.columns[0].bytes.size());
  EXPECT_EQ(all.columns[0].offsets.capacity(), all.columns[0].offsets.size());
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
