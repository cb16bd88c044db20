#include "ingest/value_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "ingest/number_text.h"
#include "ingest/time_text.h"

namespace varve::ingest {
namespace {

// The values below were read by PostgreSQL 15 (TimeZone UTC, DateStyle ISO, MDY).

Result<Column> ReadOne(const Type& type, std::string_view text,
                       const DecodeSettings& settings = {}) {
  ColumnBuilder builder(type);
  VARVE_RETURN_IF_ERROR(AppendText(text, settings, builder));
  return builder.Finish();
}

template <typename T>
T Value(TypeKind kind, std::string_view text, const DecodeSettings& settings = {}) {
  const Result<Column> column = ReadOne(Type(kind), text, settings);
  EXPECT_TRUE(column.ok()) << text << ": " << column.status();
  return column.ok() ? column->Fixed<T>(0) : T{};
}

std::string StateOf(const Type& type, std::string_view text) {
  return SqlStateOf(ReadOne(type, text).status());
}

std::string MessageFor(const Type& type, std::string_view text) {
  return std::string(MessageOf(ReadOne(type, text).status()));
}

TEST(ValueTextTest, Booleans) {
  for (const char* text : {"t", "TRUE", " tr ", "y", "yes", "on", "1"}) {
    EXPECT_EQ(Value<uint8_t>(TypeKind::kBool, text), 1) << text;
  }
  for (const char* text : {"f", "False", "n", "no", "of", "OFF", "0"}) {
    EXPECT_EQ(Value<uint8_t>(TypeKind::kBool, text), 0) << text;
  }
  for (const char* text : {"", "o", "2", "truee", "10"}) {
    EXPECT_EQ(StateOf(Type(TypeKind::kBool), text), "22P02") << text;
  }
}

TEST(ValueTextTest, Integers) {
  EXPECT_EQ(Value<int16_t>(TypeKind::kInt16, "-32768"), -32768);
  EXPECT_EQ(Value<int32_t>(TypeKind::kInt32, " +2147483647 "), 2147483647);
  EXPECT_EQ(Value<int64_t>(TypeKind::kInt64, "-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(Value<int64_t>(TypeKind::kInt64, "00000000000000000000000007"), 7);
  for (const char* text : {"", "-", "1.5", "1e3", "0x10", "1 2", "- 1", "1_000"}) {
    EXPECT_EQ(StateOf(Type(TypeKind::kInt64), text), "22P02") << text;
  }
  EXPECT_EQ(MessageFor(Type(TypeKind::kInt32), "2147483648"),
            "value \"2147483648\" is out of range for type integer");
  EXPECT_EQ(StateOf(Type(TypeKind::kInt16), "32768"), "22003");
  EXPECT_EQ(StateOf(Type(TypeKind::kInt64), "9223372036854775808"), "22003");
  EXPECT_EQ(StateOf(Type(TypeKind::kInt64), "99999999999999999999999"), "22003");
  EXPECT_EQ(MessageFor(Type(TypeKind::kInt64), "abc"),
            "invalid input syntax for type bigint: \"abc\"");
}

TEST(ValueTextTest, Floats) {
  EXPECT_EQ(Value<double>(TypeKind::kFloat64, " +.5e1 "), 5.0);
  EXPECT_EQ(Value<double>(TypeKind::kFloat64, "1."), 1.0);
  EXPECT_EQ(Value<double>(TypeKind::kFloat64, "-Infinity"), -INFINITY);
  EXPECT_EQ(Value<float>(TypeKind::kFloat32, "inf"), INFINITY);
  EXPECT_TRUE(std::isnan(Value<double>(TypeKind::kFloat64, "nan")));
  EXPECT_EQ(Value<double>(TypeKind::kFloat64, "4.9e-324"), 4.9e-324);
  EXPECT_EQ(StateOf(Type(TypeKind::kFloat64), "1e400"), "22003");
  EXPECT_EQ(StateOf(Type(TypeKind::kFloat64), "1e-400"), "22003");
  EXPECT_EQ(MessageFor(Type(TypeKind::kFloat32), "1e39"), "\"1e39\" is out of range for type real");
  for (const char* text : {"", "+-1", "1e", "abc", "1 1", ".", "--1"}) {
    EXPECT_EQ(StateOf(Type(TypeKind::kFloat64), text), "22P02") << text;
  }
}

TEST(ValueTextTest, Decimals) {
  const Type type = Type::Decimal(6, 2);
  const auto value = [&type](const char* text) {
    const Result<Column> column = ReadOne(type, text);
    EXPECT_TRUE(column.ok()) << text;
    return column.ok() ? static_cast<int64_t>(column->Fixed<Int128>(0)) : -1;
  };
  EXPECT_EQ(value("1.5"), 150);
  EXPECT_EQ(value("-1.005"), -101);
  EXPECT_EQ(value("1.004999"), 100);
  EXPECT_EQ(value("12e-1"), 120);
  EXPECT_EQ(value("1e3"), 100000);
  EXPECT_EQ(value(".005"), 1);
  EXPECT_EQ(value("0e2000000000"), 0);
  EXPECT_EQ(value("5e-2000000000"), 0);
  EXPECT_EQ(value("9999.994"), 999999);
  EXPECT_EQ(StateOf(type, "9999.995"), "22003");
  EXPECT_EQ(StateOf(type, "1e4"), "22003");
  EXPECT_EQ(StateOf(type, "1e2000000000"), "22003");
  EXPECT_EQ(StateOf(type, "NaN"), "22003");
  for (const char* text : {"", ".", "1e", "1e ", "1e 5", "1,5", "a"}) {
    EXPECT_EQ(StateOf(type, text), "22P02") << text;
  }
}

TEST(ValueTextTest, Timestamps) {
  const auto at = [](std::string_view text) {
    return Value<int64_t>(TypeKind::kTimestampTz, text);
  };
  constexpr int64_t kNoon = 1'735'732'800'000'000;  // 2025-01-01 12:00:00 UTC
  for (const char* text :
       {"2025-01-01 12:00:00", "2025-01-01T12:00:00Z", "2025-01-01 12:00:00+00",
        "2025-01-01T17:30:00+05:30", "2025-01-01 04:00:00-0800", "2025-01-01 12:00",
        "2025-01-01 12:00:00 UTC", "20250101T120000Z", "Jan 1, 2025 12:00 PM",
        "Wed Jan 01 12:00:00 2025", "1-Jan-2025 12:00:00", "2025-01-01 13:00:00 Europe/Berlin",
        "01/01/2025 12:00", "2025-01-01 07:00 EST", "2025-01-01 07:00 america/new_york",
        "2025-01-01t12:00:00.000000z", " 2025-01-01 12:00:00 ", "2025-01-01 12:00:00 +0"}) {
    EXPECT_EQ(at(text), kNoon) << text;
  }
  EXPECT_EQ(at("2025-01-01 12:00:00.123456789"), kNoon + 123457);
  EXPECT_EQ(at("2025-01-01 12:00:00.5Z"), kNoon + 500000);
  EXPECT_EQ(at("2025-01-01 11:59:59.9999999Z"), kNoon);
  EXPECT_EQ(at("2024-12-31 24:00:00Z"), kNoon - 43'200'000'000);
  EXPECT_EQ(at("2025-01-01 11:59:60Z"), kNoon);
  EXPECT_EQ(at("2025-01-01"), kNoon - 43'200'000'000);
  EXPECT_EQ(at("epoch"), 0);
  EXPECT_EQ(at("infinity"), INT64_MAX);
  EXPECT_EQ(at("-infinity"), -INT64_MAX);
  EXPECT_EQ(at("0001-01-01 00:00:00 BC"), -62'167'219'200'000'000);
  EXPECT_EQ(at("1969-12-31 23:59:59.999999+00"), -1);
  // Without a zone of its own, and with one that is to be ignored.
  EXPECT_EQ(Value<int64_t>(TypeKind::kTimestamp, "2025-01-01T12:00:00+05"), kNoon);
}

TEST(ValueTextTest, TimestampErrors) {
  const Type type(TypeKind::kTimestampTz);
  for (const char* text : {"", "foo", "2025-01-01 12", "12:00", "2025-01", "2025-01-01 12:00:00 !",
                           "2025-01-01 12:00:00 12:00:00", "now today", "inf", "+infinity",
                           "2025-01-01 12:00:00 foo"}) {
    EXPECT_EQ(StateOf(type, text), "22007") << text;
  }
  EXPECT_EQ(MessageFor(type, "foo"),
            "invalid input syntax for type timestamp with time zone: \"foo\"");
  for (const char* text : {"2025-13-01", "2025-02-29", "2025-01-01 25:00:00", "2025-01-01 12:60:00",
                           "13/13/2025", "0000-01-01", "2025-01-01 24:00:01"}) {
    EXPECT_EQ(StateOf(type, text), "22008") << text;
  }
  EXPECT_EQ(MessageFor(type, "2025-13-01"), "date/time field value out of range: \"2025-13-01\"");
  EXPECT_EQ(StateOf(type, "294300-01-01"), "22008");
  EXPECT_EQ(StateOf(type, "4715-01-01 BC"), "22008");
  EXPECT_EQ(StateOf(type, "2025-01-01 12:00:00+16"), "22009");
  EXPECT_EQ(StateOf(type, "2025-01-01 12:00:00 Mars/Olympus"), "22023");
}

TEST(ValueTextTest, SessionZoneAndClock) {
  DecodeSettings settings;
  settings.time_zone = *FindTimeZone("Europe/Berlin");
  settings.now = TimestampUs(1'735'732'800'000'000);
  const auto at = [&settings](std::string_view text) {
    return Value<int64_t>(TypeKind::kTimestampTz, text, settings);
  };
  EXPECT_EQ(at("2025-01-01 13:00:00"), 1'735'732'800'000'000);
  EXPECT_EQ(at("2025-07-01 14:00:00"), at("2025-07-01 12:00:00Z"));
  EXPECT_EQ(at("2025-03-30 02:30:00"), at("2025-03-30 01:30:00Z"));  // skipped by the clocks
  EXPECT_EQ(at("2025-10-26 02:30:00"), at("2025-10-26 01:30:00Z"));  // shown twice
  EXPECT_EQ(at("now"), settings.now.value);
  EXPECT_EQ(at("today"), at("2025-01-01 00:00:00"));
  EXPECT_EQ(Value<int32_t>(TypeKind::kDate, "tomorrow", settings), 20090);
  EXPECT_EQ(SqlStateOf(FindTimeZone("Mars/Olympus").status()), "22023");
  for (const char* path : {"/etc/passwd", "../../etc/passwd", "localtime", "file:x", ""}) {
    EXPECT_FALSE(FindTimeZone(path).ok()) << path;
  }
}

TEST(ValueTextTest, DatesAndTimes) {
  EXPECT_EQ(Value<int32_t>(TypeKind::kDate, "1970-01-01"), 0);
  EXPECT_EQ(Value<int32_t>(TypeKind::kDate, "2024-02-29"), 19782);
  EXPECT_EQ(Value<int32_t>(TypeKind::kDate, "20240229"), 19782);
  EXPECT_EQ(Value<int32_t>(TypeKind::kDate, "2024-02-29 10:00:00+02"), 19782);
  EXPECT_EQ(Value<int32_t>(TypeKind::kDate, "28-Feb-99"), 10650);
  EXPECT_EQ(Value<int32_t>(TypeKind::kDate, "-infinity"), -INT32_MAX);
  EXPECT_EQ(StateOf(Type(TypeKind::kDate), "2023-02-29"), "22008");
  EXPECT_EQ(StateOf(Type(TypeKind::kDate), "yesterdays"), "22007");
  EXPECT_EQ(Value<int64_t>(TypeKind::kTime, "04:05:06.789"), 14'706'789'000);
  EXPECT_EQ(Value<int64_t>(TypeKind::kTime, "04:05 PM"), 57'900'000'000);
  EXPECT_EQ(Value<int64_t>(TypeKind::kTime, "24:00"), 86'400'000'000);
  EXPECT_EQ(Value<int64_t>(TypeKind::kTime, "040506"), 14'706'000'000);
  EXPECT_EQ(StateOf(Type(TypeKind::kTime), "25:00"), "22008");
}

TEST(ValueTextTest, Intervals) {
  const auto of = [](std::string_view text) { return Value<Interval>(TypeKind::kInterval, text); };
  EXPECT_EQ(of("1 day"), (Interval{0, 1, 0}));
  EXPECT_EQ(of("1 year 2 mons -3 days 04:05:06.7"), (Interval{14, -3, 14'706'700'000}));
  EXPECT_EQ(of("@ 1 hour 30 mins ago"), (Interval{0, 0, -5'400'000'000}));
  EXPECT_EQ(of("1.5 days"), (Interval{0, 1, 43'200'000'000}));
  EXPECT_EQ(of("1.5 months"), (Interval{1, 15, 0}));
  EXPECT_EQ(of("1.5 years"), (Interval{18, 0, 0}));
  EXPECT_EQ(of("1-2"), (Interval{14, 0, 0}));
  EXPECT_EQ(of("-1-2"), (Interval{-14, 0, 0}));
  EXPECT_EQ(of("3 04:05:06"), (Interval{0, 3, 14'706'000'000}));
  EXPECT_EQ(of("-04:05"), (Interval{0, 0, -14'700'000'000}));
  EXPECT_EQ(of("90"), (Interval{0, 0, 90'000'000}));
  EXPECT_EQ(of("P1Y2M3DT4H5M6.5S"), (Interval{14, 3, 14'706'500'000}));
  EXPECT_EQ(of("5m"), (Interval{0, 0, 300'000'000}));
  EXPECT_EQ(of("2 weeks"), (Interval{0, 14, 0}));
  for (const char* text : {"", "foo", "1 foo", "1 day ago ago", "1 day 1 day", "P", "PT", "ago"}) {
    EXPECT_EQ(StateOf(Type(TypeKind::kInterval), text), "22007") << text;
  }
  EXPECT_EQ(StateOf(Type(TypeKind::kInterval), "999999999999 years"), "22015");
  EXPECT_EQ(StateOf(Type(TypeKind::kInterval), "178956971 years"), "22008");
  EXPECT_EQ(StateOf(Type(TypeKind::kInterval), "99999999999999999999 us"), "22015");
}

TEST(ValueTextTest, Uuids) {
  const Result<Column> plain =
      ReadOne(Type(TypeKind::kUuid), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->values[0], 0xa0);
  EXPECT_EQ(plain->values[15], 0x11);
  for (const char* text :
       {"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11"}) {
    const Result<Column> other = ReadOne(Type(TypeKind::kUuid), text);
    ASSERT_TRUE(other.ok()) << text;
    EXPECT_EQ(*other, *plain) << text;
  }
  for (const char* text :
       {"", "a0eebc99", "{a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
        "g0eebc999c0b4ef8bb6d6bb9bd380a11"}) {
    EXPECT_EQ(StateOf(Type(TypeKind::kUuid), text), "22P02") << text;
  }
}

TEST(ValueTextTest, Bytea) {
  const auto bytes = [](std::string_view text) {
    const Result<Column> column = ReadOne(Type(TypeKind::kBytea), text);
    EXPECT_TRUE(column.ok()) << text << column.status();
    return column.ok() ? std::string(column->Bytes(0)) : std::string();
  };
  EXPECT_EQ(bytes("\\xDEad be"), "\xDE\xAD\xBE");
  EXPECT_EQ(bytes("a\\\\b\\000c"), std::string("a\\b\0c", 5));
  EXPECT_EQ(StateOf(Type(TypeKind::kBytea), "\\x1"), "22023");
  EXPECT_EQ(StateOf(Type(TypeKind::kBytea), "\\xzz"), "22023");
  EXPECT_EQ(StateOf(Type(TypeKind::kBytea), "a\\9"), "22P02");
}

TEST(ValueTextTest, Json) {
  for (const char* text :
       {"{}", " [1, -0.5e+3, \"a\\u00e9\\ud83d\\ude00\", true, null] ", "1e999",
        "123456789012345678901234567890", "{\"a\":{\"b\":[{}]},\"c\":\"\"}", "\"x\"", "0"}) {
    EXPECT_TRUE(ReadOne(Type(TypeKind::kJson), text).ok()) << text;
  }
  for (const char* text :
       {"",      "{",          "[1,]", "{\"a\"}", "{a:1}",       "01",          "1.",    ".5",
        "+1",    "tru",        "\"",   "\"\\x\"", "\"\\ud800\"", "\"\\ude00\"", "[1] 2", "\"\n\"",
        "nullx", "{\"a\":1,}", "]",    "[}",      "1a",          "\"\\u12\""}) {
    EXPECT_EQ(StateOf(Type(TypeKind::kJson), text), "22P02") << text;
  }
  EXPECT_EQ(StateOf(Type(TypeKind::kJson), "\"\\u0000\""), "22P05");
  EXPECT_EQ(StateOf(Type(TypeKind::kJson), std::string(7000, '[')), "54001");
}

std::string Joined(const Column& column) {
  std::string out;
  for (uint32_t i = 0; i < column.child->rows; ++i) {
    out += column.child->IsNull(i) ? "<null>" : std::string(column.child->Bytes(i));
    out += '|';
  }
  return out;
}

TEST(ValueTextTest, Arrays) {
  const Type type = Type::List(Type(TypeKind::kText));
  const auto elements = [&type](std::string_view text) {
    const Result<Column> column = ReadOne(type, text);
    EXPECT_TRUE(column.ok()) << text << column.status();
    return column.ok() ? Joined(*column) : std::string();
  };
  EXPECT_EQ(elements("{}"), "");
  EXPECT_EQ(elements(" { } "), "");
  EXPECT_EQ(elements("{a,b c , \"d,\\\"e\\\\\" }"), "a|b c|d,\"e\\|");
  EXPECT_EQ(elements("{NULL,null,\"NULL\",\\NULL}"), "<null>|<null>|NULL|NULL|");
  EXPECT_EQ(elements("{\"\", x\\ }"), "|x |");
  for (const char* text : {"", "a", "{", "{a", "{a,", "{a,}", "{,a}", "{a}b", "{\"a}", "{\"a\"b}",
                           "{a\"b\"}", "{\"a\\", "{\\"}) {
    EXPECT_EQ(StateOf(type, text), "22P02") << text;
  }
  EXPECT_EQ(StateOf(type, "{{a}}"), "0A000");
  EXPECT_EQ(StateOf(type, "[1:1]={a}"), "0A000");
  EXPECT_EQ(StateOf(type, "[\"a\"]"), "22P02");
  const Type numbers = Type::List(Type(TypeKind::kInt32));
  EXPECT_EQ(ReadOne(numbers, "{1, 2,NULL}")->child->Fixed<int32_t>(1), 2);
  EXPECT_EQ(StateOf(numbers, "{1,x}"), "22P02");
}

TEST(ValueTextTest, CheckText) {
  EXPECT_TRUE(CheckText("gr\xc3\xbc\xc3\x9f").ok());
  EXPECT_EQ(SqlStateOf(CheckText("a\xff")), "22021");
  EXPECT_EQ(SqlStateOf(CheckText("\xc3")), "22021");
  EXPECT_EQ(SqlStateOf(CheckText(std::string_view("a\0b", 3))), "22021");
}

}  // namespace
}  // namespace varve::ingest
