#include "ingest/value_binary.h"

#include <gtest/gtest.h>

#include <string>

#include "ingest/number_text.h"
#include "ingest/time_text.h"

namespace varve::ingest {
namespace {

using namespace std::string_literals;

Result<Column> ReadOne(const Type& type, std::string_view bytes) {
  ColumnBuilder builder(type);
  VARVE_RETURN_IF_ERROR(AppendBinary(bytes, builder));
  return builder.Finish();
}

template <typename T>
T Value(const Type& type, std::string_view bytes) {
  const Result<Column> column = ReadOne(type, bytes);
  EXPECT_TRUE(column.ok()) << column.status();
  return column.ok() ? column->Fixed<T>(0) : T{};
}

std::string StateOf(const Type& type, std::string_view bytes) {
  return SqlStateOf(ReadOne(type, bytes).status());
}

TEST(ValueBinaryTest, FixedTypes) {
  EXPECT_EQ(Value<uint8_t>(Type(TypeKind::kBool), "\1"s), 1);
  EXPECT_EQ(Value<int16_t>(Type(TypeKind::kInt16), "\xff\xfe"s), -2);
  EXPECT_EQ(Value<int32_t>(Type(TypeKind::kInt32), "\0\0\1\2"s), 258);
  EXPECT_EQ(Value<int64_t>(Type(TypeKind::kInt64), "\x80\0\0\0\0\0\0\0"s), INT64_MIN);
  EXPECT_EQ(Value<float>(Type(TypeKind::kFloat32), "\x3f\xc0\0\0"s), 1.5f);
  EXPECT_EQ(Value<double>(Type(TypeKind::kFloat64), "\xbf\xf8\0\0\0\0\0\0"s), -1.5);
  EXPECT_EQ(Value<int64_t>(Type(TypeKind::kTime), "\0\0\0\0\0\0\0\7"s), 7);
  EXPECT_EQ(Value<Interval>(Type(TypeKind::kInterval), "\0\0\0\0\0\0\0\3\0\0\0\2\xff\xff\xff\xff"s),
            (Interval{-1, 2, 3}));
  EXPECT_EQ(ReadOne(Type(TypeKind::kUuid), "0123456789abcdef")->values[15], 'f');
}

TEST(ValueBinaryTest, TimesCountFrom2000) {
  EXPECT_EQ(Value<int32_t>(Type(TypeKind::kDate), "\0\0\0\1"s), 10'958);
  EXPECT_EQ(Value<int32_t>(Type(TypeKind::kDate), "\x7f\xff\xff\xff"s), kDateInfinity);
  EXPECT_EQ(Value<int32_t>(Type(TypeKind::kDate), "\x80\0\0\0"s), kDateMinusInfinity);
  EXPECT_EQ(StateOf(Type(TypeKind::kDate), "\x7f\xff\xff\xfe"s), "22008");
  const Type tz(TypeKind::kTimestampTz);
  EXPECT_EQ(Value<int64_t>(tz, "\0\0\0\0\0\0\0\1"s), 946'684'800'000'001);
  EXPECT_EQ(Value<int64_t>(tz, "\x7f\xff\xff\xff\xff\xff\xff\xff"s), kTimestampInfinity);
  EXPECT_EQ(Value<int64_t>(tz, "\x80\0\0\0\0\0\0\0"s), kTimestampMinusInfinity);
  EXPECT_EQ(StateOf(tz, "\x7f\xff\xff\xff\xff\xff\xff\xfe"s), "22008");
  EXPECT_EQ(StateOf(tz, "\x80\0\0\0\0\0\0\1"s), "22008");
}

TEST(ValueBinaryTest, Numerics) {
  const Type type = Type::Decimal(8, 2);
  // 12345.675: digits 1 2345 6750, weight 1.
  const std::string positive = "\0\3\0\1\0\0\0\3\0\1\x09\x29\x1a\x5e"s;
  EXPECT_EQ(static_cast<int64_t>(Value<Int128>(type, positive)), 1'234'568);
  const std::string negative = "\0\3\0\1\x40\0\0\3\0\1\x09\x29\x1a\x5e"s;
  EXPECT_EQ(static_cast<int64_t>(Value<Int128>(type, negative)), -1'234'568);
  EXPECT_EQ(static_cast<int64_t>(Value<Int128>(type, "\0\0\0\0\0\0\0\0"s)), 0);
  EXPECT_EQ(static_cast<int64_t>(Value<Int128>(type, "\0\1\xff\xff\0\0\0\2\0\x64"s)), 1);  // 0.01
  EXPECT_EQ(StateOf(type, "\0\1\0\2\0\0\0\0\0\1"s), "22003");                              // 10^8
  EXPECT_EQ(StateOf(type, "\0\0\0\0\xc0\0\0\0"s), "22003");                                // NaN
  EXPECT_EQ(StateOf(type, "\0\2\0\1\0\0\0\0\0\1"s), "22P03");  // fewer digits than it says
  EXPECT_EQ(StateOf(type, "\0\1\0\0\0\0\0\0\xff\xff"s), "22P03");
}

TEST(ValueBinaryTest, TextAndJson) {
  EXPECT_EQ(ReadOne(Type(TypeKind::kText), "abc")->Bytes(0), "abc");
  EXPECT_EQ(StateOf(Type(TypeKind::kText), "a\0b"s), "22021");
  EXPECT_EQ(StateOf(Type(TypeKind::kText), "\xff"), "22021");
  EXPECT_EQ(ReadOne(Type(TypeKind::kBytea), "\xff\0"s)->Bytes(0), "\xff\0"s);
  EXPECT_EQ(ReadOne(Type(TypeKind::kJson), "\1{}")->Bytes(0), "{}");
  EXPECT_EQ(ReadOne(Type(TypeKind::kJson), "{}")->Bytes(0), "{}");
  EXPECT_EQ(StateOf(Type(TypeKind::kJson), "\1{"), "22P02");
}

TEST(ValueBinaryTest, Lists) {
  const Type type = Type::List(Type(TypeKind::kText));
  const std::string two = "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\1x\xff\xff\xff\xff"s;
  const Result<Column> column = ReadOne(type, two);
  ASSERT_TRUE(column.ok()) << column.status();
  EXPECT_EQ(column->child->rows, 2u);
  EXPECT_EQ(column->child->Bytes(0), "x");
  EXPECT_TRUE(column->child->IsNull(1));
  EXPECT_EQ(ReadOne(type, "\0\0\0\0\0\0\0\0\0\0\0\x19"s)->rows, 1u);
  for (size_t length = 0; length < two.size(); ++length) {
    EXPECT_EQ(StateOf(type, std::string_view(two).substr(0, length)), "22P03") << length;
  }
  EXPECT_EQ(StateOf(type, two + "x"), "22P03");
  EXPECT_EQ(StateOf(type, "\0\0\0\2"s + two.substr(4)), "0A000");
}

TEST(ValueBinaryTest, WrongSizes) {
  for (const TypeKind kind :
       {TypeKind::kBool, TypeKind::kInt16, TypeKind::kInt32, TypeKind::kInt64, TypeKind::kFloat32,
        TypeKind::kFloat64, TypeKind::kDate, TypeKind::kTime, TypeKind::kTimestamp,
        TypeKind::kTimestampTz, TypeKind::kInterval, TypeKind::kUuid}) {
    EXPECT_EQ(StateOf(Type(kind), ""), "22P03");
    EXPECT_EQ(StateOf(Type(kind), std::string(17, '\0')), "22P03");
  }
}

}  // namespace
}  // namespace varve::ingest
