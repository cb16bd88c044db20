#include "engine/engine.h"

#include "engine/database.h"
#include "engine/testing/engine_fixture.h"

namespace varve::engine {
namespace {

class EngineTest : public EngineFixture {};

constexpr const char* kReadings =
    "CREATE TABLE raw.readings (timestamp timestamptz NOT NULL, device text, site text DEFAULT "
    "'main', temperature double precision) WITH (time_column = 'timestamp', partition_by = 'date', "
    "sort_by = 'device')";

TEST_F(EngineTest, SelectsAConstant) {
  EXPECT_EQ(Run("SELECT 1"), (Rows{{"1"}}));
  EXPECT_EQ(Tag("SELECT 1"), "SELECT 1");
}

TEST_F(EngineTest, InsertedRowsAreReadBack) {
  Run(kReadings);
  EXPECT_EQ(Tag("INSERT INTO raw.readings (timestamp, device, temperature) VALUES "
                "('2026-11-01 10:00:00+00', 'a', 1.5), ('2026-11-02 00:00:00+00', 'b', 2.5)"),
            "INSERT 0 2");
  EXPECT_EQ(Run("SELECT device, site, temperature, date::text FROM raw.readings ORDER BY device"),
            (Rows{{"a", "main", "1.5", "2026-11-01"}, {"b", "main", "2.5", "2026-11-02"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM raw.readings WHERE temperature > 2"), (Rows{{"1"}}));
}

TEST_F(EngineTest, InsertReportsPostgresErrorsAndKeepsNothing) {
  Run(kReadings);
  const Status null = Try("INSERT INTO raw.readings (device) VALUES ('a')");
  EXPECT_EQ(SqlStateOf(null), "23502");
  EXPECT_NE(MessageOf(null).find("timestamp"), std::string_view::npos) << null;
  EXPECT_EQ(StateOf("INSERT INTO raw.readings (timestamp, date) VALUES ('2026-11-01', "
                    "'2026-11-02')"),
            "22023");
  EXPECT_EQ(StateOf("INSERT INTO raw.readings (timestamp, device) SELECT timestamptz '2026-11-01', "
                    "'a' UNION ALL SELECT NULL, 'b'"),
            "23502");
  EXPECT_EQ(StateOf("INSERT INTO raw.readings (timestamp) VALUES ('2026-11-01') ON CONFLICT DO "
                    "NOTHING"),
            "0A000");
  EXPECT_EQ(StateOf("SELECT rowid FROM raw.readings"), "42703");
  EXPECT_EQ(Run("SELECT count(*) FROM raw.readings"), (Rows{{"0"}}));
}

TEST_F(EngineTest, AnInsertMayGiveTheFirstColumnsOnly) {
  Run(kReadings);
  Run("INSERT INTO raw.readings VALUES ('2026-11-01', lower('A'), 's', 1 + 1)");
  Run("INSERT INTO raw.readings SELECT timestamptz '2026-11-02', 'b'");
  Run("INSERT INTO raw.readings SELECT * FROM raw.readings WHERE device = 'b'");
  EXPECT_EQ(
      Run("SELECT device, site, temperature, date::text FROM raw.readings ORDER BY timestamp"),
      (Rows{{"a", "s", "2", "2026-11-01"},
            {"b", "main", "NULL", "2026-11-02"},
            {"b", "main", "NULL", "2026-11-02"}}));
  EXPECT_EQ(StateOf("INSERT INTO raw.readings VALUES ('2026-11-01', 'a', 's', 2, '2026-11-01', 6)"),
            "42601");
}

TEST_F(EngineTest, WhatIsBuiltInCannotBeHidden) {
  for (const char* sql :
       {"CREATE MACRO sum(x) AS 1", "CREATE TEMP MACRO NOW() AS 1",
        "CREATE OR REPLACE MACRO date_trunc(a, b) AS 1", "CREATE MACRO version() AS 'x'",
        "CREATE MACRO generate_series(a, b) AS TABLE SELECT 1",
        "CREATE VIEW pg_class AS SELECT 1 AS x", "CREATE TEMP TABLE Pg_Class (x int)",
        "CREATE TABLE pg_type (timestamp timestamptz)"}) {
    EXPECT_EQ(StateOf(sql), "42501") << sql;
  }
  Run("CREATE MACRO twice(x) AS x * 2");
  EXPECT_EQ(Run("SELECT twice(4), sum(3)"), (Rows{{"8", "3"}}));
}

TEST_F(EngineTest, InsertReturnsRowsWhenAsked) {
  Run(kReadings);
  EXPECT_EQ(Run("INSERT INTO raw.readings (timestamp, device, temperature) VALUES ('2026-11-01', "
                "'a', 1), ('2026-11-02', 'b', 2) RETURNING device, temperature * 2 AS twice, site"),
            (Rows{{"a", "2", "main"}, {"b", "4", "main"}}));
  EXPECT_EQ(Run("INSERT INTO raw.readings (timestamp, device) SELECT timestamptz '2026-11-01 "
                "23:59:59.999999+00' + to_days(CAST(x AS integer)), 'd' FROM range(3000) r(x) "
                "RETURNING date = (timestamp AT TIME ZONE 'UTC')::date, date::text")[1],
            (std::vector<std::string>{"t", "2026-11-02"}));
  EXPECT_EQ(Run("INSERT INTO raw.readings VALUES ('1969-12-31 23:00:00+00', 'old') RETURNING *")[0],
            (std::vector<std::string>{"-3600000000", "old", "main", "NULL", "-1"}));
  EXPECT_EQ(Tag("INSERT INTO raw.readings (timestamp) VALUES ('2026-11-03') RETURNING 1"),
            "INSERT 0 1");
  EXPECT_EQ(Run("SELECT count(*) FROM raw.readings"), (Rows{{"3004"}}));
}

TEST_F(EngineTest, InsertSelectReadsTheOldSnapshot) {
  Run(kReadings);
  Run("INSERT INTO raw.readings (timestamp, temperature) SELECT timestamptz '2026-11-01' + "
      "to_seconds(x), x FROM range(10000) r(x)");
  EXPECT_EQ(Tag("INSERT INTO raw.readings SELECT * FROM raw.readings"), "INSERT 0 10000");
  EXPECT_EQ(Run("SELECT count(*), sum(temperature) FROM raw.readings"),
            (Rows{{"20000", "99990000"}}));
}

TEST_F(EngineTest, FilesAndBufferAreReadTogether) {
  Run(kReadings);
  Run("INSERT INTO raw.readings (timestamp, device, temperature) SELECT timestamptz '2026-11-01' + "
      "to_seconds(x * 60), 'd' || (x % 7), x FROM range(5000) r(x)");
  Flush("raw", "readings");
  EXPECT_EQ(Run("SELECT count(*), sum(temperature), min(date)::text, max(date)::text FROM "
                "raw.readings"),
            (Rows{{"5000", "12497500", "2026-11-01", "2026-11-04"}}));
  Run("INSERT INTO raw.readings (timestamp, device, temperature) VALUES ('2026-12-01', 'fresh', "
      "1)");
  EXPECT_EQ(Run("SELECT count(*), count(date), count(DISTINCT device) FROM raw.readings"),
            (Rows{{"5001", "5001", "8"}}));
  EXPECT_EQ(Run("SELECT device, date::text FROM raw.readings ORDER BY timestamp DESC LIMIT 2"),
            (Rows{{"fresh", "2026-12-01"}, {"d1", "2026-11-04"}}));
  EXPECT_EQ(Run("SELECT temperature FROM raw.readings WHERE date = '2026-11-03' AND device = 'd3' "
                "ORDER BY temperature LIMIT 1"),
            (Rows{{"2880"}}));
}

TEST_F(EngineTest, EveryFilterAgreesWithPlainDuckDb) {
  Run(kReadings);
  Run("CREATE TEMP TABLE plain AS SELECT timestamptz '2026-11-01' + to_seconds(x * 37) AS "
      "timestamp, "
      "CASE WHEN x % 11 = 0 THEN NULL ELSE 'd' || (x % 7) END AS device, 'main' AS site, "
      "CASE WHEN x % 5 = 0 THEN NULL ELSE (x % 1000)::double END AS temperature, "
      "(timestamp '2026-11-01' + to_seconds(x * 37))::date AS date FROM range(20000) r(x)");
  Run("INSERT INTO raw.readings SELECT * FROM plain WHERE timestamp < '2026-11-05'");
  Flush("raw", "readings");
  Run("INSERT INTO raw.readings SELECT * FROM plain WHERE timestamp >= '2026-11-05'");
  const char* filters[] = {
      "true",
      "temperature > 500",
      "temperature IS NULL",
      "temperature IS NOT NULL AND device IS NULL",
      "device = 'd3'",
      "device IN ('d1', 'd2') AND temperature < 100",
      "device = 'd1' OR temperature = 999",
      "timestamp >= '2026-11-04 20:00:00+00' AND timestamp < '2026-11-05 04:00:00+00'",
      "timestamp BETWEEN '2026-11-02' AND '2026-11-03'",
      "date = '2026-11-04'",
      "date IN ('2026-11-01', '2026-11-06')",
      "date > '2026-11-04' AND device LIKE 'd%'",
      "timestamp > '2030-01-01'",
      "upper(device) = 'D5' AND date < '2026-11-03'",
      "device >= 'd5' AND NOT (temperature > 10)",
      "date = '2026-11-02' OR timestamp > '2026-11-08'",
  };
  for (const char* filter : filters) {
    const std::string rest = std::string(" WHERE ") + filter;
    const std::string list =
        "SELECT count(*), count(device), sum(temperature), min(timestamp)::text, "
        "max(timestamp)::text, count(DISTINCT date) FROM ";
    EXPECT_EQ(Run(list + "raw.readings" + rest), Run(list + "plain" + rest)) << filter;
    const std::string top = rest + " ORDER BY timestamp DESC LIMIT 7";
    EXPECT_EQ(Run("SELECT timestamp::text, device, temperature FROM raw.readings" + top),
              Run("SELECT timestamp::text, device, temperature FROM plain" + top))
        << filter;
  }
  EXPECT_EQ(Run("SELECT count(*) FROM raw.readings a JOIN plain b USING (timestamp)"),
            (Rows{{"20000"}}));
  EXPECT_EQ(Run("WITH t AS (SELECT * FROM raw.readings WHERE date = '2026-11-02') SELECT count(*) "
                "FROM t a JOIN t b USING (timestamp)"),
            Run("SELECT count(*) FROM plain WHERE date = '2026-11-02'"));
}

TEST_F(EngineTest, ArraysAndRealsInFilesAreFiltered) {
  Run("CREATE TABLE t (timestamp timestamptz, id int, k text, tags text[], r real)");
  Run("INSERT INTO t (timestamp, id, k, tags, r) SELECT '2026-11-01'::timestamptz, x, "
      "CASE x % 5 WHEN 0 THEN 'ab' WHEN 1 THEN NULL ELSE 'c' || (x % 3) END, "
      "CASE x % 4 WHEN 0 THEN ['a', 'b'] WHEN 1 THEN [NULL, 'a'] WHEN 2 THEN [] END, 0.1 "
      "FROM range(1000) r(x)");
  Flush("public", "t");
  Run("CREATE TEMP TABLE plain AS SELECT * FROM t");
  for (const char* filter :
       {"tags IS DISTINCT FROM ['a', 'b'] AND k LIKE '%b'", "tags = ['a', 'b'] AND k <> 'ab'",
        "id % 3 = 1 AND tags IS DISTINCT FROM ['a', 'b']", "tags IS NULL AND id > 7",
        "tags IS NULL", "tags = ['a', 'b']", "tags IS NOT NULL AND k LIKE '%b'",
        "r = 0.1::real AND id >= id", "r IN (0.1::real, 7::real)"}) {
    const std::string rest = std::string(" WHERE ") + filter + " ORDER BY id";
    const auto rows = Run("SELECT * FROM t" + rest);
    EXPECT_EQ(rows, Run("SELECT * FROM plain" + rest)) << filter;
    EXPECT_FALSE(rows.empty()) << filter;
    const std::string count = std::string("SELECT count(*), max(id) FROM ");
    EXPECT_EQ(Run(count + "t WHERE " + filter), Run(count + "plain WHERE " + filter)) << filter;
  }
}

TEST_F(EngineTest, ZeroHasOneValueInFiles) {
  Run("CREATE TABLE t (timestamp timestamptz, f float8, r real)");
  Run("INSERT INTO t (timestamp, f, r) SELECT '2026-11-01'::timestamptz, CASE x % 2 WHEN 0 THEN "
      "'-0'::float8 ELSE 5 END, CASE x % 2 WHEN 0 THEN 0 ELSE 5 END FROM range(2000) r(x)");
  Flush("public", "t");
  for (const char* filter : {"f = 0", "f = '-0'::float8", "f IN (0, 7)", "f = 0 AND r = 0",
                             "f = 0 OR f = 7", "r = '-0'::real", "f <= 0"}) {
    EXPECT_EQ(Run(std::string("SELECT count(*) FROM t WHERE ") + filter), (Rows{{"1000"}}))
        << filter;
  }
}

TEST_F(EngineTest, ExplainShowsScansAndPushedFilters) {
  Run(kReadings);
  Run("INSERT INTO raw.readings (timestamp, device, temperature) SELECT timestamptz '2026-11-01' + "
      "to_hours(x), 'd1', x FROM range(240) r(x)");
  std::string plan = Explain("SELECT device FROM raw.readings WHERE temperature > 3");
  EXPECT_NE(plan.find("BUFFER_SCAN"), std::string::npos) << plan;
  EXPECT_NE(plan.find("temperature>3.0"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("FILTER "), std::string::npos) << plan;
  EXPECT_EQ(plan.find("UNION"), std::string::npos) << plan;
  Flush("raw", "readings");
  plan = Explain("SELECT device FROM raw.readings WHERE temperature > 3");
  EXPECT_NE(plan.find("LAKE_SCAN"), std::string::npos) << plan;
  EXPECT_NE(plan.find("temperature>3.0"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("BUFFER_SCAN"), std::string::npos) << plan;
  // Ten days are ten files; a range of the time column leaves one.
  EXPECT_NE(plan.find("10 of 10"), std::string::npos) << plan;
  plan = Explain(
      "SELECT device FROM raw.readings WHERE timestamp >= '2026-11-04 03:00:00+00' AND "
      "timestamp < '2026-11-04 05:00:00+00'");
  EXPECT_NE(plan.find("1 of 10"), std::string::npos) << plan;
  Run("INSERT INTO raw.readings (timestamp) VALUES ('2026-12-01')");
  plan = Explain("SELECT device FROM raw.readings WHERE date = '2026-11-04'");
  EXPECT_NE(plan.find("UNION"), std::string::npos) << plan;
  EXPECT_NE(plan.find("1 of 10"), std::string::npos) << plan;
}

TEST_F(EngineTest, TypesComeBackAsTheyWentIn) {
  Run("CREATE TABLE every (ts timestamptz, b boolean, i2 smallint, i4 integer, i8 bigint, f4 real, "
      "f8 double precision, t text, j json, y bytea, d date, u uuid, n numeric(9,2), "
      "w numeric(38,10), ta text[], ia bigint[])");
  const std::string values =
      "('2026-11-01 01:02:03.456789+00', true, -2, 4, 8000000000, 1.5, -2.25, 'a text longer than "
      "twelve bytes', '{\"k\": [1, 2]}', '\\xAB\\x00'::bytea, '2026-02-03', "
      "'01234567-89ab-cdef-0123-456789abcdef', -1234.56, 1234567890123456789.0123456789, "
      "['x', NULL, 'longer than twelve bytes'], [1, 2])";
  Run("INSERT INTO every (ts, b, i2, i4, i8, f4, f8, t, j, y, d, u, n, w, ta, ia) VALUES " +
      values);
  Run("INSERT INTO every (ts) VALUES ('2026-11-01')");
  const std::string select =
      "SELECT ts::text, b, i2, i4, i8, f4, f8, t, j, y, d::text, u, n, w, ta, ia, date::text FROM "
      "every ORDER BY ts DESC";
  const Rows from_buffer = Run(select);
  Flush("public", "every");
  EXPECT_EQ(Run(select), from_buffer);
  ASSERT_EQ(from_buffer.size(), 2u);
  EXPECT_EQ(from_buffer[0][11], "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(from_buffer[0][12], "-1234.56");
  EXPECT_EQ(from_buffer[0][13], "1234567890123456789.0123456789");
  EXPECT_EQ(from_buffer[0][14], "{x,NULL,longer than twelve bytes}");
  EXPECT_EQ(from_buffer[0][9], std::string("\xAB\0", 2));
  EXPECT_EQ(from_buffer[1][14], "NULL");
  EXPECT_EQ(Run("SELECT count(*) FROM every a JOIN every b USING (u)"), (Rows{{"1"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM every WHERE u = '01234567-89ab-cdef-0123-456789abcdef'"),
            (Rows{{"1"}}));
  EXPECT_EQ(Run("SELECT j->>'k' FROM every WHERE j IS NOT NULL"), (Rows{{"[1,2]"}}));
}

TEST_F(EngineTest, LargeJoinsOnUuidsReadFiles) {
  Run("CREATE TABLE spans (timestamp timestamptz, u uuid, n bigint)");
  Run("INSERT INTO spans (timestamp, u, n) SELECT timestamptz '2026-11-01' + to_seconds(x), "
      "md5(x::text)::uuid, x FROM range(200000) r(x)");
  Flush("public", "spans");
  Run("CREATE TEMP TABLE wanted AS SELECT md5(x::text)::uuid AS u FROM range(100000, 130000) r(x)");
  EXPECT_EQ(Run("SELECT count(*), min(n), max(n) FROM spans JOIN wanted USING (u)"),
            (Rows{{"30000", "100000", "129999"}}));
  EXPECT_EQ(Run("SELECT n FROM spans WHERE u = md5('77')::uuid"), (Rows{{"77"}}));
}

TEST_F(EngineTest, NumericColumnsWithoutPrecisionKeepTheirDigits) {
  Run("CREATE TABLE n (timestamp timestamptz, x numeric)");
  Run("ALTER TABLE n ADD COLUMN y numeric");
  Run("INSERT INTO n (timestamp, x, y) VALUES ('2026-11-01', 1.23456, 0.0001)");
  EXPECT_EQ(Run("SELECT x = 1.23456, y = 0.0001 FROM n"), (Rows{{"t", "t"}}));
}

TEST_F(EngineTest, DefinitionsSurviveARestart) {
  Run(kReadings);
  Run("INSERT INTO raw.readings (timestamp, device) VALUES ('2026-11-01', 'a')");
  Flush("raw", "readings");
  Run("ALTER TABLE raw.readings ADD COLUMN humidity real");
  Run("ALTER TABLE raw.readings SET (retention = '30 days')");
  Run("CREATE VIEW warm AS SELECT * FROM raw.readings WHERE temperature > 20");
  Run("CREATE SCHEMA extra");
  EXPECT_EQ(Run("SELECT humidity FROM raw.readings"), (Rows{{"NULL"}}));
  Stop();
  Start();
  EXPECT_EQ(Run("SELECT device, humidity FROM raw.readings"), (Rows{{"a", "NULL"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM warm"), (Rows{{"0"}}));
  EXPECT_EQ(*catalog_->Find({"raw", "readings"})->retention_us, int64_t{30} * 86'400'000'000);
  Run("INSERT INTO raw.readings (timestamp, humidity) VALUES ('2026-11-02', 0.5)");
  EXPECT_EQ(Run("SELECT humidity FROM raw.readings ORDER BY timestamp"), (Rows{{"NULL"}, {"0.5"}}));
}

// So that it needs no room on the disk.
TEST_F(EngineTest, AStartWritesOnlyWhatDiffers) {
  const auto meta = folder_ / "meta.duckdb";
  const auto wal = folder_ / "meta.duckdb.wal";
  for (const char* change :
       {"CREATE OR REPLACE VIEW varve.jobs AS SELECT 1 AS old", "DROP VIEW varve.jobs",
        "CREATE OR REPLACE MACRO varve.flush(old) AS varve_flush(old)",
        "CREATE OR REPLACE MACRO varve.refresh() AS varve_refresh()"}) {
    {
      auto connection = engine_->database().current()->Connect();
      ASSERT_FALSE(connection.Query(change)->HasError()) << change;
    }
    Stop();
    Start();
    EXPECT_TRUE(std::filesystem::exists(wal)) << change;
    EXPECT_EQ(Run("SELECT count(*) FROM varve.jobs"), (Rows{{"0"}}));
    EXPECT_EQ(Run("SELECT varve.flush(table_name => NULL)"), (Rows{{"NULL"}}));
    Stop();
    const auto written = std::filesystem::last_write_time(meta);
    Start();
    EXPECT_FALSE(std::filesystem::exists(wal)) << change;
    EXPECT_EQ(std::filesystem::last_write_time(meta), written);
  }
}

TEST_F(EngineTest, ListingsDoNotTellOfTheInternalSchema) {
  const Rows none = {{"0"}};
  for (const char* listing :
       {"information_schema.schemata WHERE schema_name",
        "information_schema.tables WHERE table_schema",
        "information_schema.columns WHERE table_schema",
        "information_schema.table_constraints WHERE table_schema",
        "pg_catalog.pg_namespace WHERE nspname", "pg_catalog.pg_tables WHERE schemaname",
        "pg_catalog.pg_views WHERE schemaname", "pg_catalog.pg_indexes WHERE schemaname"}) {
    EXPECT_EQ(Run(fmt::format("SELECT count(*) FROM {} = 'varve_internal'", listing)), none)
        << listing;
  }
  EXPECT_EQ(Run("SELECT count(*) FROM pg_class WHERE relname IN ('counters', 'dropped')"), none);
  // What is a user's own is listed, and counted right where no column is asked for.
  Run(kReadings);
  EXPECT_EQ(Run("SELECT table_schema FROM information_schema.tables WHERE table_name = 'readings'"),
            (Rows{{"raw"}}));
  EXPECT_EQ(Run("SELECT count(*) - count(table_name) FROM information_schema.tables"), none);
  EXPECT_NE(Run("SELECT count(*) FROM information_schema.tables"), none);
}

TEST_F(EngineTest, DroppedTablesTakeTheirRowsAlong) {
  Run(kReadings);
  Run("INSERT INTO raw.readings (timestamp, device) VALUES ('2026-11-01', 'a')");
  Flush("raw", "readings");
  const TableRef first = catalog_->Find({"raw", "readings"});
  ASSERT_FALSE(store_->List(first->location + "/")->empty());
  EXPECT_EQ(Tag("DROP TABLE raw.readings"), "DROP TABLE");
  EXPECT_TRUE(store_->List(first->location + "/")->empty());
  EXPECT_EQ(StateOf("SELECT * FROM raw.readings"), "42P01");
  EXPECT_EQ(StateOf("DROP TABLE raw.readings"), "42P01");
  EXPECT_EQ(Tag("DROP TABLE IF EXISTS raw.readings"), "DROP TABLE");
  Run(kReadings);
  EXPECT_GT(catalog_->Find({"raw", "readings"})->id, first->id);
  EXPECT_EQ(Run("SELECT count(*) FROM raw.readings"), (Rows{{"0"}}));
  Stop();
  Start();
  EXPECT_EQ(Run("SELECT count(*) FROM raw.readings"), (Rows{{"0"}}));
  Run("CREATE SCHEMA s; CREATE TABLE s.t (timestamp timestamptz)");
  EXPECT_EQ(StateOf("DROP SCHEMA s"), "2BP01");
  Run("DROP SCHEMA s CASCADE");
  EXPECT_EQ(catalog_->Find({"s", "t"}), nullptr);
}

TEST_F(EngineTest, ShippedTablesAreMadeAndWidened) {
  TableDef shipped;
  shipped.name = {"public", "shipped"};
  const auto add = [&](const char* name, TypeKind kind, bool nullable) {
    ColumnDef column;
    column.id = ColumnId(static_cast<uint32_t>(shipped.columns.size()) + 1);
    column.name = name;
    column.type = Type(kind);
    column.nullable = nullable;
    shipped.columns.push_back(std::move(column));
  };
  add("timestamp", TypeKind::kTimestampTz, false);
  add("date", TypeKind::kDate, false);
  shipped.derived_date = 1;
  shipped.partition_columns = {1};
  shipped.sort_order = {{0, true}};
  Stop();
  options_.shipped_tables = {shipped};
  Start();
  Run("INSERT INTO shipped (timestamp) VALUES ('2026-11-01')");
  Flush("public", "shipped");
  const TableId id = catalog_->Find({"public", "shipped"})->id;
  Stop();
  add("later", TypeKind::kText, true);
  options_.shipped_tables = {shipped};
  Start();
  EXPECT_EQ(catalog_->Find({"public", "shipped"})->id, id);
  EXPECT_EQ(*engine_->HighestTableId(), id);
  Run("INSERT INTO shipped (timestamp, later) VALUES ('2026-11-02', 'x')");
  EXPECT_EQ(Run("SELECT date::text, later FROM shipped ORDER BY timestamp"),
            (Rows{{"2026-11-01", "NULL"}, {"2026-11-02", "x"}}));
  Stop();
  options_.shipped_tables = {};
  Start();
}

TEST_F(EngineTest, CreateTableSaysWhatIsMissing) {
  EXPECT_EQ(StateOf("CREATE TABLE t (a integer)"), "42P16");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz, b timestamptz)"), "42P16");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz) WITH (time_column = 'b')"), "42703");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz, b text) WITH (time_column = 'b')"), "42P16");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz) WITH (fillfactor = 70)"), "22023");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz PRIMARY KEY)"), "0A000");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz, k text) WITH (partition_by = 'k, k')"),
            "22023");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz, s interval)"), "0A000");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz) WITH (key = 'a')"), "0A000");
  EXPECT_EQ(StateOf("CREATE TABLE t AS SELECT now() AS timestamp"), "0A000");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz) WITH (retention = 'soon')"), "22023");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz) WITH (retention = 5)"), "22023");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz) WITH (retention = '30')"), "22023");
  EXPECT_TRUE(catalog_->List().empty());
  EXPECT_EQ(Tag("CREATE TABLE t (a timestamptz, b text)"), "CREATE TABLE");
  EXPECT_EQ(StateOf("CREATE TABLE t (a timestamptz)"), "42P07");
  EXPECT_EQ(Tag("CREATE TABLE IF NOT EXISTS t (a timestamptz)"), "CREATE TABLE");
  EXPECT_EQ(StateOf("ALTER TABLE t ADD COLUMN b text"), "42701");
  EXPECT_EQ(Tag("ALTER TABLE t ADD COLUMN IF NOT EXISTS b text"), "ALTER TABLE");
  EXPECT_EQ(StateOf("ALTER TABLE t ADD COLUMN c integer DEFAULT 3"), "0A000");
  EXPECT_EQ(StateOf("ALTER TABLE t DROP COLUMN b"), "0A000");
  EXPECT_EQ(StateOf("ALTER TABLE t RENAME TO u"), "0A000");
  EXPECT_EQ(StateOf("ALTER TABLE t SET (time_column = 'b')"), "0A000");
  EXPECT_EQ(StateOf("CREATE INDEX i ON t (b)"), "0A000");
  EXPECT_EQ(StateOf("SELECT * FROM varve_internal.tables"), "42501");
  EXPECT_EQ(StateOf("DROP TABLE varve_internal.tables"), "42501");
}

TEST_F(EngineTest, SystemViewsShowTheState) {
  Run(kReadings);
  Run("INSERT INTO raw.readings (timestamp) VALUES ('2026-11-01')");
  EXPECT_EQ(
      Run("SELECT schema_name, table_name, time_column, partition_by, files, buffer_rows FROM "
          "varve.tables"),
      (Rows{{"raw", "readings", "timestamp", "date", "0", "1"}}));
  Flush("raw", "readings");
  EXPECT_EQ(Run("SELECT files, file_rows, buffer_rows FROM varve.tables"), (Rows{{"1", "1", "0"}}));
  EXPECT_EQ(Run("SELECT rows, min_time = max_time FROM varve.files"), (Rows{{"1", "t"}}));
  EXPECT_EQ(Run("SELECT user_name, state FROM varve.sessions"), (Rows{{"tester", "active"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM varve.options"), (Rows{{"0"}}));
  EXPECT_EQ(StateOf("SELECT varve.flush('nothing')"), "42P01");
}

TEST_F(EngineTest, AnInternalErrorIsSurvivedByTheNextStatement) {
  Run(kReadings);
  Run("INSERT INTO raw.readings (timestamp, device) VALUES ('2026-11-01', 'a')");
  auto other = NewSession();
  Run(*other, "CREATE TEMP TABLE mine AS SELECT 1 AS x");
  auto in_transaction = NewSession();
  Run(*in_transaction, "BEGIN; SELECT count(*) FROM raw.readings");
  const uint64_t before = engine_->database().current()->number;
  SpoilOnCall(engine_->database());
  EXPECT_EQ(StateOf("SELECT varve_spoil()"), "XX000");
  EXPECT_EQ(engine_->database().current()->number, before + 1);
  EXPECT_EQ(Run("SELECT device FROM raw.readings"), (Rows{{"a"}}));
  EXPECT_EQ(Run(*other, "SELECT device FROM raw.readings"), (Rows{{"a"}}));
  EXPECT_EQ(SqlStateOf(Try(*other, "SELECT * FROM mine")), "42P01");
  EXPECT_EQ(SqlStateOf(Try(*in_transaction, "SELECT 1")), "XX000");
  EXPECT_EQ(in_transaction->transaction_state(), TransactionState::kFailed);
  Run(*in_transaction, "ROLLBACK; SELECT 1");
  Run("INSERT INTO raw.readings (timestamp, device) VALUES ('2026-11-02', 'b')");
  EXPECT_EQ(Run(*in_transaction, "SELECT count(*) FROM raw.readings"), (Rows{{"2"}}));
}

}  // namespace
}  // namespace varve::engine
