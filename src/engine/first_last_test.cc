#include "engine/first_last.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class FirstLastTest : public DialectTest {};

TEST_F(FirstLastTest, ByTimeNotByPosition) {
  EXPECT_EQ(Answer("SELECT first(v, t), last(v, t) FROM (VALUES "
                   "('b', timestamptz '2024-01-02'), ('c', timestamptz '2024-01-03'), "
                   "('a', timestamptz '2024-01-01')) x(v, t)"),
            "a|c");
}

TEST_F(FirstLastTest, NullTimesAreIgnoredNullValuesCount) {
  EXPECT_EQ(Answer("SELECT first(v, t), last(v, t) FROM (VALUES (1, NULL), (2, 20), (NULL, 10), "
                   "(NULL, 30)) x(v, t)"),
            "NULL|NULL");
  EXPECT_EQ(Answer("SELECT first(v, t) FROM (VALUES (1, NULL::timestamp)) x(v, t)"), "NULL");
  EXPECT_EQ(Answer("SELECT last(v, t) FROM (SELECT 1 AS v, now() AS t WHERE false)"), "NULL");
}

TEST_F(FirstLastTest, TiesGoToTheSmallestValueWhateverTheOrder) {
  for (const char* rows : {"(3, 1), (2, 1), (NULL, 1)", "(NULL, 1), (2, 1), (3, 1)"}) {
    EXPECT_EQ(
        Answer(std::string("SELECT first(v, t), last(v, t), first(v::text, t) FROM (VALUES ") +
               rows + ") x(v, t)"),
        "2|2|2");
  }
}

TEST_F(FirstLastTest, EveryTypeOfValue) {
  EXPECT_EQ(Answer("SELECT last(i::smallint, i), last(i::float8, i), last(i::decimal(30,2), i), "
                   "last(i % 2 = 0, i), last('a value of more than twelve bytes ' || i, i), "
                   "last([i, i + 1], i), last({'a': i}, i), last(to_days(i::int), i) "
                   "FROM range(7) r(i)"),
            "6|6.0|6.00|true|a value of more than twelve bytes 6|[6, 7]|{'a': 6}|6 days");
}

// Groups over both threads, with values longer and shorter than the one kept before.
TEST_F(FirstLastTest, GroupsAgreeWithOrderedAggregates) {
  EXPECT_EQ(
      Answer("WITH rows AS (SELECT i % 101 AS g, (i * 7919) % 300007 AS t, "
             "  repeat('x', (i % 40)::int) || i AS s FROM range(300000) r(i)), "
             "ours AS (SELECT g, first(s, t) AS f, last(s, t) AS l FROM rows GROUP BY g), "
             "theirs AS (SELECT g, arg_min(s, t) AS f, arg_max(s, t) AS l FROM rows GROUP BY g) "
             "SELECT count(*) FROM ours JOIN theirs USING (g) "
             "WHERE ours.f = theirs.f AND ours.l = theirs.l"),
      "101");
}

TEST_F(FirstLastTest, DuckDBsFirstWithOneArgumentStays) {
  EXPECT_EQ(Answer("SELECT first(x) FROM (VALUES (5)) t(x)"), "5");
}

}  // namespace
}  // namespace varve::engine
