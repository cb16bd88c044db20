#include "server/pg/value_binary.h"

#include <gtest/gtest.h>

#include "server/core/datetime_text.h"
#include "server/pg/numeric_binary.h"
#include "server/pg/parameter_text.h"
#include "server/pg/type_oids.h"

namespace varve::server::pg {
namespace {

using namespace std::string_literals;

template <typename T>
std::string Binary(Type type, T value) {
  ColumnBuilder builder(std::move(type));
  builder.AppendFixed(value);
  std::string out;
  EXPECT_TRUE(AppendValueBinary(builder.Finish(), 0, out).ok());
  return out;
}

std::string Numeric(std::string_view text) {
  std::string out;
  EXPECT_TRUE(AppendNumericBinary(text, out).ok()) << text;
  return out;
}

// Byte vectors were read off PostgreSQL 15's own send functions.
TEST(ValueBinaryTest, FixedTypes) {
  EXPECT_EQ(Binary(Type(TypeKind::kBool), uint8_t{1}), "\1"s);
  EXPECT_EQ(Binary(Type(TypeKind::kInt16), int16_t{-2}), "\xff\xfe"s);
  EXPECT_EQ(Binary(Type(TypeKind::kInt32), 258), "\0\0\1\2"s);
  EXPECT_EQ(Binary(Type(TypeKind::kInt64), int64_t{1} << 40), "\0\0\1\0\0\0\0\0"s);
  EXPECT_EQ(Binary(Type(TypeKind::kFloat32), 1.5F), "\x3f\xc0\0\0"s);
  EXPECT_EQ(Binary(Type(TypeKind::kFloat64), -2.0), "\xc0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(Binary(Type(TypeKind::kTime), int64_t{1}), "\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(Binary(Type(TypeKind::kInterval), Interval{2, 3, 4}),
            "\0\0\0\0\0\0\0\4\0\0\0\3\0\0\0\2"s);
}

TEST(ValueBinaryTest, TimesCountFrom2000) {
  constexpr int64_t k2000 = 946'684'800'000'000;
  EXPECT_EQ(Binary(Type(TypeKind::kDate), 10'957), "\0\0\0\0"s);
  EXPECT_EQ(Binary(Type(TypeKind::kDate), 10'956), "\xff\xff\xff\xff"s);
  EXPECT_EQ(Binary(Type(TypeKind::kDate), kInfinityDays), "\x7f\xff\xff\xff"s);
  EXPECT_EQ(Binary(Type(TypeKind::kDate), kMinusInfinityDays), "\x80\0\0\0"s);
  EXPECT_EQ(Binary(Type(TypeKind::kTimestampTz), k2000 + 1), "\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(Binary(Type(TypeKind::kTimestamp), k2000 - 1), std::string(8, '\xff'));
  EXPECT_EQ(Binary(Type(TypeKind::kTimestampTz), kMinusInfinityUs), "\x80\0\0\0\0\0\0\0"s);
}

TEST(ValueBinaryTest, BytesTypes) {
  for (const auto& [kind, expected] :
       {std::pair(TypeKind::kText, "ab"s), std::pair(TypeKind::kBytea, "ab"s),
        std::pair(TypeKind::kJson, "\1ab"s)}) {
    ColumnBuilder builder{Type(kind)};
    builder.AppendBytes("ab");
    std::string out;
    ASSERT_TRUE(AppendValueBinary(builder.Finish(), 0, out).ok());
    EXPECT_EQ(out, expected);
  }
}

TEST(ValueBinaryTest, Arrays) {
  ColumnBuilder builder{Type::List(Type(TypeKind::kInt32))};
  builder.element_builder().AppendFixed(int32_t{7});
  builder.element_builder().AppendNull();
  builder.AppendList();
  builder.AppendList();
  const Column column = builder.Finish();
  std::string out;
  ASSERT_TRUE(AppendValueBinary(column, 0, out).ok());
  EXPECT_EQ(out,
            "\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\1"
            "\0\0\0\4\0\0\0\7\xff\xff\xff\xff"s);
  out.clear();
  ASSERT_TRUE(AppendValueBinary(column, 1, out).ok());
  EXPECT_EQ(out, "\0\0\0\0\0\0\0\0\0\0\0\x17"s);
}

TEST(ValueBinaryTest, ArraysOfArraysMustBeRectangular) {
  ColumnBuilder builder{Type::List(Type::List(Type(TypeKind::kInt16)))};
  ColumnBuilder& inner = builder.element_builder();
  const auto add = [&](std::initializer_list<int16_t> values) {
    for (const int16_t value : values) inner.element_builder().AppendFixed(value);
    inner.AppendList();
  };
  add({1, 2});
  add({3, 4});
  builder.AppendList();
  add({1});
  add({2, 3});
  builder.AppendList();
  const Column column = builder.Finish();
  std::string out;
  ASSERT_TRUE(AppendValueBinary(column, 0, out).ok());
  EXPECT_EQ(out.substr(0, 28), "\0\0\0\2\0\0\0\0\0\0\0\x15\0\0\0\2\0\0\0\1\0\0\0\2\0\0\0\1"s);
  EXPECT_EQ(out.size(), 28u + 4 * 6);
  out.clear();
  EXPECT_EQ(SqlStateOf(AppendValueBinary(column, 1, out)), "0A000");
}

TEST(NumericBinaryTest, KnownBytes) {
  EXPECT_EQ(Numeric("0"), "\0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(Numeric("1"), "\0\1\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(Numeric("-12345.678"), "\0\3\0\1\x40\0\0\3\0\1\x09\x29\x1a\x7c"s);
  EXPECT_EQ(Numeric("0.00005"), "\0\1\xff\xfe\0\0\0\5\x13\x88"s);
  EXPECT_EQ(Numeric("10000"), "\0\1\0\1\0\0\0\0\0\1"s);
  EXPECT_EQ(Numeric("1.50"), "\0\2\0\0\0\0\0\2\0\1\x13\x88"s);
  EXPECT_EQ(Numeric("NaN"), "\0\0\0\0\xc0\0\0\0"s);
  EXPECT_EQ(Numeric("-Infinity"), "\0\0\0\0\xf0\0\0\0"s);
  EXPECT_EQ(Numeric("-0.00"), "\0\0\0\0\0\0\0\2"s);
}

TEST(NumericBinaryTest, TextComesBack) {
  for (const std::string text :
       {"0", "0.00", "1", "-1", "9999", "10000", "12345678901234567890.123456789", "0.0001",
        "0.00005", "-0.5", "100000000", "1.50", "NaN", "Infinity", "-Infinity"}) {
    const auto back = NumericTextOf(Numeric(text));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, text);
  }
  EXPECT_EQ(*NumericTextOf(Numeric("1e5")), "100000");
  EXPECT_EQ(*NumericTextOf(Numeric("12e-3")), "0.012");
}

TEST(NumericBinaryTest, MalformedIsRefused) {
  std::string out;
  for (const char* text : {"", "-", "1x", "1.2.3", "1e", "0x10", "1e999999999", "1e200000"}) {
    EXPECT_FALSE(AppendNumericBinary(text, out).ok()) << text;
  }
  for (const std::string& bytes : {""s, "\0\1\0\0\0\0\0\0"s, "\0\1\0\0\0\0\0\0\x27\x10"s,
                                   "\0\0\0\0\x12\x34\0\0"s, "\0\0\0\0\0\0\xff\xff"s}) {
    EXPECT_EQ(SqlStateOf(NumericTextOf(bytes).status()), "22P03");
  }
}

TEST(ParameterTextTest, BinaryBecomesText) {
  EXPECT_EQ(*ParameterTextOf("\0\0\0\x2a"s, true, 23), "42");
  EXPECT_EQ(*ParameterTextOf("\xff\xff\xff\xff"s, true, 26), "4294967295");  // oid is unsigned.
  EXPECT_EQ(*ParameterTextOf("\0\0\0\0\0\0\0\0"s, true, 1184), "2000-01-01 00:00:00+00");
  EXPECT_EQ(*ParameterTextOf("\1{}"s, true, 3802), "{}");
  EXPECT_EQ(*ParameterTextOf("{}"s, true, 114), "{}");
  EXPECT_EQ(*ParameterTextOf("a"s, true, 1043), "a");
  EXPECT_EQ(*ParameterTextOf("00112233445566778899AABBCCDDEEFF", false, 2950),
            "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(*ParameterTextOf(Numeric("1.50"), true, 1700), "1.50");
  EXPECT_EQ(SqlStateOf(ParameterTextOf("\0\0"s, true, 23).status()), "22P03");
  EXPECT_EQ(SqlStateOf(ParameterTextOf("\xff"s, false, 25).status()), "22021");
  EXPECT_EQ(SqlStateOf(ParameterTextOf("x"s, true, 600).status()), "0A000");
}

TEST(TypeOidsTest, BothWays) {
  for (const auto& [name, oid] :
       std::initializer_list<std::pair<const char*, Oid>>{{"boolean", 16},
                                                          {"bytea", 17},
                                                          {"bigint", 20},
                                                          {"smallint", 21},
                                                          {"integer", 23},
                                                          {"text", 25},
                                                          {"real", 700},
                                                          {"double precision", 701},
                                                          {"date", 1082},
                                                          {"time", 1083},
                                                          {"timestamp", 1114},
                                                          {"timestamptz", 1184},
                                                          {"interval", 1186},
                                                          {"uuid", 2950},
                                                          {"jsonb", 3802},
                                                          {"text[]", 1009},
                                                          {"bigint[]", 1016},
                                                          {"timestamptz[]", 1185}}) {
    const Type type = Type::Parse(name).value();
    EXPECT_EQ(OidOf(type), oid) << name;
    EXPECT_EQ(TypeOfOid(oid), type) << name;
  }
  EXPECT_EQ(OidOf(Type::Decimal(10, 2)), kNumericOid);
  EXPECT_EQ(TypeModifierOf(Type::Decimal(10, 2)), 655366);  // (10 << 16 | 2) + 4
  EXPECT_EQ(TypeModifierOf(Type(TypeKind::kText)), -1);
  EXPECT_EQ(TypeOfOid(0).kind(), TypeKind::kUnknown);
  EXPECT_EQ(TypeOfOid(999'999).kind(), TypeKind::kUnknown);
}

}  // namespace
}  // namespace varve::server::pg
