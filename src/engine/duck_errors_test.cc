#include "engine/duck_errors.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class DuckErrorsTest : public DialectTest {
 protected:
  DuckErrorsTest() {
    RunInternal(
        "CREATE TABLE foo (a INTEGER NOT NULL, b VARCHAR, ts TIMESTAMPTZ, n DECIMAL(6,2), c "
        "BIGINT)");
    RunInternal("CREATE TABLE keyed (id INTEGER PRIMARY KEY, x INTEGER CHECK (x > 0))");
    RunInternal("INSERT INTO keyed VALUES (1, 1)");
  }

  std::string Message(const std::string& sql) {
    const auto result = Run(sql);
    return std::string(MessageOf(result.status()));
  }
};

// The states are those of PostgreSQL 15 for the same statements (tests/differential compares).
TEST_F(DuckErrorsTest, StatesAreThoseOfPostgres) {
  const std::pair<const char*, const char*> cases[] = {
      {"42601", "SELECT selct 1 fro"},
      {"42601", "SELECT 'unterminated"},
      {"42601", "SELECT * FROM"},
      {"42P01", "SELECT x FROM nope"},
      {"42P01", "SELECT * FROM nosch.foo"},
      {"42P01", "INSERT INTO nope VALUES (1)"},
      {"42P01", "DROP TABLE nope"},
      {"42P01", "DELETE FROM nope"},
      {"42P01", "SELECT zz.a FROM foo"},
      {"42703", "SELECT nope FROM foo"},
      {"42703", "SELECT foo.nope FROM foo"},
      {"42703", "INSERT INTO foo (a, zz) VALUES (1, 2)"},
      {"42703", "UPDATE foo SET zz = 1"},
      {"42703", "ALTER TABLE foo DROP COLUMN zz"},
      {"42702", "SELECT f.a FROM foo f, foo g WHERE a = 1"},
      {"42803", "SELECT a, count(*) FROM foo"},
      {"42803", "SELECT a FROM foo WHERE count(*) > 1"},
      {"42803", "SELECT sum(sum(a)) FROM foo"},
      {"42P20", "SELECT a FROM foo WHERE row_number() OVER () = 1"},
      {"42883", "SELECT nofun(1)"},
      {"42883", "SELECT lower(1, 2)"},
      {"42883", "SELECT b + 1 FROM foo"},
      {"42704", "SELECT 'x'::nosuchtype"},
      {"42P07", "CREATE TABLE foo (b int)"},
      {"42P06", "CREATE SCHEMA s; CREATE SCHEMA s"},
      {"42701", "CREATE TABLE bar (a int, a int)"},
      {"42701", "ALTER TABLE foo ADD COLUMN a int"},
      {"42701", "INSERT INTO foo (a, a) VALUES (1, 2)"},
      {"3F000", "CREATE TABLE nosch.foo (a int)"},
      {"3F000", "DROP SCHEMA nope"},
      {"22P02", "SELECT 'abc'::int"},
      {"22P02", "SELECT 'x'::uuid"},
      {"22P02", "SELECT 'x'::bool"},
      {"22P02", "SELECT 'x'::numeric"},
      {"22P02", "SELECT 'x'::float8"},
      {"22P02", "SELECT '{x'::jsonb"},
      {"22P02", "SELECT '{a'::text[]"},
      {"22P02", "INSERT INTO foo (a) VALUES ('x')"},
      {"22003", "SELECT '99999999999'::int"},
      {"22003", "SELECT 99999999999::int"},
      {"22003", "SELECT 2147483647 + 1"},
      {"22003", "SELECT 9223372036854775807 * 2"},
      {"22003", "SELECT 123456.789::numeric(4,2)"},
      {"22003", "INSERT INTO foo (a, n) VALUES (1, 99999.99)"},
      {"22007", "SELECT 'hello'::timestamptz"},
      {"22007", "SELECT 'hello'::date"},
      {"22007", "SELECT 'hello'::time"},
      {"22007", "SELECT 'hello'::interval"},
      {"22008", "SELECT '2024-13-45'::timestamptz"},
      {"22008", "SELECT date '2024-02-30'"},
      {"22012", "SELECT 1 / 0"},
      {"2201F", "SELECT sqrt(-1)"},
      {"2201E", "SELECT ln(0)"},
      {"2201W", "SELECT 1 LIMIT -1"},
      {"21000", "SELECT (SELECT * FROM (VALUES (1), (2)) v)"},
      {"23502", "INSERT INTO foo (a) VALUES (NULL)"},
      {"23505", "INSERT INTO keyed VALUES (1, 2)"},
      {"23514", "INSERT INTO keyed VALUES (2, -1)"},
      {"42601", "UPDATE foo SET a = 1, a = 2"},
      {"42601", "SELECT 1 UNION SELECT 1, 2"},
      {"42601", "SELECT (SELECT 1, 2)"},
      {"42601", "INSERT INTO foo (a) VALUES (1, 2)"},
      {"42P10", "SELECT 1 ORDER BY 5"},
      {"26000", "EXECUTE nope"},
      {"25P01", "COMMIT"},
  };
  for (const auto& [state, sql] : cases) EXPECT_EQ(Answer(sql), state) << sql;
}

TEST_F(DuckErrorsTest, WordsAreThoseOfPostgres) {
  EXPECT_EQ(Message("SELECT x FROM nope"), "relation \"nope\" does not exist");
  EXPECT_EQ(Message("SELECT * FROM nosch.foo"), "relation \"nosch.foo\" does not exist");
  EXPECT_EQ(Message("SELECT nope FROM foo"), "column \"nope\" does not exist");
  EXPECT_EQ(Message("SELECT f.nope FROM foo f"), "column f.nope does not exist");
  EXPECT_EQ(Message("SELECT lower(1, 2)"), "function lower(integer, integer) does not exist");
  EXPECT_EQ(Message("SELECT b + 1 FROM foo"), "operator text + integer does not exist");
  EXPECT_EQ(Message("SELECT 'abc'::int"), "invalid input syntax for type integer: \"abc\"");
  EXPECT_EQ(Message("SELECT 'it''s'::int"), "invalid input syntax for type integer: \"it's\"");
  EXPECT_EQ(Message("SELECT 99999999999::int"), "integer out of range");
  EXPECT_EQ(Message("SELECT 1 / 0"), "division by zero");
  EXPECT_EQ(Message("CREATE TABLE foo (x int)"), "relation \"foo\" already exists");
  EXPECT_EQ(Message("INSERT INTO foo (b) VALUES ('x')"),
            "null value in column \"a\" of relation \"foo\" violates not-null constraint");
}

TEST_F(DuckErrorsTest, WrongArgumentsOfAMacroNameTheRightOnes) {
  RunInternal("CREATE MACRO sums(x, y := 1) AS x + y, (x, y, z) AS x + y + z");
  const Status status = Run("SELECT sums()").status();
  EXPECT_EQ(SqlStateOf(status), "42883");
  EXPECT_EQ(MessageOf(status), "function sums does not take these arguments");
  EXPECT_EQ(HintOf(status), "Known forms: sums(x, y := 1), sums(x, y, z)");
}

TEST_F(DuckErrorsTest, PositionsAreCharactersFromOne) {
  EXPECT_EQ(PositionOf(Run("SELECT nope FROM foo").status()), 8u);
  EXPECT_EQ(PositionOf(Run("SELECT 'äöü', nope FROM foo").status()), 15u);
  EXPECT_EQ(PositionOf(Run("SELECT * FROM nope").status()), 15u);
  EXPECT_EQ(PositionOf(Run("SELECT 1 frm foo x").status()), 14u);
}

TEST(FromDuckErrorTest, KindsWithoutAStatement) {
  const auto state = [](duckdb::ExceptionType type) {
    return SqlStateOf(FromDuckError(duckdb::ErrorData(type, "message"), ""));
  };
  using duckdb::ExceptionType;
  EXPECT_EQ(state(ExceptionType::INTERRUPT), "57014");
  EXPECT_EQ(state(ExceptionType::OUT_OF_MEMORY), "53200");
  EXPECT_EQ(state(ExceptionType::PERMISSION), "42501");
  EXPECT_EQ(state(ExceptionType::INTERNAL), "XX000");
  EXPECT_EQ(state(ExceptionType::FATAL), "XX000");
  EXPECT_EQ(state(ExceptionType::IO), "58030");
  EXPECT_EQ(state(ExceptionType::NOT_IMPLEMENTED), "0A000");
}

// Trying again would fill the disk again: not a state of class 53.
TEST_F(DuckErrorsTest, WhatMayNotSpillMoreIsTooLarge) {
  RunInternal("SET memory_limit = '40MB'");
  RunInternal("SET threads = 1");
  RunInternal("SET temp_directory = '" + ::testing::TempDir() + "varve-spill'");
  RunInternal("SET max_temp_directory_size = '4MB'");
  const auto result = Run(
      "SELECT count(*) FROM (SELECT i, row_number() OVER (ORDER BY (i * 7919) % 1000003) AS r FROM "
      "range(4000000) t(i)) x WHERE r > 5");
  EXPECT_EQ(SqlStateOf(result.status()), "54000") << result.status();
  EXPECT_EQ(MessageOf(result.status()).find('/'), std::string_view::npos) << result.status();
  // As DuckDB says it when others have filled the disk.
  const Status full = FromDuckError(
      duckdb::ErrorData(duckdb::IOException(
          "Could not write file \"/data/tmp/duckdb_temp_storage_DEFAULT-0.tmp\": No space left")),
      "");
  EXPECT_EQ(SqlStateOf(full), "54000") << full;
  EXPECT_EQ(MessageOf(full).find("/data"), std::string_view::npos) << full;
}

}  // namespace
}  // namespace varve::engine
