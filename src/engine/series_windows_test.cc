#include "engine/series_windows.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class SeriesWindowsTest : public DialectTest {
 protected:
  SeriesWindowsTest() {
    RunInternal("CREATE TABLE s (m INTEGER, ts BIGINT, v DOUBLE)");
    // 1: every 10 s. 2: one is missing, one is NULL. 3: one row. 4: a counter that was reset.
    RunInternal(
        "INSERT INTO s VALUES (1, 0, 1), (1, 10, 3), (1, 20, 6), (1, 30, 10), (2, 0, 1), (2, 10, "
        "2), "
        "(2, 20, NULL), (2, 40, 5), (2, 50, 6), (3, 7, 9), (4, 0, 100), (4, 10, 130), (4, 20, 5), "
        "(4, 40, 45)");
  }

  // The function's values of one metric, by time.
  std::string Of(int metric, const std::string& call) {
    return Answer("SELECT " + call + " OVER (PARTITION BY m ORDER BY ts) FROM s WHERE m = " +
                  std::to_string(metric) + " ORDER BY ts");
  }
};

TEST_F(SeriesWindowsTest, DiffLooksRowsBack) {
  EXPECT_EQ(Of(1, "diff(v, 1)"), "NULL;2.0;3.0;4.0");
  EXPECT_EQ(Of(1, "diff(v)"), "NULL;2.0;3.0;4.0");
  EXPECT_EQ(Of(1, "diff(v, 3)"), "NULL;NULL;NULL;9.0");
  EXPECT_EQ(Of(1, "diff(v, 4)"), "NULL;NULL;NULL;NULL");
  EXPECT_EQ(Of(2, "diff(v, 1)"), "NULL;1.0;NULL;NULL;1.0");
  EXPECT_EQ(Of(3, "diff(v, 1)"), "NULL");
  EXPECT_EQ(Of(9, "diff(v, 1)"), "");
}

TEST_F(SeriesWindowsTest, PeriodDiffDoesNotLookOverGaps) {
  EXPECT_EQ(Of(1, "period_diff(v, 1)"), "NULL;2.0;3.0;4.0");
  EXPECT_EQ(Of(1, "period_diff(v, 2)"), "NULL;NULL;5.0;7.0");
  // 40 comes two periods after 20, and 50 one after 40.
  EXPECT_EQ(Of(2, "period_diff(coalesce(v, 0), 1)"), "NULL;1.0;-2.0;NULL;1.0");
  EXPECT_EQ(Of(2, "diff(coalesce(v, 0), 1)"), "NULL;1.0;-2.0;5.0;1.0");
  EXPECT_EQ(Of(2, "period_diff(v, 9)"), "NULL;NULL;NULL;NULL;NULL");
  EXPECT_EQ(Of(3, "period_diff(v)"), "NULL");
}

TEST_F(SeriesWindowsTest, PeriodDiffInOtherOrders) {
  const std::string of_two = " FROM s WHERE m = 2 ORDER BY ts";
  EXPECT_EQ(Answer("SELECT period_diff(ts) OVER (ORDER BY ts DESC)" + of_two),
            "-10;-10;NULL;-10;NULL");
  EXPECT_EQ(Answer("SELECT period_diff(ts) OVER (ORDER BY to_timestamp(ts))" + of_two),
            "NULL;10;10;NULL;10");
  EXPECT_EQ(Answer("SELECT period_diff(v) OVER (PARTITION BY m) FROM s"), "42P20");
  EXPECT_EQ(Answer("SELECT period_diff(v) OVER (ORDER BY m, ts) FROM s"), "42P20");
  // Rows of one time have no period.
  EXPECT_EQ(Answer("SELECT period_diff(x) OVER (ORDER BY t) FROM (VALUES (1, 5), (1, 5)) v(x, t)"),
            "NULL;NULL");
}

TEST_F(SeriesWindowsTest, PctChangeIsAFraction) {
  EXPECT_EQ(Of(1, "pct_change(v, 1)"), "NULL;2.0;1.0;0.6666666666666666");
  EXPECT_EQ(Of(1, "pct_change(v, 2)"), "NULL;NULL;5.0;2.3333333333333335");
  EXPECT_EQ(Answer("SELECT pct_change(x) OVER (ORDER BY t) FROM (VALUES (0, 1), (5, 2), (0, 3), "
                   "(NULL, 4), (1, 5)) v(x, t) ORDER BY t"),
            "NULL;NULL;-1.0;NULL;NULL");
  EXPECT_EQ(Of(3, "pct_change(v, 1)"), "NULL");
}

TEST_F(SeriesWindowsTest, RollingFunctionsSkipNulls) {
  EXPECT_EQ(Of(1, "rolling_mean(v, 2)"), "1.0;2.0;4.5;8.0");
  EXPECT_EQ(Of(1, "rolling_sum(v, 2)"), "1.0;4.0;9.0;16.0");
  EXPECT_EQ(Of(1, "rolling_sum(v, 1)"), "1.0;3.0;6.0;10.0");
  EXPECT_EQ(Of(1, "rolling_sum(v, 100)"), "1.0;4.0;10.0;20.0");
  EXPECT_EQ(Of(2, "rolling_mean(v, 2)"), "1.0;1.5;2.0;5.0;5.5");
  EXPECT_EQ(Of(2, "rolling_sum(v, 1)"), "1.0;2.0;NULL;5.0;6.0");
  EXPECT_EQ(Of(3, "rolling_mean(v, 5)"), "9.0");
  EXPECT_EQ(Of(9, "rolling_mean(v, 5)"), "");
}

TEST_F(SeriesWindowsTest, CounterRateIsNullAtAReset) {
  EXPECT_EQ(Of(4, "counter_rate(v, ts)"), "NULL;3.0;NULL;2.0");
  EXPECT_EQ(Of(4, "counter_rate(v, to_timestamp(ts))"), "NULL;3.0;NULL;2.0");
  EXPECT_EQ(Of(2, "counter_rate(v, ts)"), "NULL;0.1;NULL;NULL;0.1");
  EXPECT_EQ(Of(3, "counter_rate(v, ts)"), "NULL");
  // Two samples of one time say nothing about a rate.
  EXPECT_EQ(
      Answer("SELECT counter_rate(x, t) OVER (ORDER BY t, x) FROM (VALUES (1, 5), (2, 5)) v(x, t)"),
      "NULL;NULL");
}

TEST_F(SeriesWindowsTest, WhereverAWindowFunctionMayStand) {
  EXPECT_EQ(Answer("SELECT diff(v, 1) OVER w, rolling_sum(v, 2) OVER w FROM s WHERE m = 1 "
                   "WINDOW w AS (PARTITION BY m ORDER BY ts) ORDER BY ts"),
            "NULL|1.0;2.0|4.0;3.0|9.0;4.0|16.0");
  EXPECT_EQ(Answer("WITH d AS (SELECT m, diff(v, 1) OVER (PARTITION BY m ORDER BY ts) AS d FROM s) "
                   "SELECT m, max(d) FROM d GROUP BY m ORDER BY m"),
            "1|4.0;2|1.0;3|NULL;4|40.0");
  EXPECT_EQ(
      Answer("SELECT sum(d) FROM (SELECT diff(v) OVER (PARTITION BY m ORDER BY ts) d FROM s)"),
      "-44.0");
  EXPECT_EQ(Answer("SELECT b, diff(avg(v)) OVER (ORDER BY b) FROM (SELECT ts_bucket(ts, 20) b, v "
                   "FROM s WHERE m = 1) GROUP BY b ORDER BY b"),
            "0|NULL;20|6.0");
  EXPECT_EQ(Answer("SELECT ts FROM s WHERE m = 1 ORDER BY diff(v, 1) OVER (ORDER BY ts) DESC NULLS "
                   "LAST LIMIT 1"),
            "30");
  EXPECT_EQ(Answer("SELECT 2 * diff(v, 1) OVER (ORDER BY ts) + 1 FROM s WHERE m = 1 ORDER BY ts"),
            "NULL;5.0;7.0;9.0");
  EXPECT_EQ(Answer("CREATE VIEW dv AS SELECT ts, diff(v, 2) OVER (ORDER BY ts) FROM s WHERE m = 1; "
                   "SELECT diff FROM dv ORDER BY ts"),
            "NULL;NULL;5.0;7.0");
}

TEST_F(SeriesWindowsTest, ColumnsHaveTheFunctionsName) {
  EXPECT_EQ(
      Names("SELECT diff(v) OVER (), period_diff(v) OVER (ORDER BY ts), pct_change(v) OVER (), "
            "rolling_mean(v, 2) OVER (), rolling_sum(v, 2) OVER (), counter_rate(v, ts) OVER (), "
            "diff(v) OVER () AS d FROM s"),
      "diff,period_diff,pct_change,rolling_mean,rolling_sum,counter_rate,d");
}

TEST_F(SeriesWindowsTest, TheNumberOfRowsIsAConstantAboveZero) {
  for (const char* function :
       {"diff", "period_diff", "pct_change", "rolling_mean", "rolling_sum"}) {
    for (const char* rows : {"0", "-1", "NULL", "ts", "1.5", "'2'", "(SELECT 1)"}) {
      EXPECT_EQ(Of(1, fmt::format("{}(v, {})", function, rows)), "22023") << function << rows;
    }
  }
  EXPECT_EQ(Of(1, "rolling_sum(v, 1 + 1)"), "1.0;4.0;9.0;16.0");
  EXPECT_EQ(Of(1, "rolling_sum(v, 1 - 1)"), "22023");
  EXPECT_EQ(Answer("PREPARE p AS SELECT rolling_sum(v, $1) OVER (ORDER BY ts), diff(v, $1) OVER "
                   "(ORDER BY ts) FROM s WHERE m = 1 ORDER BY ts; EXECUTE p(2)"),
            "1.0|NULL;4.0|NULL;9.0|5.0;16.0|7.0");
  EXPECT_EQ(Answer("EXECUTE p(0)"), "22023");
}

TEST_F(SeriesWindowsTest, DifferencesThatDoNotFitAreOutOfRange) {
  const std::string over = " OVER (ORDER BY t) FROM (VALUES (1, -1e308), (2, 1e308)) s(t, v)";
  for (const char* call : {"diff(v)", "period_diff(v)", "pct_change(v)", "diff(v::float8, 1)"}) {
    EXPECT_EQ(Answer(std::string("SELECT ") + call + over), "22003") << call;
  }
  EXPECT_EQ(Answer("SELECT diff(v) OVER (ORDER BY t) FROM (VALUES (1, -3e38::real), (2, "
                   "3e38::real)) s(t, v)"),
            "22003");
  EXPECT_EQ(Answer("SELECT diff(v) OVER (ORDER BY t) FROM (VALUES (1, '-inf'::float8), (2, 1)) "
                   "s(t, v)"),
            "NULL;inf");
  EXPECT_EQ(Answer("SELECT diff(v) OVER (ORDER BY t) FROM (VALUES (1, 1.25), (2, 3.5)) s(t, v)"),
            "NULL;2.25");
  EXPECT_EQ(Answer("SELECT typeof(diff(v) OVER ()) FROM (VALUES (1), (2)) s(v) LIMIT 1"),
            "INTEGER");
  EXPECT_EQ(Answer("SELECT diff(v) OVER (ORDER BY v) FROM (VALUES (DATE '2026-01-01'), (DATE "
                   "'2026-01-03')) s(v)"),
            "NULL;2");
}

TEST_F(SeriesWindowsTest, ErrorsAreOfTheFunctionThatWasCalled) {
  const auto expect = [&](const std::string& sql, const char* state, const char* named) {
    const auto result = Run(sql);
    ASSERT_FALSE(result.ok()) << sql;
    EXPECT_EQ(SqlStateOf(result.status()), state) << sql;
    const std::string text(MessageOf(result.status()));
    EXPECT_NE(text.find(named), std::string::npos) << text;
    EXPECT_EQ(text.find("varve_"), std::string::npos) << text;
  };
  expect("SELECT period_diff(v, 1) OVER (ORDER BY v) FROM s", "42883", "period_diff");
  expect("SELECT diff(m::text) OVER (ORDER BY ts) FROM s", "42883", "diff");
  expect("SELECT pct_change(DATE '2026-01-01') OVER (ORDER BY ts) FROM s", "42883", "pct_change");
  expect("SELECT counter_rate(v, v) OVER (ORDER BY ts) FROM s", "42883", "counter_rate");
  expect("PREPARE q AS SELECT rolling_sum(v, $1) OVER (ORDER BY ts) FROM s; EXECUTE q(1.5)",
         "22023", "whole number");
  expect("SELECT rolling_sum(v, 1.5 + 1) OVER (ORDER BY ts) FROM s", "22023", "whole number");
  expect("SELECT rolling_mean(v, DATE '2026-01-01') OVER (ORDER BY ts) FROM s", "22023",
         "whole number");
}

TEST_F(SeriesWindowsTest, RefusesWhatPostgresRefuses) {
  EXPECT_EQ(Answer("SELECT diff(v, 1) FROM s"), "42809");
  EXPECT_EQ(Answer("SELECT m FROM s WHERE rolling_mean(v, 2) > 1"), "42809");
  EXPECT_EQ(Of(1, "diff(DISTINCT v)"), "0A000");
  EXPECT_EQ(Of(1, "rolling_sum(v, 2) FILTER (WHERE v > 1)"), "0A000");
  EXPECT_EQ(Of(1, "rolling_mean(v)"), "42883");
  EXPECT_EQ(Of(1, "diff(v, 1, 2)"), "42883");
  EXPECT_EQ(Of(1, "diff()"), "42883");
  EXPECT_EQ(Of(1, "counter_rate(v)"), "42883");
  EXPECT_EQ(Answer("SELECT rolling_sum(v, 2) OVER (ORDER BY ts ROWS 3 PRECEDING) FROM s"), "42P20");
  EXPECT_EQ(
      Answer("SELECT rolling_sum(v, 2) OVER (ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND "
             "CURRENT ROW) FROM s"),
      "42P20");
}

TEST_F(SeriesWindowsTest, AFunctionOfTheUsersOwnIsLeftAlone) {
  EXPECT_EQ(Answer("CREATE MACRO main.diff(a, b) AS a - b; SELECT main.diff(5, 3)"), "2");
}

}  // namespace
}  // namespace varve::engine
