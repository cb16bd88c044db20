#include "model/column.h"

#include <gtest/gtest.h>

namespace varve {
namespace {

TEST(ColumnBuilderTest, FixedValuesAndNulls) {
  ColumnBuilder builder{Type(TypeKind::kInt64)};
  builder.AppendFixed<int64_t>(7);
  builder.AppendNull();
  builder.AppendFixed<int64_t>(-1);
  const Column column = builder.Finish();
  ASSERT_EQ(column.rows, 3u);
  EXPECT_EQ(column.Fixed<int64_t>(0), 7);
  EXPECT_TRUE(column.IsNull(1));
  EXPECT_EQ(column.Fixed<int64_t>(1),
            0);  // A NULL's bytes are zero, so that equal batches encode equally.
  EXPECT_EQ(column.Fixed<int64_t>(2), -1);
  EXPECT_TRUE(column.Validate().ok());
}

TEST(ColumnBuilderTest, AColumnWithoutNullsHasNoValidity) {
  ColumnBuilder builder{Type(TypeKind::kText)};
  builder.AppendBytes("a");
  EXPECT_TRUE(builder.Finish().validity.empty());
}

// The first NULL may come at any place of a validity byte.
TEST(ColumnBuilderTest, FirstNullAtAnyRow) {
  for (size_t at = 0; at < 20; ++at) {
    ColumnBuilder builder{Type(TypeKind::kInt32)};
    for (size_t row = 0; row < 20; ++row) {
      if (row == at) {
        builder.AppendNull();
      } else {
        builder.AppendFixed(static_cast<int32_t>(row));
      }
    }
    const Column column = builder.Finish();
    ASSERT_TRUE(column.Validate().ok());
    for (size_t row = 0; row < 20; ++row) EXPECT_EQ(column.IsNull(row), row == at) << at;
  }
}

Column TextLists() {
  ColumnBuilder builder(Type::List(Type(TypeKind::kText)));
  builder.element_builder().AppendBytes("x");
  builder.element_builder().AppendBytes("yy");
  builder.AppendList();
  builder.AppendNull();
  builder.AppendList();
  builder.element_builder().AppendNull();
  builder.AppendList();
  return builder.Finish();
}

TEST(ColumnBuilderTest, Lists) {
  const Column column = TextLists();
  ASSERT_TRUE(column.Validate().ok());
  ASSERT_EQ(column.rows, 4u);
  EXPECT_EQ(column.ListRange(0), std::make_pair(0u, 2u));
  EXPECT_TRUE(column.IsNull(1));
  EXPECT_EQ(column.ListRange(2), std::make_pair(2u, 2u));
  EXPECT_FALSE(column.IsNull(2));
  EXPECT_TRUE(column.child->IsNull(2));
  EXPECT_EQ(column.child->Bytes(1), "yy");
}

TEST(ColumnBuilderTest, AppendRangeCopiesAnyPart) {
  const Column source = TextLists();
  for (size_t begin = 0; begin <= source.rows; ++begin) {
    for (size_t end = begin; end <= source.rows; ++end) {
      ColumnBuilder by_range(source.type);
      by_range.AppendRange(source, 0, 2);
      by_range.AppendRange(source, begin, end);
      ColumnBuilder by_row(source.type);
      by_row.AppendFrom(source, 0);
      by_row.AppendFrom(source, 1);
      for (size_t row = begin; row < end; ++row) by_row.AppendFrom(source, row);
      const Column copied = by_range.Finish();
      ASSERT_TRUE(copied.Validate().ok());
      EXPECT_EQ(copied, by_row.Finish()) << begin << ".." << end;
    }
  }
}

TEST(ColumnBuilderTest, TruncateTakesBackAHalfRow) {
  ColumnBuilder builder(Type::List(Type(TypeKind::kInt32)));
  builder.element_builder().AppendFixed<int32_t>(1);
  builder.AppendList();
  builder.AppendNull();
  builder.element_builder().AppendFixed<int32_t>(2);  // The list is never ended: the row failed.
  builder.Truncate(1);
  builder.element_builder().AppendFixed<int32_t>(3);
  builder.AppendList();
  const Column column = builder.Finish();
  ASSERT_TRUE(column.Validate().ok());
  ASSERT_EQ(column.rows, 2u);
  EXPECT_FALSE(column.IsNull(1));
  EXPECT_EQ(column.child->Fixed<int32_t>(column.ListRange(1).first), 3);
}

TEST(ColumnTest, ValidateFindsEachKindOfDamage) {
  Column text = TextLists();
  text.offsets[1] = 99;
  EXPECT_EQ(text.Validate().code(), StatusCode::kDataLoss);
  Column fixed;
  fixed.type = Type(TypeKind::kInt64);
  fixed.rows = 2;
  fixed.values.resize(15);
  EXPECT_EQ(fixed.Validate().code(), StatusCode::kDataLoss);
  fixed.values.resize(16);
  EXPECT_TRUE(fixed.Validate().ok());
  fixed.validity.resize(2);
  EXPECT_EQ(fixed.Validate().code(), StatusCode::kDataLoss);
}

TEST(TypeTest, NamesAreReadAndPrinted) {
  for (const char* name :
       {"text", "bigint", "timestamp with time zone", "text[]", "double precision[]"}) {
    ASSERT_TRUE(Type::Parse(name).ok()) << name;
    EXPECT_EQ(Type::Parse(name)->ToString(), name);
  }
  EXPECT_EQ(Type::Parse("timestamptz")->kind(), TypeKind::kTimestampTz);
  EXPECT_EQ(SqlStateOf(Type::Parse("blob5").status()), sqlstate::kUndefinedObject);
  EXPECT_EQ(SqlStateOf(Type::Parse("text[][]").status()), sqlstate::kFeatureNotSupported);
}

}  // namespace
}  // namespace varve
