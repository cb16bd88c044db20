#include "engine/pg_arithmetic.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class ArithmeticTest : public DialectTest {};

TEST_F(ArithmeticTest, IntegersTruncate) {
  EXPECT_EQ(Answer("SELECT 7 / 2, -7 / 2, 7 % (-3), -7 % 3, mod(7, 3)"), "3|-3|1|-1|1");
  EXPECT_EQ(Types("SELECT 7 / 2, 7::bigint / 2, 7::smallint / 2::smallint"),
            "INTEGER,BIGINT,SMALLINT");
}

TEST_F(ArithmeticTest, NumericsKeepSixteenDigits) {
  EXPECT_EQ(Answer("SELECT 7.0 / 2, 1 / 3.0, 2 / 3.0, -2 / 3.0"),
            "3.5000000000000000|0.3333333333333333|0.6666666666666667|-0.6666666666666667");
  EXPECT_EQ(Types("SELECT 7.0 / 2"), "DECIMAL(38,16)");
  EXPECT_EQ(Answer("SELECT 99999999999999999999.5::decimal(38,1) / 7::decimal(38,0)"),
            "14285714285714285714.2142857142857143");
  EXPECT_EQ(Answer("SELECT 5.5 % 2, -5.5 % 2"), "1.5|-1.5");
}

TEST_F(ArithmeticTest, ADoubleMakesADouble) {
  EXPECT_EQ(Types("SELECT 1.5 / 2::float8, 1::float4 / 2::float4"), "DOUBLE,FLOAT");
}

TEST_F(ArithmeticTest, DivisionByZeroIsAnError) {
  for (const char* expression : {"1 / 0", "1 % 0", "1.0 / 0", "1.0 % 0", "1::bigint / 0::bigint",
                                 "1::smallint / 0::smallint", "1::float8 / 0::float8",
                                 "1::float4 / 0::float4", "mod(1, 0)", "0 / 0"}) {
    EXPECT_EQ(Answer(std::string("SELECT ") + expression), "22012") << expression;
  }
  EXPECT_EQ(Answer("SELECT sum(i / (i - 500)) FROM range(1000) r(i)"), "22012");
}

TEST_F(ArithmeticTest, TheOnePairThatTrapsIsAnError) {
  EXPECT_EQ(Answer("SELECT (-9223372036854775807 - 1) / (-1)::bigint"), "22003");
  EXPECT_EQ(Answer("SELECT (-9223372036854775807 - 1) % (-1)::bigint"), "0");
}

TEST_F(ArithmeticTest, QuotientsThatDoNotFitAreErrors) {
  EXPECT_EQ(Answer("SELECT 99999999999999999999999999999999999999::decimal(38,0) / 1.0"), "22003");
}

TEST_F(ArithmeticTest, RoundsAsPostgres) {
  EXPECT_EQ(Answer("SELECT round(2.5), round(-2.5), round(2.5::float8), round(3.5::float8)"),
            "3|-3|2.0|4.0");
  EXPECT_EQ(
      Answer("SELECT round(100.0 * 1 / 3, 2), round(2.5, 4), round(1251.5, -2), round(-0.005, 2)"),
      "33.33|2.5000|1300|-0.01");
  EXPECT_EQ(Answer("SELECT round(12.345, n) FROM (VALUES (1), (2), (5)) t(n)"),
            "12.300;12.350;12.345");
  EXPECT_EQ(Answer("SELECT 2.5::int, 3.5::int, 2.5::float8::int, 3.5::float8::int"), "3|4|2|4");
}

TEST_F(ArithmeticTest, SumsAndAveragesAreExact) {
  EXPECT_EQ(Answer("SELECT sum(i), avg(i), sum(i::int), avg(i::int), sum(i::smallint) "
                   "FROM range(10) r(i)"),
            "45|4.5000000000000000|45|4.5000000000000000|45");
  EXPECT_EQ(Types("SELECT sum(i), sum(i::int), sum(i::smallint), avg(i), avg(i / 4.0) "
                  "FROM range(10) r(i)"),
            "DECIMAL(38,0),BIGINT,BIGINT,DECIMAL(38,16),DECIMAL(38,16)");
  EXPECT_EQ(Answer("SELECT avg(x) FROM (VALUES (9223372036854775807), (9223372036854775806)) t(x)"),
            "9223372036854775806.5000000000000000");
  EXPECT_EQ(Answer("SELECT sum(x), avg(x) FROM (SELECT 1 AS x WHERE false)"), "NULL|NULL");
  EXPECT_EQ(Answer("SELECT avg(x) FROM (VALUES (0.1), (0.2)) t(x)"), "0.1500000000000000");
}

// Groups, both threads and the constant shortcut of the aggregates.
TEST_F(ArithmeticTest, AveragesOfGroupsAgreeWithSums) {
  EXPECT_EQ(
      Answer("SELECT count(*) FROM (SELECT i % 97 AS g, avg(i) AS a, avg((i / 8.0)::decimal(12,3))"
             " AS d, sum(i) AS s, sum((i / 8.0)::decimal(12,3)) AS ds, count(*) AS n "
             "FROM range(300000) r(i) GROUP BY g) "
             "WHERE round(s / n, 12) <> round(a, 12) OR round(ds / n, 12) <> round(d, 12)"),
      "0");
  EXPECT_EQ(Answer("SELECT avg(7), sum(7::int) FROM range(5000)"), "7.0000000000000000|35000");
}

TEST_F(ArithmeticTest, NumericWithoutPrecisionKeepsDigits) {
  EXPECT_EQ(Answer("SELECT 1::numeric, 1.50::numeric, '2.345'::numeric"), "1|1.50|2.345");
  EXPECT_EQ(Answer("CREATE TABLE n (x numeric); INSERT INTO n VALUES (1.23456789); "
                   "SELECT x FROM n"),
            "1.2345678900000000");
}

}  // namespace
}  // namespace varve::engine
