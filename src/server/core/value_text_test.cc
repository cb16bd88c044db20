#include "server/core/value_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "server/core/datetime_text.h"
#include "server/core/number_text.h"

namespace varve::server {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;

std::string Float8(double value, int digits = 1) {
  std::string out;
  AppendFloat64(value, digits, out);
  return out;
}

std::string Float4(float value) {
  std::string out;
  AppendFloat32(value, 1, out);
  return out;
}

std::string Zoned(int64_t micros, const char* zone) {
  absl::TimeZone loaded;
  EXPECT_TRUE(absl::LoadTimeZone(zone, &loaded));
  std::string out;
  AppendTimestampTz(micros, loaded, out);
  return out;
}

template <typename T>
std::string Text(void (*append)(T, std::string&), T value) {
  std::string out;
  append(value, out);
  return out;
}

std::string IntervalText(int32_t months, int32_t days, int64_t micros) {
  std::string out;
  AppendInterval({months, days, micros}, out);
  return out;
}

std::string Show(const Column& column, size_t row = 0, const TextStyle& style = {}) {
  std::string out;
  AppendValueText(column, row, style, out);
  return out;
}

// Expected texts were read off psql against PostgreSQL 15.
TEST(NumberTextTest, FloatsAreShortestInPostgresSpelling) {
  EXPECT_EQ(Float8(0), "0");
  EXPECT_EQ(Float8(-0.0), "-0");
  EXPECT_EQ(Float8(1), "1");
  EXPECT_EQ(Float8(0.1), "0.1");
  EXPECT_EQ(Float8(-2.5), "-2.5");
  EXPECT_EQ(Float8(1e15), "1e+15");
  EXPECT_EQ(Float8(123456789012345), "123456789012345");
  EXPECT_EQ(Float8(0.0001), "0.0001");
  EXPECT_EQ(Float8(0.00001), "1e-05");
  EXPECT_EQ(Float8(1e22), "1e+22");
  EXPECT_EQ(Float8(1.5e300), "1.5e+300");
  EXPECT_EQ(Float8(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(Float8(std::numeric_limits<double>::denorm_min()), "5e-324");
  EXPECT_EQ(Float8(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(Float8(-std::numeric_limits<double>::infinity()), "-Infinity");
  EXPECT_EQ(Float8(0.1 + 0.2, 0), "0.3");
  EXPECT_EQ(Float4(0.1F), "0.1");
  EXPECT_EQ(Float4(123456), "123456");
  EXPECT_EQ(Float4(1234567), "1.234567e+06");
}

TEST(NumberTextTest, DecimalsKeepTheirScale) {
  const auto decimal = [](Int128 value, uint8_t scale) {
    std::string out;
    AppendDecimal(value, scale, out);
    return out;
  };
  EXPECT_EQ(decimal(0, 2), "0.00");
  EXPECT_EQ(decimal(-5, 2), "-0.05");
  EXPECT_EQ(decimal(12345, 2), "123.45");
  EXPECT_EQ(decimal(12345, 0), "12345");
  Int128 wide = 1;
  for (int i = 0; i < 37; ++i) wide *= 10;
  EXPECT_EQ(decimal(-wide, 37), "-1." + std::string(37, '0'));
}

TEST(DatetimeTextTest, Dates) {
  EXPECT_EQ(Text<int32_t>(AppendDate, 0), "1970-01-01");
  EXPECT_EQ(Text<int32_t>(AppendDate, 11016), "2000-02-29");
  EXPECT_EQ(Text<int32_t>(AppendDate, -719162), "0001-01-01");
  EXPECT_EQ(Text<int32_t>(AppendDate, -719163), "0001-12-31 BC");
  EXPECT_EQ(Text<int32_t>(AppendDate, 2932897), "10000-01-01");
  EXPECT_EQ(Text<int32_t>(AppendDate, -2440588), "4714-11-24 BC");  // Julian day 0.
  EXPECT_EQ(Text<int32_t>(AppendDate, kInfinityDays), "infinity");
  EXPECT_EQ(Text<int32_t>(AppendDate, kMinusInfinityDays), "-infinity");
}

TEST(DatetimeTextTest, Timestamps) {
  EXPECT_EQ(Text<int64_t>(AppendTimestamp, 0), "1970-01-01 00:00:00");
  EXPECT_EQ(Text<int64_t>(AppendTimestamp, -1), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(Text<int64_t>(AppendTimestamp, kDayUs + 3'500'000), "1970-01-02 00:00:03.5");
  EXPECT_EQ(Text<int64_t>(AppendTimestamp, -719163 * kDayUs), "0001-12-31 00:00:00 BC");
  EXPECT_EQ(Text<int64_t>(AppendTimestamp, kInfinityUs), "infinity");
  EXPECT_EQ(Text<int64_t>(AppendTime, 86'399'999'999), "23:59:59.999999");
  EXPECT_EQ(Text<int64_t>(AppendTime, kDayUs), "24:00:00");
}

TEST(DatetimeTextTest, TimestampsInAZone) {
  const int64_t micros = 1'741'510'800 * kSecondUs;  // 2025-03-09 09:00:00 UTC
  EXPECT_EQ(Zoned(micros, "UTC"), "2025-03-09 09:00:00+00");
  EXPECT_EQ(Zoned(micros, "Asia/Kolkata"), "2025-03-09 14:30:00+05:30");
  // Both sides of the change to summer time in New York, at 07:00 UTC of that day.
  EXPECT_EQ(Zoned(micros - 2 * 3600 * kSecondUs - 1, "America/New_York"),
            "2025-03-09 01:59:59.999999-05");
  EXPECT_EQ(Zoned(micros - 2 * 3600 * kSecondUs, "America/New_York"), "2025-03-09 03:00:00-04");
  EXPECT_EQ(Zoned(-3'000'000'000 * kSecondUs, "America/New_York"), "1874-12-07 13:43:58-04:56:02");
  EXPECT_EQ(Zoned(-719163 * kDayUs, "UTC"), "0001-12-31 00:00:00+00 BC");
  EXPECT_EQ(Zoned(kMinusInfinityUs, "UTC"), "-infinity");
}

TEST(DatetimeTextTest, Intervals) {
  EXPECT_EQ(IntervalText(0, 0, 0), "00:00:00");
  EXPECT_EQ(IntervalText(14, 3, 4 * 3600 * kSecondUs + 5'500'000),
            "1 year 2 mons 3 days 04:00:05.5");
  EXPECT_EQ(IntervalText(-1, 0, 0), "-1 mons");
  EXPECT_EQ(IntervalText(1, -1, 0), "1 mon -1 days");
  EXPECT_EQ(IntervalText(0, -1, 3600 * kSecondUs), "-1 days +01:00:00");
  EXPECT_EQ(IntervalText(-12, 5, -1), "-1 years +5 days -00:00:00.000001");
  EXPECT_EQ(IntervalText(0, 0, 100 * 3600 * kSecondUs), "100:00:00");
  EXPECT_EQ(IntervalText(0, 0, INT64_MIN), "-2562047788:00:54.775808");
}

TEST(ValueTextTest, BytesAndBooleans) {
  ColumnBuilder bytes{Type(TypeKind::kBytea)};
  bytes.AppendBytes(std::string_view("a\\\0\xff", 4));
  const Column column = bytes.Finish();
  EXPECT_EQ(Show(column), "\\x615c00ff");
  EXPECT_EQ(Show(column, 0, {absl::UTCTimeZone(), 1, true}), "a\\\\\\000\\377");
  ColumnBuilder flags{Type(TypeKind::kBool)};
  flags.AppendFixed(uint8_t{1});
  flags.AppendFixed(uint8_t{0});
  const Column both = flags.Finish();
  EXPECT_EQ(Show(both, 0) + Show(both, 1), "tf");
}

TEST(ValueTextTest, ArraysQuoteWhatAReaderWouldMistake) {
  ColumnBuilder lists{Type::List(Type(TypeKind::kText))};
  for (const char* element : {"plain", "", "NuLL", "a b", "c,d", "{e}", "q\"q", "b\\b"}) {
    lists.element_builder().AppendBytes(element);
  }
  lists.element_builder().AppendNull();
  lists.AppendList();
  lists.AppendList();
  const Column column = lists.Finish();
  EXPECT_EQ(Show(column, 0), R"({plain,"","NuLL","a b","c,d","{e}","q\"q","b\\b",NULL})");
  EXPECT_EQ(Show(column, 1), "{}");
}

}  // namespace
}  // namespace varve::server
