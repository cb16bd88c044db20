#include "server/http/json_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace varve::server {
namespace {

template <typename T>
std::string Fixed(TypeKind kind, T value) {
  ColumnBuilder builder{Type(kind)};
  builder.AppendFixed<T>(value);
  std::string out;
  AppendJsonValue(builder.Finish(), 0, out);
  return out;
}

Column Integers(const std::vector<std::optional<int64_t>>& values) {
  ColumnBuilder builder{Type(TypeKind::kInt64)};
  for (const auto& value : values) {
    if (value) {
      builder.AppendFixed<int64_t>(*value);
    } else {
      builder.AppendNull();
    }
  }
  return builder.Finish();
}

TEST(JsonRowsTest, NumbersKeepTheirDigits) {
  EXPECT_EQ(Fixed<uint8_t>(TypeKind::kBool, 1), "true");
  EXPECT_EQ(Fixed<int16_t>(TypeKind::kInt16, -7), "-7");
  EXPECT_EQ(Fixed<int64_t>(TypeKind::kInt64, 9007199254740993), "9007199254740993");
  EXPECT_EQ(Fixed<float>(TypeKind::kFloat32, 0.1f), "0.1");
  EXPECT_EQ(Fixed<double>(TypeKind::kFloat64, 0.1), "0.1");
  EXPECT_EQ(Fixed<double>(TypeKind::kFloat64, std::nan("")), "null");
  EXPECT_EQ(Fixed<double>(TypeKind::kFloat64, -std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonRowsTest, TimesAreIso8601) {
  EXPECT_EQ(Fixed<int64_t>(TypeKind::kTimestampTz, 1'767'323'045'250'000),
            "\"2026-01-02T03:04:05.25Z\"");
  EXPECT_EQ(Fixed<int64_t>(TypeKind::kTimestamp, 0), "\"1970-01-01T00:00:00\"");
}

TEST(JsonRowsTest, ListsAndTexts) {
  ColumnBuilder list{Type::List(Type(TypeKind::kInt64))};
  list.element_builder().AppendFixed<int64_t>(1);
  list.element_builder().AppendNull();
  list.AppendList();
  list.AppendList();
  list.element_builder().AppendFixed<int64_t>(2);
  list.AppendList();
  const Column lists = list.Finish();
  std::string out;
  AppendJsonValue(lists, 0, out);
  AppendJsonValue(lists, 1, out);
  AppendJsonValue(lists, 2, out);
  EXPECT_EQ(out, "[1,null][][2]");
  ColumnBuilder text{Type(TypeKind::kText)};
  text.AppendBytes("q\"\n");
  out.clear();
  AppendJsonValue(text.Finish(), 0, out);
  EXPECT_EQ(out, R"("q\"\n")");
}

TEST(JsonRowsTest, RowsOfColumnsWithOneName) {
  const Type type(TypeKind::kInt64);
  JsonRows rows({{"a", type}, {"a", type}, {"a_2", type}, {"b\"", type}});
  engine::ResultChunk chunk;
  chunk.rows = 2;
  for (int64_t i = 0; i < 4; ++i) chunk.columns.push_back(Integers({i, std::nullopt}));
  rows.Append(chunk);
  EXPECT_EQ(rows.count(), 2u);
  const std::string text = rows.Take();
  EXPECT_EQ(text, R"([{"a":0,"a_3":1,"a_2":2,"b\"":3},)"
                  R"({"a":null,"a_3":null,"a_2":null,"b\"":null}])");
}

TEST(JsonRowsTest, NoRows) { EXPECT_EQ(JsonRows({}).Take(), "[]"); }

}  // namespace
}  // namespace varve::server
