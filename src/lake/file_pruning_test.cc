#include "lake/file_pruning.h"

#include <gtest/gtest.h>

namespace varve::lake {
namespace {

DataFile FileWith(const std::string& column, ColumnStats stats, int64_t rows = 10) {
  DataFile file;
  file.rows = rows;
  file.stats[column] = std::move(stats);
  return file;
}

bool May(const DataFile& file, Type type, BoundOp op, std::vector<std::string> values) {
  return MayMatch(file, {"c", std::move(type), op, std::move(values)});
}

constexpr BoundOp kAllOps[] = {BoundOp::kEqual,       BoundOp::kNotEqual, BoundOp::kLess,
                               BoundOp::kLessOrEqual, BoundOp::kGreater,  BoundOp::kGreaterOrEqual,
                               BoundOp::kIn};

// Against a file whose values are min..max, every operator is checked with a value below, at the
// minimum, inside, at the maximum and above.
void CheckRange(const Type& type, const std::vector<std::string>& five, bool floats = false) {
  const DataFile file = FileWith("c", {five[1], five[3], 0});
  const struct {
    BoundOp op;
    std::vector<bool> expected;
  } cases[] = {
      {BoundOp::kEqual, {false, true, true, true, false}},
      {BoundOp::kIn, {false, true, true, true, false}},
      {BoundOp::kNotEqual, {true, true, true, true, true}},
      {BoundOp::kLess, {false, false, true, true, true}},
      {BoundOp::kLessOrEqual, {false, true, true, true, true}},
      {BoundOp::kGreater, {true, true, true, floats, floats}},
      {BoundOp::kGreaterOrEqual, {true, true, true, true, floats}},
  };
  for (const auto& c : cases) {
    for (size_t i = 0; i < five.size(); ++i) {
      EXPECT_EQ(May(file, type, c.op, {five[i]}), c.expected[i])
          << type.ToString() << " op " << static_cast<int>(c.op) << " value " << five[i];
    }
  }
}

TEST(FilePruningTest, AFloatIsOneValueInEitherOfItsForms) {
  // What statistics of ours say of the real 3e38, and what DuckDB says it is.
  const DataFile file = FileWith("c", {"3.0000000054977558e+38", "3.0000000054977558e+38", 0});
  const DataFile other = FileWith("c", {"3e+38", "3e+38", 0});
  for (const BoundOp op : {BoundOp::kEqual, BoundOp::kIn, BoundOp::kLessOrEqual}) {
    EXPECT_TRUE(May(file, Type(TypeKind::kFloat32), op, {"3e+38"}));
    EXPECT_TRUE(May(other, Type(TypeKind::kFloat32), op, {"3.0000000054977558e+38"}));
  }
  const DataFile tenth = FileWith("c", {"0.10000000149011612", "0.10000000149011612", 0});
  EXPECT_TRUE(May(tenth, Type(TypeKind::kFloat32), BoundOp::kEqual, {"0.1"}));
  EXPECT_FALSE(May(tenth, Type(TypeKind::kFloat32), BoundOp::kEqual, {"0.2"}));
}

TEST(FilePruningTest, RangesOfEachType) {
  CheckRange(Type(TypeKind::kInt16), {"-11", "-10", "9", "10", "11"});
  CheckRange(Type(TypeKind::kInt64), {"-9223372036854775808", "-9223372036854775807", "0",
                                      "9223372036854775806", "9223372036854775807"});
  CheckRange(Type::Decimal(38, 2), {"-100.51", "-100.5", "3", "99999999999999999999999999999.99",
                                    "100000000000000000000000000000"});
  CheckRange(Type(TypeKind::kFloat64), {"-1e300", "-2.5", "0.1", "1e10", "1.5e10"}, true);
  CheckRange(Type(TypeKind::kDate),
             {"1969-12-31", "1970-01-01", "2000-02-29", "2025-03-09", "2025-03-10"});
  CheckRange(Type(TypeKind::kText), {"B", "a", "b", "\xc3\xa9", "\xf0\x9f\x98\x80"});
  CheckRange(Type(TypeKind::kUuid),
             {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001",
              "7f000000-0000-0000-0000-000000000000", "f0000000-0000-0000-0000-000000000000",
              "ffffffff-ffff-ffff-ffff-ffffffffffff"});
  CheckRange(
      Type(TypeKind::kTimestampTz),
      {"2025-03-09T09:59:59.999999Z", "2025-03-09T10:00:00.000000Z", "2025-03-09 12:30:00+02",
       "2025-03-09T11:00:00.000000Z", "2025-03-09T11:00:00.000001Z"});
}

TEST(FilePruningTest, InstantsMayBeMicroseconds) {
  const DataFile file = FileWith("c", {"2025-03-09T10:00:00.000Z", "2025-03-09T11:00:00.000Z", 0});
  const Type type(TypeKind::kTimestampTz);
  EXPECT_FALSE(May(file, type, BoundOp::kEqual, {"1741514399999999"}));
  EXPECT_TRUE(May(file, type, BoundOp::kEqual, {"1741514400000000"}));
}

// Other writers cut the maximum down to milliseconds: up to 999 microseconds may be above it.
TEST(FilePruningTest, AMaximumInMillisecondsStandsForTheWholeMillisecond) {
  const DataFile file = FileWith("c", {"2025-03-09T10:00:00.000Z", "2025-03-09T11:00:00.123Z", 0});
  const Type type(TypeKind::kTimestampTz);
  EXPECT_TRUE(May(file, type, BoundOp::kEqual, {"2025-03-09T11:00:00.123999Z"}));
  EXPECT_FALSE(May(file, type, BoundOp::kEqual, {"2025-03-09T11:00:00.124Z"}));
}

TEST(FilePruningTest, NullsMatchNoComparison) {
  const DataFile all_null = FileWith("c", {std::nullopt, std::nullopt, 10});
  const DataFile some_null = FileWith("c", {"1", "2", 3});
  const DataFile no_null = FileWith("c", {"1", "2", 0});
  const Type type(TypeKind::kInt64);
  for (const BoundOp op : kAllOps) EXPECT_FALSE(May(all_null, type, op, {"1"}));
  EXPECT_TRUE(May(all_null, type, BoundOp::kIsNull, {}));
  EXPECT_FALSE(May(all_null, type, BoundOp::kIsNotNull, {}));
  EXPECT_TRUE(May(some_null, type, BoundOp::kIsNull, {}));
  EXPECT_TRUE(May(some_null, type, BoundOp::kIsNotNull, {}));
  EXPECT_FALSE(May(no_null, type, BoundOp::kIsNull, {}));
  EXPECT_TRUE(May(no_null, type, BoundOp::kIsNotNull, {}));
  EXPECT_FALSE(May(no_null, type, BoundOp::kIn, {}));
}

TEST(FilePruningTest, NotEqualNeedsOneExactValue) {
  const Type number(TypeKind::kInt32);
  EXPECT_FALSE(May(FileWith("c", {"5", "5", 1}), number, BoundOp::kNotEqual, {"5"}));
  EXPECT_TRUE(May(FileWith("c", {"5", "5", 1}), number, BoundOp::kNotEqual, {"6"}));
  const std::string cut(32, 'x');
  EXPECT_TRUE(May(FileWith("c", {cut, cut, 0}), Type(TypeKind::kText), BoundOp::kNotEqual, {cut}));
  EXPECT_TRUE(
      May(FileWith("c", {"1", "1", 0}), Type(TypeKind::kFloat64), BoundOp::kNotEqual, {"1"}));
}

TEST(FilePruningTest, WhatIsUnknownMayMatch) {
  DataFile bare;
  const Type type(TypeKind::kInt64);
  for (const BoundOp op : kAllOps) {
    EXPECT_TRUE(May(bare, type, op, {"1"}));
    EXPECT_TRUE(May(FileWith("c", {}), type, op, {"1"}));
    EXPECT_TRUE(May(FileWith("c", {"1e5", "one", {}}), type, op, {"1"}));
    EXPECT_TRUE(May(FileWith("c", {"1", "1", 0}), type, op, {"x"}));
    EXPECT_TRUE(May(FileWith("c", {"1", "1", 0}), Type(TypeKind::kJson), op, {"2"}));
  }
  EXPECT_TRUE(May(bare, type, BoundOp::kIsNull, {}));
  EXPECT_TRUE(May(bare, type, BoundOp::kIsNotNull, {}));
}

TEST(FilePruningTest, PartitionValuesAreExact) {
  DataFile file;
  file.partition_values = {
      {"project", "shop"}, {"date", "2025-03-09"}, {"none", std::nullopt}, {"empty", ""}};
  const Type text(TypeKind::kText);
  EXPECT_TRUE(MayMatch(file, {"project", text, BoundOp::kEqual, {"shop"}}));
  EXPECT_FALSE(MayMatch(file, {"project", text, BoundOp::kEqual, {"shop2"}}));
  EXPECT_FALSE(MayMatch(file, {"project", text, BoundOp::kIn, {"a", "b"}}));
  EXPECT_TRUE(MayMatch(file, {"project", text, BoundOp::kIn, {"a", "shop"}}));
  EXPECT_FALSE(MayMatch(file, {"project", text, BoundOp::kNotEqual, {"shop"}}));
  EXPECT_FALSE(MayMatch(file, {"project", text, BoundOp::kIsNull, {}}));
  EXPECT_FALSE(MayMatch(file, {"date", Type(TypeKind::kDate), BoundOp::kLess, {"2025-03-09"}}));
  EXPECT_FALSE(MayMatch(file, {"none", text, BoundOp::kEqual, {"x"}}));
  EXPECT_TRUE(MayMatch(file, {"none", text, BoundOp::kIsNull, {}}));
  // '' to us, NULL to others.
  EXPECT_TRUE(MayMatch(file, {"empty", text, BoundOp::kEqual, {""}}));
  EXPECT_TRUE(MayMatch(file, {"empty", text, BoundOp::kIsNull, {}}));
}

}  // namespace
}  // namespace varve::lake
