#include "lake/iso_time.h"

#include <gtest/gtest.h>

namespace varve::lake {
namespace {

TEST(IsoTimeTest, DatesOfTheWholeCalendar) {
  EXPECT_EQ(FormatDate(0), "1970-01-01");
  EXPECT_EQ(FormatDate(-1), "1969-12-31");
  EXPECT_EQ(FormatDate(11'016), "2000-02-29");
  EXPECT_EQ(FormatDate(-719'162), "0001-01-01");
  EXPECT_EQ(FormatDate(2'932'896), "9999-12-31");
  EXPECT_EQ(FormatDate(-719'163), std::nullopt);
  EXPECT_EQ(FormatDate(2'932'897), std::nullopt);
  EXPECT_EQ(FormatDate(INT32_MAX), std::nullopt);
  for (int32_t day = -719'162; day <= 2'932'896; day += 997) {
    EXPECT_EQ(ParseDate(*FormatDate(day)), day);
  }
}

TEST(IsoTimeTest, DatesThatAreNone) {
  for (const char* text : {"", "2025", "2025-3-09", "2025-02-29", "2025-13-01", "2025-00-10",
                           "2025-01-32", "0000-01-01", "2025-01-01x", "infinity"}) {
    EXPECT_EQ(ParseDate(text), std::nullopt) << text;
  }
}

TEST(IsoTimeTest, MillisecondsEncloseTheInstant) {
  EXPECT_EQ(FormatMillis(1'741'514'400'123'456, Rounding::kDown), "2025-03-09T10:00:00.123Z");
  EXPECT_EQ(FormatMillis(1'741'514'400'123'456, Rounding::kUp), "2025-03-09T10:00:00.124Z");
  EXPECT_EQ(FormatMillis(1'741'514'400'123'000, Rounding::kUp), "2025-03-09T10:00:00.123Z");
  EXPECT_EQ(FormatMillis(1'741'514'400'999'001, Rounding::kUp), "2025-03-09T10:00:01.000Z");
  EXPECT_EQ(FormatMillis(-1, Rounding::kDown), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatMillis(-1, Rounding::kUp), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatMillis(INT64_MAX, Rounding::kUp), std::nullopt);
  EXPECT_EQ(FormatMillis(INT64_MIN + 1, Rounding::kDown), std::nullopt);
}

TEST(IsoTimeTest, InstantsAreReadAsWritten) {
  for (const int64_t micros :
       {int64_t{0}, int64_t{-1}, int64_t{1'741'514'400'123'456}, int64_t{253'402'300'799'999'999},
        int64_t{-62'135'596'800'000'000}}) {
    const auto read = ParseInstant(*FormatMicros(micros));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->micros, micros);
    EXPECT_EQ(read->cut_off, 0);
  }
}

TEST(IsoTimeTest, InstantsOfOtherWriters) {
  const struct {
    const char* text;
    int64_t micros;
    int64_t cut_off;
  } cases[] = {
      {"2025-03-09T10:00:00Z", 1'741'514'400'000'000, 999},
      {"2025-03-09 10:00:00", 1'741'514'400'000'000, 999},
      {"2025-03-09T12:00:00.5+02:00", 1'741'514'400'500'000, 999},
      {"2025-03-09T04:30:00.123-0530", 1'741'514'400'123'000, 999},
      {"2025-03-09T10:00:00.123456789Z", 1'741'514'400'123'456, 0},
      {"2025-03-09 10:00:00.1234+00", 1'741'514'400'123'400, 0},
  };
  for (const auto& c : cases) {
    const auto read = ParseInstant(c.text);
    ASSERT_TRUE(read.has_value()) << c.text;
    EXPECT_EQ(read->micros, c.micros) << c.text;
    EXPECT_EQ(read->cut_off, c.cut_off) << c.text;
  }
}

TEST(IsoTimeTest, InstantsThatAreNone) {
  for (const char* text :
       {"", "2025-03-09", "2025-03-09T24:00:00Z", "2025-03-09T10:60:00Z", "2025-03-09T10:00:60Z",
        "2025-03-09T10:00Z", "2025-03-09T10:00:00.Z", "2025-03-09T10:00:00+",
        "2025-03-09T10:00:00ZZ", "2025-03-09T10:00:00+19", "2025-03-09X10:00:00",
        "2025-03-09T10:00:00+02:0"}) {
    EXPECT_EQ(ParseInstant(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace varve::lake
