#include "engine/output_names.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class OutputNamesTest : public DialectTest {
 protected:
  OutputNamesTest() {
    RunInternal(
        "CREATE TABLE t AS SELECT 1 AS x, 'a' AS name, timestamptz '2024-01-01' AS ts, 5 AS count, "
        "[1, 2] AS arr UNION ALL SELECT 2, 'b', timestamptz '2024-01-02', 6, [3]");
  }
};

TEST_F(OutputNamesTest, FollowPostgres) {
  const std::pair<const char*, const char*> cases[] = {
      {"count(*)", "count"},
      {"sum(x)", "sum"},
      {"x + 1", "?column?"},
      {"-x", "?column?"},
      {"'text'", "?column?"},
      {"NULL", "?column?"},
      {"x IS NULL", "?column?"},
      {"name LIKE 'a'", "?column?"},
      {"name ~ 'a'", "?column?"},
      {"NOT x = 1", "?column?"},
      {"x IN (1, 2)", "?column?"},
      {"x BETWEEN 1 AND 2", "?column?"},
      {"1 = ANY(arr)", "?column?"},
      {"true", "?column?"},
      {"'yes'::bool", "bool"},
      {"x::text", "x"},
      {"'5'::int", "int4"},
      {"5::bigint", "int8"},
      {"1.5::numeric(4,2)", "numeric"},
      {"1::float8", "float8"},
      {"'a'::text", "text"},
      {"'2024-01-01'::timestamptz", "timestamptz"},
      {"date '2024-01-01'", "date"},
      {"interval '1 day'", "interval"},
      {"'{1}'::int[]", "int4"},
      {"sum(x)::int", "sum"},
      {"(x + 1)::bigint", "int8"},
      {"x::text::int", "x"},
      {"CASE WHEN x = 1 THEN 2 END", "case"},
      {"CASE WHEN true THEN 1 ELSE x END", "x"},
      {"COALESCE(x, 1)", "coalesce"},
      {"NULLIF(x, 1)", "nullif"},
      {"GREATEST(x, 1)", "greatest"},
      {"EXTRACT(hour FROM ts)", "extract"},
      {"date_part('hour', ts)", "date_part"},
      {"date_trunc('hour', ts)", "date_trunc"},
      {"arr[1]", "arr"},
      {"ARRAY[1, 2]", "array"},
      {"ARRAY(SELECT 1)", "array"},
      {"EXISTS (SELECT 1)", "exists"},
      {"(SELECT max(x) FROM t)", "max"},
      {"(SELECT 1 AS one)", "one"},
      {"row_number() OVER ()", "row_number"},
      {"count(*) FILTER (WHERE x > 1)", "count"},
      {"percentile_cont(0.5) WITHIN GROUP (ORDER BY x)", "percentile_cont"},
      {"string_agg(name, ',')", "string_agg"},
      {"current_date", "current_date"},
      {"current_user", "current_user"},
      {"now()", "now"},
      {"pg_catalog.version()", "version"},
      {"name || 'x'", "?column?"},
      {"upper(name)", "upper"},
      {"first(name, ts)", "first"},
      {"time_bucket('1 hour', ts)", "time_bucket"},
      {"substring(name FROM 1)", "substring"},
      {"trim(name)", "btrim"},
      {"position('a' IN name)", "position"},
      {"ts AT TIME ZONE 'UTC'", "timezone"},
  };
  for (const auto& [expression, name] : cases) {
    EXPECT_EQ(Names(std::string("SELECT ") + expression + " FROM t GROUP BY ALL"), name)
        << expression;
  }
}

TEST_F(OutputNamesTest, HoldInEveryQueryOfAStatement) {
  EXPECT_EQ(Answer("SELECT count FROM (SELECT count(*) FROM t) s"), "2");
  EXPECT_EQ(Answer("WITH c AS (SELECT count(*), max(x) FROM t) SELECT max FROM c"), "2");
  EXPECT_EQ(Names("SELECT count(*) FROM t UNION SELECT 2"), "count");
  EXPECT_EQ(Answer("CREATE VIEW v AS SELECT count(*), max(x) FROM t; SELECT max FROM v"), "2");
  EXPECT_EQ(Answer("CREATE TABLE c AS SELECT count(*) FROM t; SELECT count FROM c"), "2");
  EXPECT_EQ(Names("SELECT * FROM (VALUES (1, 2)) v"), "column1,column2");
  EXPECT_EQ(Names("VALUES (1, 2)"), "column1,column2");
  EXPECT_EQ(Names("SELECT * FROM (VALUES (1, 2)) v(a, b)"), "a,b");
  EXPECT_EQ(Answer("SELECT sum(g) FROM generate_series(1, 3) AS g"), "6");
}

TEST_F(OutputNamesTest, GroupByPrefersInputColumns) {
  // `count` is a column of t: grouping by it must not mean the aggregate that is named so.
  EXPECT_EQ(Answer("SELECT count(*), count AS c FROM t GROUP BY count ORDER BY c"), "1|5;1|6");
  EXPECT_EQ(Answer("SELECT upper(name) AS name, sum(x) FROM t GROUP BY name ORDER BY name"),
            "A|1;B|2");
  EXPECT_EQ(Answer("SELECT name::text, sum(x) FROM t GROUP BY name ORDER BY name"), "a|1;b|2");
}

TEST_F(OutputNamesTest, OrderByMeansTheOutputOnlyWhenItIsANameAlone) {
  EXPECT_EQ(Answer("SELECT -x AS x FROM t ORDER BY x"), "-2;-1");
  EXPECT_EQ(Answer("SELECT (-x)::text, x FROM t ORDER BY x + 1"), "-1|1;-2|2");
  EXPECT_EQ(Answer("SELECT (10 - x)::bigint FROM t ORDER BY int8"), "8;9");
  EXPECT_EQ(Answer("SELECT ts::date, max(x) FROM t GROUP BY ts::date ORDER BY ts::date DESC"),
            "2024-01-02|2;2024-01-01|1");
}

TEST_F(OutputNamesTest, WhereAndHavingSeeInputColumns) {
  EXPECT_EQ(Answer("SELECT (x + 10)::int AS x FROM t WHERE x = 2"), "12");
  EXPECT_EQ(Answer("SELECT max(x) FROM t WHERE count = 6"), "2");
  EXPECT_EQ(Answer("SELECT count(*) FROM t GROUP BY count HAVING count > 5"), "1");
}

TEST_F(OutputNamesTest, UnionKeepsNamesOfTheFirst) {
  EXPECT_EQ(Names("SELECT x FROM t UNION ALL SELECT count FROM t"), "x");
}

}  // namespace
}  // namespace varve::engine
