#include "engine/series_functions.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class SeriesFunctionsTest : public DialectTest {};

TEST_F(SeriesFunctionsTest, BucketsAreFloors) {
  EXPECT_EQ(Answer("SELECT ts_bucket(125, 60), ts_bucket(120, 60), ts_bucket(-1, 60), "
                   "ts_bucket(-60, 60), ts_bucket(0, 60)"),
            "120|120|-60|-60|0");
  EXPECT_EQ(Answer("SELECT ts_bucket(NULL, 60), ts_bucket(1, NULL)"), "NULL|NULL");
  EXPECT_EQ(Types("SELECT ts_bucket(1, 60) AS b"), "BIGINT");
  EXPECT_EQ(Names("SELECT ts_bucket(1, 60)"), "ts_bucket");
  EXPECT_EQ(Answer("SELECT ts_bucket(1, 0)"), "22023");
  EXPECT_EQ(Answer("SELECT ts_bucket(1, -60)"), "22023");
  EXPECT_EQ(Answer("SELECT ts_bucket(-9223372036854775808, 1)"), "-9223372036854775808");
  EXPECT_EQ(Answer("SELECT ts_bucket(-9223372036854775808, 60)"), "22003");
  EXPECT_EQ(Answer("SELECT ts_bucket(9223372036854775807, 9223372036854775807)"),
            "9223372036854775807");
}

TEST_F(SeriesFunctionsTest, BucketsOfColumns) {
  EXPECT_EQ(Answer("SELECT ts_bucket(t, s) FROM (VALUES (7, 5), (-7, 5), (NULL, 5), (7, NULL)) "
                   "v(t, s)"),
            "5;-10;NULL;NULL");
  EXPECT_EQ(Answer("SELECT ts_bucket(t, 0) FROM (VALUES (7)) v(t)"), "22023");
  EXPECT_EQ(Answer("SELECT ts_bucket(t, 0) FROM (VALUES (7)) v(t) WHERE t > 8"), "");
}

TEST_F(SeriesFunctionsTest, AlignedTimesCountFromAnOrigin) {
  EXPECT_EQ(Answer("SELECT align_time(125, 60, 10), align_time(9, 60, 10), align_time(10, 60, 10), "
                   "align_time(125, 60, 130)"),
            "70|-50|10|70");
  EXPECT_EQ(Answer("SELECT align_time(1, 60, NULL)"), "NULL");
  EXPECT_EQ(Answer("SELECT align_time(1, 0, 0)"), "22023");
  // The distance between both is no bigint.
  EXPECT_EQ(Answer("SELECT align_time(9223372036854775807, 10, -9223372036854775808)"),
            "9223372036854775802");
  EXPECT_EQ(Answer("SELECT align_time(-9223372036854775808, 10, 9223372036854775807)"), "22003");
}

TEST_F(SeriesFunctionsTest, ShiftsAddSeconds) {
  EXPECT_EQ(Answer("SELECT shift_ts(100, -30), shift_ts(100, 0), shift_ts(NULL, 1)"),
            "70|100|NULL");
  EXPECT_EQ(Answer("SELECT shift_ts(9223372036854775807, 1)"), "22003");
}

TEST_F(SeriesFunctionsTest, ClampKeepsWithinBounds) {
  EXPECT_EQ(
      Answer("SELECT clamp(5, 0, 10), clamp(-1, 0, 10), clamp(11, 0, 10), clamp(0.5, 0.5, 0.5)"),
      "5.0|0.0|10.0|0.5");
  EXPECT_EQ(Answer("SELECT clamp(NULL, 0, 1), clamp(1, NULL, 1), clamp(1, 0, NULL)"),
            "NULL|NULL|NULL");
  EXPECT_EQ(Answer("SELECT clamp(5, 10, 0)"), "22023");
  EXPECT_EQ(Answer("SELECT clamp(5, 'NaN'::double, 10)"), "22023");
  EXPECT_EQ(Answer("SELECT clamp('NaN'::double, 0, 10), clamp('infinity'::double, 0, 10)"),
            "nan|10.0");
}

TEST_F(SeriesFunctionsTest, NullIfOutsideKeepsBounds) {
  EXPECT_EQ(Answer("SELECT null_if_outside(0, 0, 10), null_if_outside(10, 0, 10), "
                   "null_if_outside(-0.1, 0, 10), null_if_outside(10.1, 0, 10)"),
            "0.0|10.0|NULL|NULL");
  // As BETWEEN with bounds in the wrong order: nothing is inside.
  EXPECT_EQ(Answer("SELECT null_if_outside(5, 10, 0), null_if_outside('NaN'::double, 0, 10), "
                   "null_if_outside(1, NULL, 10)"),
            "NULL|NULL|NULL");
}

TEST_F(SeriesFunctionsTest, ArithmeticOfSeries) {
  EXPECT_EQ(Answer("SELECT series_add(1, 2), series_sub(1, 2), series_mul(3, 2), series_div(1, 2)"),
            "3.0|-1.0|6.0|0.5");
  EXPECT_EQ(Answer("SELECT series_add(1, NULL), series_sub(NULL, 2), series_mul(NULL, NULL), "
                   "series_div(1, NULL)"),
            "NULL|NULL|NULL|NULL");
  EXPECT_EQ(Answer("SELECT series_div(1, 0), series_div(0, 0), series_div(1, -0.0)"),
            "NULL|NULL|NULL");
  EXPECT_EQ(Answer("SELECT series_add(1e308, 1e308)"), "22003");
  EXPECT_EQ(Answer("SELECT series_mul(1e200, 1e200)"), "22003");
  EXPECT_EQ(Answer("SELECT series_div(1e200, 1e-200)"), "22003");
  EXPECT_EQ(Answer("SELECT series_add('infinity'::double, 1), series_sub('NaN'::double, 1)"),
            "inf|nan");
}

TEST_F(SeriesFunctionsTest, BucketRatesAreNullAtAReset) {
  EXPECT_EQ(Answer("SELECT bucket_rate(160, 100, 60), bucket_rate(100, 100, 60), "
                   "bucket_rate(99, 100, 60)"),
            "1.0|0.0|NULL");
  EXPECT_EQ(
      Answer("SELECT bucket_rate(1, NULL, 60), bucket_rate(NULL, 1, 60), bucket_rate(2, 1, NULL)"),
      "NULL|NULL|NULL");
  EXPECT_EQ(
      Answer("SELECT bucket_rate('NaN'::double, 1, 60), bucket_rate(1, '-infinity'::double, 60)"),
      "NULL|NULL");
  EXPECT_EQ(Answer("SELECT bucket_rate(2, 1, 0)"), "22023");
  EXPECT_EQ(Answer("SELECT bucket_rate(2, 1, -1)"), "22023");
}

}  // namespace
}  // namespace varve::engine
