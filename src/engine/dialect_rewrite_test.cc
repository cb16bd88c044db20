#include "engine/dialect_rewrite.h"

#include "engine/array_cast.h"
#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class DialectRewriteTest : public DialectTest {
 protected:
  DialectRewriteTest() {
    RunInternal("CREATE TABLE h (n INTEGER, hashes VARCHAR[])");
    RunInternal("INSERT INTO h VALUES (1, ['t-4']), (2, []), (3, ['a', NULL]), (4, NULL)");
  }
};

TEST_F(DialectRewriteTest, AnyOfAnArrayHasThreeTruthValues) {
  EXPECT_EQ(Answer("SELECT n, 't-4' = ANY(hashes) FROM h ORDER BY n"),
            "1|true;2|false;3|NULL;4|NULL");
  EXPECT_EQ(Answer("SELECT n, 't-4' <> ALL(hashes) FROM h ORDER BY n"),
            "1|false;2|true;3|NULL;4|NULL");
  EXPECT_EQ(Answer("SELECT n FROM h WHERE 't-4' = ANY(hashes)"), "1");
  EXPECT_EQ(Answer("SELECT n FROM h WHERE n = ANY(ARRAY[1, 3]) ORDER BY n"), "1;3");
  EXPECT_EQ(Answer("SELECT n FROM h WHERE n = ANY('{1,3}') ORDER BY n"), "1;3");
  EXPECT_EQ(Answer("SELECT n FROM h WHERE n = ANY(SELECT 2)"), "2");
  EXPECT_EQ(Answer("PREPARE p AS SELECT n FROM h WHERE $1 = ANY(hashes); EXECUTE p('t-4')"), "1");
}

// A scan's filter instead of a join with an unnested array.
TEST_F(DialectRewriteTest, AnyOfAnArrayIsAFilterOfTheScan) {
  const std::string plan = Answer("EXPLAIN SELECT n FROM h WHERE 't-4' = ANY(hashes)");
  EXPECT_NE(plan.find("list_contains"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("JOIN"), std::string::npos) << plan;
}

TEST_F(DialectRewriteTest, DistinctAggregatesSort) {
  const std::string rows = " FROM (VALUES (3), (1), (NULL), (2), (3)) t(x)";
  EXPECT_EQ(Answer("SELECT array_agg(DISTINCT x)" + rows), "[1, 2, 3, NULL]");
  EXPECT_EQ(Answer("SELECT string_agg(DISTINCT x::text, ',')" + rows), "1,2,3");
  EXPECT_EQ(Answer("SELECT array_agg(DISTINCT x ORDER BY x DESC)" + rows), "[NULL, 3, 2, 1]");
}

TEST_F(DialectRewriteTest, TildeMatchesAnywhere) {
  EXPECT_EQ(Answer("SELECT 'abc' ~ 'b', 'abc' !~ 'b', 'abc' ~* 'B', 'abc' !~* 'B', 'abc' ~ '^b'"),
            "true|false|true|false|false");
  EXPECT_EQ(Answer("SELECT 'abc' SIMILAR TO 'b'"), "false");
}

TEST_F(DialectRewriteTest, LengthsCutInCasts) {
  EXPECT_EQ(Answer("SELECT 'abcdef'::varchar(3), 'abcdef'::varchar, 'ab'::varchar(3)"),
            "abc|abcdef|ab");
}

TEST_F(DialectRewriteTest, NullsSortAsTheLargest) {
  EXPECT_EQ(Answer("SELECT x FROM (VALUES (1), (NULL), (2)) t(x) ORDER BY x"), "1;2;NULL");
  EXPECT_EQ(Answer("SELECT x FROM (VALUES (1), (NULL), (2)) t(x) ORDER BY x DESC"), "NULL;2;1");
}

TEST_F(DialectRewriteTest, ArraysReadPostgresSyntax) {
  EXPECT_EQ(Answer("SELECT '{a,b}'::text[], '{}'::text[], '{1,NULL}'::int[]"),
            "[a, b]|[]|[1, NULL]");
  EXPECT_EQ(Answer("INSERT INTO h VALUES (5, '{t-4}'), (6, ARRAY[]), (7, ARRAY[]::text[]); "
                   "SELECT hashes FROM h WHERE n > 4 ORDER BY n"),
            "[t-4];[];[]");
  EXPECT_EQ(Answer("SELECT '[a,b]'::text[]"), "22P02");
  EXPECT_EQ(Answer("SELECT '{1,x}'::int[]"), "22P02");
  EXPECT_EQ(Answer("SELECT '{{1},{2}}'::int[]"), "0A000");
  EXPECT_EQ(Answer("SELECT cardinality(hashes) FROM h WHERE n = 3"), "2");
}

TEST(ParseArrayTextTest, QuotesEscapesAndNulls) {
  const auto parsed = ParseArrayText(R"( { "a b" , c\,d , NULL , "NULL", x y , "q\"\\" } )");
  ASSERT_TRUE(parsed.ok());
  const std::vector<std::optional<std::string>> expected = {"a b",  "c,d", std::nullopt,
                                                            "NULL", "x y", "q\"\\"};
  EXPECT_EQ(*parsed, expected);
  for (const char* bad :
       {"", "a", "{", "{a", "{a,}", "{,a}", "{a}b", "{\"a}", "{a\"b\"}", "{a\\"}) {
    EXPECT_EQ(SqlStateOf(ParseArrayText(bad).status()), "22P02") << bad;
  }
}

class SessionFunctionsTest : public DialectTest {};

TEST_F(SessionFunctionsTest, AnswerWhatClientsAskAtConnect) {
  EXPECT_EQ(Answer("SELECT version(), pg_catalog.version()"),
            "PostgreSQL 15.0 (Varve)|PostgreSQL 15.0 (Varve)");
  EXPECT_EQ(Answer("SELECT current_database(), current_catalog, current_schema(), current_user, "
                   "session_user, pg_backend_pid()"),
            "varve|varve|public|varve|varve|0");
  EXPECT_EQ(Answer("SELECT current_setting('server_version_num'), current_setting('nope', true)"),
            "150000|NULL");
  EXPECT_EQ(Answer("SELECT current_setting('nope')"), "42704");
  EXPECT_EQ(Answer("SELECT current_setting('home_directory')"), "42704");
  EXPECT_EQ(Answer("SELECT pg_typeof(1), pg_typeof(1.5), pg_typeof(now()), pg_typeof(ARRAY[1])"),
            "integer|numeric|timestamp with time zone|integer[]");
  EXPECT_EQ(
      Answer("SELECT format_type(23, NULL), format_type(1700, 393222), format_type(1009, -1)"),
      "integer|numeric(6,2)|text[]");
}

TEST_F(SessionFunctionsTest, DatesOfTimestamptzAreThoseOfTheZone) {
  const std::string sql =
      "SELECT date_trunc('day', timestamptz '2024-07-01 23:30:00+00') = "
      "timestamptz '2024-07-01 00:00:00+00', "
      "extract(hour FROM timestamptz '2024-07-01 23:30:00+00'), "
      "date_part('epoch', timestamptz '2024-07-01 00:00:00.5+00')";
  EXPECT_EQ(Answer("SET timezone = 'UTC'; " + sql), "true|23|1719792000.5");
  EXPECT_EQ(Answer("SET timezone = 'Europe/Berlin'; " + sql), "false|1|1719792000.5");
  EXPECT_EQ(Answer("SET timezone = 'UTC'; SELECT count(*) FROM (SELECT timestamptz '1969-01-01' + "
                   "to_hours((i * 37)::int) AS t FROM range(20000) r(i)) "
                   "WHERE date_trunc('week', t) <> date_trunc('week', t::timestamp)::timestamptz"),
            "0");
}

}  // namespace
}  // namespace varve::engine
