#include "engine/time_bucket.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class TimeBucketTest : public DialectTest {};

// The expected values are TimescaleDB's.
TEST_F(TimeBucketTest, WidthsUpToDaysCountFromMonday20000103) {
  EXPECT_EQ(Answer("SELECT time_bucket('5 minutes', timestamptz '2024-01-01 00:12:34.5+00')"),
            "2024-01-01 00:10:00+00");
  EXPECT_EQ(Answer("SELECT time_bucket(INTERVAL '7 days', timestamp '2024-02-11 23:59:59')"),
            "2024-02-05 00:00:00");
  EXPECT_EQ(Answer("SELECT time_bucket('7 days', date '2024-02-11')"), "2024-02-05");
  EXPECT_EQ(Answer("SELECT time_bucket('7 hours', timestamptz '1999-12-31 00:00:00+00')"),
            "1999-12-30 19:00:00+00");
}

TEST_F(TimeBucketTest, WidthsOfMonthsCountFromJanuary) {
  EXPECT_EQ(Answer("SELECT time_bucket('1 month', timestamptz '2024-02-29 23:59:59+00')"),
            "2024-02-01 00:00:00+00");
  EXPECT_EQ(Answer("SELECT time_bucket('5 months', timestamptz '2024-02-29 00:00:00+00')"),
            "2023-10-01 00:00:00+00");
  EXPECT_EQ(Answer("SELECT time_bucket('1 year', date '1969-02-11')"), "1969-01-01");
  EXPECT_EQ(Answer("SELECT time_bucket('3 months', timestamp '1999-12-31 00:00:00')"),
            "1999-10-01 00:00:00");
}

TEST_F(TimeBucketTest, TakesOriginAndOffset) {
  EXPECT_EQ(Answer("SELECT time_bucket('1 day', timestamptz '2024-01-01 00:12:00+00', "
                   "timestamptz '2020-01-01 06:00:00+00')"),
            "2023-12-31 06:00:00+00");
  EXPECT_EQ(Answer("SELECT time_bucket('1 hour', timestamptz '2024-01-01 00:12:00+00', "
                   "INTERVAL '10 minutes')"),
            "2024-01-01 00:10:00+00");
  EXPECT_EQ(Answer("SELECT time_bucket('1 hour', timestamptz '2024-01-01 00:09:00+00', "
                   "INTERVAL '10 minutes')"),
            "2023-12-31 23:10:00+00");
  EXPECT_EQ(Answer("SELECT time_bucket('1 month', timestamptz '2024-02-03 00:00:00+00', "
                   "INTERVAL '3 days')"),
            "2024-01-04 00:00:00+00");
}

TEST_F(TimeBucketTest, TakesATimeZone) {
  EXPECT_EQ(Answer("SELECT time_bucket('1 day', timestamptz '2024-07-01 23:00:00+00', "
                   "'Europe/Berlin')"),
            "2024-07-01 22:00:00+00");
}

TEST_F(TimeBucketTest, RefusesWidthsThatAreNone) {
  EXPECT_EQ(Answer("SELECT time_bucket('1 month 1 day', now())"), "22023");
  EXPECT_EQ(Answer("SELECT time_bucket('0 seconds', now())"), "22023");
  EXPECT_EQ(Answer("SELECT time_bucket('-1 hour', now())"), "22023");
  EXPECT_EQ(Answer("SELECT time_bucket('-1 month', now())"), "22023");
  EXPECT_EQ(Answer("SELECT time_bucket('1 hour', date '2024-01-01')"), "22023");
  EXPECT_EQ(Answer("SELECT time_bucket('1 hour', now(), timestamptz 'infinity')"), "22023");
  EXPECT_EQ(Answer("SELECT time_bucket('soon', now())"), "22007");
}

TEST_F(TimeBucketTest, KeepsNullsAndInfinities) {
  EXPECT_EQ(Answer("SELECT time_bucket('1 hour', timestamptz 'infinity')"), "infinity");
  EXPECT_EQ(Answer("SELECT time_bucket('1 day', date '-infinity')"), "-infinity");
  EXPECT_EQ(Answer("SELECT time_bucket('1 hour', NULL::timestamptz)"), "NULL");
  EXPECT_EQ(Answer("SELECT time_bucket(NULL::interval, now())"), "NULL");
}

TEST_F(TimeBucketTest, BucketsIntegers) {
  EXPECT_EQ(Answer("SELECT time_bucket(10, 17), time_bucket(10, -1), time_bucket(10, -10)"),
            "10|-10|-10");
  EXPECT_EQ(Answer("SELECT time_bucket(0, 17)"), "22023");
}

// A width per row takes another path than a constant one.
TEST_F(TimeBucketTest, ConstantAndVaryingWidthAgree) {
  EXPECT_EQ(
      Answer("SELECT count(*) FROM (SELECT timestamptz '1969-06-01' + to_seconds(i * 7919) AS t, "
             "CASE WHEN i >= 0 THEN INTERVAL '23 minutes' END AS w FROM range(5000) r(i)) "
             "WHERE time_bucket(w, t) IS DISTINCT FROM time_bucket('23 minutes', t)"),
      "0");
  EXPECT_EQ(
      Answer("SELECT count(*) FROM (SELECT timestamptz '1969-06-01' + to_days(i::int * 3) AS t, "
             "CASE WHEN i >= 0 THEN INTERVAL '2 months' END AS w FROM range(5000) r(i)) "
             "WHERE time_bucket(w, t) IS DISTINCT FROM time_bucket('2 months', t) "
             "OR NOT (t >= time_bucket('2 months', t) AND "
             "        t < time_bucket('2 months', t) + INTERVAL '2 months')"),
      "0");
}

TEST(BucketerTest, RemembersABucketWithoutMixingUpItsNeighbours) {
  Bucketer bucketer(duckdb::interval_t{0, 0, 10}, nullptr);
  for (int64_t micros = -35; micros < 35; ++micros) {
    const int64_t expected = micros >= 0 ? micros / 10 * 10 : -((-micros + 9) / 10) * 10;
    EXPECT_EQ(bucketer.Start(micros), expected) << micros;
    EXPECT_EQ(bucketer.Start(micros + 1000), (micros + 1000) / 10 * 10) << micros;
  }
}

TEST(BucketerTest, EndsOfTheRangeAreErrorsNotWrapArounds) {
  Bucketer days(duckdb::interval_t{0, 7, 0}, nullptr);
  EXPECT_THROW(days.Start(INT64_MIN + 2), duckdb::Exception);
  EXPECT_NO_THROW(days.Start(INT64_MAX - 1));
}

}  // namespace
}  // namespace varve::engine
