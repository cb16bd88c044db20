#include "engine/access_guard.h"

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

class AccessGuardTest : public DialectTest {
 protected:
  AccessGuardTest() {
    RunInternal("CREATE SCHEMA varve_internal");
    RunInternal("CREATE TABLE varve_internal.tables (id INTEGER)");
    RunInternal("CREATE TABLE t (a INTEGER, b VARCHAR)");
  }
};

// Each must be refused before it opens anything: the files named here exist on every machine.
TEST_F(AccessGuardTest, NothingReachesOutside) {
  const char* attempts[] = {
      // Table functions over files, in every place where a query may stand.
      "SELECT * FROM read_csv('/etc/passwd')",
      "SELECT * FROM read_csv_auto('/etc/passwd')",
      "SELECT * FROM read_text('/etc/passwd')",
      "SELECT * FROM read_blob('/etc/passwd')",
      "SELECT * FROM read_json('/etc/passwd')",
      "SELECT * FROM read_json_auto('/etc/passwd')",
      "SELECT * FROM read_ndjson('/etc/passwd')",
      "SELECT * FROM read_parquet('/etc/passwd')",
      "SELECT * FROM parquet_scan('/etc/passwd')",
      "SELECT * FROM parquet_metadata('/etc/passwd')",
      "SELECT * FROM read_duckdb('/etc/passwd')",
      "SELECT * FROM glob('/etc/*')",
      "SELECT * FROM sniff_csv('/etc/passwd')",
      "FROM read_text('/etc/passwd')",
      "SELECT * FROM \"read_text\"('/etc/passwd')",
      "SELECT * FROM \"READ_Text\"('/etc/passwd')",
      "SELECT * FROM main.read_text('/etc/passwd')",
      "SELECT * FROM system.main.read_text('/etc/passwd')",
      "SELECT * FROM read_text(E'/etc/pass\\x77d')",
      "SELECT * FROM read_text('/etc/' || 'passwd')",
      "SELECT * FROM t, read_text('/etc/passwd')",
      "SELECT * FROM t JOIN read_text('/etc/passwd') r ON true",
      "SELECT * FROM t, LATERAL read_text(t.b)",
      "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
      "WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT size FROM read_text('/etc/p')) TABLE x",
      "SELECT (SELECT content FROM read_text('/etc/passwd'))",
      "SELECT 1 WHERE EXISTS (SELECT 1 FROM read_text('/etc/passwd'))",
      "SELECT 1 ORDER BY (SELECT content FROM read_text('/etc/passwd'))",
      "SELECT 1 LIMIT (SELECT size FROM read_text('/etc/passwd'))",
      "SELECT 1 UNION ALL SELECT size FROM read_text('/etc/passwd')",
      "SELECT a FROM t GROUP BY a HAVING a > (SELECT max(size) FROM read_text('/etc/passwd'))",
      "SELECT sum(a) FILTER (WHERE a > (SELECT max(size) FROM read_text('/etc/passwd'))) FROM t",
      "SELECT sum(a) OVER (ORDER BY (SELECT max(size) FROM read_text('/etc/passwd'))) FROM t",
      "INSERT INTO t (b) SELECT content FROM read_text('/etc/passwd')",
      "INSERT INTO t VALUES (1, (SELECT content FROM read_text('/etc/passwd')))",
      "INSERT INTO t VALUES (1, 'x') RETURNING (SELECT content FROM read_text('/etc/passwd'))",
      "UPDATE t SET b = (SELECT content FROM read_text('/etc/passwd'))",
      "DELETE FROM t WHERE b = (SELECT content FROM read_text('/etc/passwd'))",
      "DELETE FROM t USING read_text('/etc/passwd') r WHERE true",
      "CREATE TABLE x AS SELECT * FROM read_text('/etc/passwd')",
      "CREATE VIEW x AS SELECT * FROM read_text('/etc/passwd')",
      "CREATE TABLE x (a text DEFAULT (SELECT content FROM read_text('/etc/passwd')))",
      "CREATE TABLE x (a text DEFAULT getenv('HOME'))",
      "CREATE TABLE x (a text, CHECK (a <> getenv('HOME')))",
      "ALTER TABLE t ALTER b SET DEFAULT getenv('HOME')",
      "ALTER TABLE t ADD COLUMN c text DEFAULT getenv('HOME')",
      "CREATE MACRO m() AS (SELECT content FROM read_text('/etc/passwd'))",
      "CREATE MACRO m(x) AS TABLE SELECT * FROM read_text(x)",
      "CREATE FUNCTION m() AS getenv('HOME')",
      "CREATE TYPE mood AS ENUM (SELECT content FROM read_text('/etc/passwd'))",
      "PREPARE p AS SELECT * FROM read_text($1)",
      "EXPLAIN SELECT * FROM read_text('/etc/passwd')",
      "EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')",
      "DESCRIBE SELECT * FROM read_text('/etc/passwd')",
      "SUMMARIZE SELECT * FROM read_text('/etc/passwd')",
      // Statements.
      "COPY t TO '/tmp/varve-guard-test.csv'",
      "COPY (SELECT 1) TO '/tmp/varve-guard-test.parquet' (FORMAT parquet)",
      "COPY t FROM '/etc/passwd'",
      "EXPLAIN COPY t TO '/tmp/varve-guard-test.csv'",
      "ATTACH '/tmp/varve-guard-test.db'",
      "ATTACH ':memory:' AS other",
      "DETACH memory",
      "INSTALL httpfs",
      "LOAD httpfs",
      "LOAD '/tmp/x.duckdb_extension'",
      "EXPORT DATABASE '/tmp/varve-guard-test'",
      "IMPORT DATABASE '/tmp/varve-guard-test'",
      "PRAGMA database_list",
      "PRAGMA enable_profiling",
      "CALL pragma_version()",
      "CALL force_checkpoint()",
      "CHECKPOINT",
      "UPDATE EXTENSIONS",
      "CREATE SECRET s (TYPE s3, KEY_ID 'k', SECRET 's')",
      "COPY FROM DATABASE memory TO memory",
      "USE memory",
      // Settings.
      "SET memory_limit = '1GB'",
      "SET GLOBAL enable_external_access = true",
      "SET allowed_directories = ['/']",
      "SET threads = 1",
      "SET temp_directory = '/tmp'",
      "SET VARIABLE x = 1",
      "RESET memory_limit",
      "SET search_path = 'varve_internal'",
      "SELECT getvariable('x')",
      "SELECT * FROM duckdb_settings()",
      "SELECT * FROM duckdb_settings",
      "SELECT * FROM pg_catalog.pg_settings",
      "SELECT * FROM duckdb_databases",
      "SELECT * FROM duckdb_secrets()",
      "SELECT * FROM duckdb_logs",
      "SELECT * FROM pragma_database_list",
      "SELECT getenv('HOME')",
      // SQL inside text.
      "SELECT * FROM query('SELECT 1')",
      "SELECT * FROM query_table('t')",
      "SELECT json_serialize_plan('SELECT * FROM read_text(''/etc/passwd'')')",
      "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
      "PRAGMA json_execute_serialized_sql('{}')",
      "SELECT write_log('x')",
      // The engine's own tables.
      "SELECT * FROM varve_internal.tables",
      "SELECT * FROM memory.varve_internal.tables",
      "SELECT * FROM \"Varve_Internal\".tables",
      "INSERT INTO varve_internal.tables VALUES (1)",
      "UPDATE varve_internal.tables SET id = 1",
      "DELETE FROM varve_internal.tables",
      "DROP TABLE varve_internal.tables",
      "DROP SCHEMA varve_internal CASCADE",
      "ALTER TABLE varve_internal.tables ADD COLUMN x int",
      "CREATE TABLE varve_internal.x (a int)",
      "CREATE VIEW v AS SELECT * FROM varve_internal.tables",
      "DESCRIBE varve_internal.tables",
  };
  for (const char* attempt : attempts) EXPECT_EQ(Answer(attempt), "42501") << attempt;
}

// Refused for other, documented reasons: there is no such thing here.
TEST_F(AccessGuardTest, FilesAreNotTables) {
  EXPECT_EQ(Answer("SELECT * FROM '/etc/passwd'"), "42P01");
  EXPECT_EQ(Answer("SELECT * FROM '/etc/passwd.csv'"), "42P01");
  EXPECT_EQ(Answer("SELECT * FROM \"/etc/hosts.json\""), "42P01");
  EXPECT_EQ(Answer("SELECT current_setting('secret_directory')"), "42704");
  EXPECT_EQ(Answer("MERGE INTO t USING t s ON true WHEN MATCHED THEN DELETE"), "0A000");
  EXPECT_EQ(Answer("SELECT * FROM public.read_text('/etc/passwd')"), "42883");
}

// What the parsed statement does not show is seen in the plan.
TEST_F(AccessGuardTest, PlansAreCheckedToo) {
  RunInternal("CREATE VIEW hidden AS SELECT * FROM varve_internal.tables");
  EXPECT_EQ(Answer("SELECT * FROM hidden"), "42501");
  RunInternal("CREATE MACRO settings() AS TABLE SELECT * FROM duckdb_settings()");
  RunInternal("CREATE MACRO home() AS json_serialize_sql('SELECT 1')");
  EXPECT_EQ(Answer("SELECT home()"), "42501");
  RunInternal("CREATE VIEW tuning AS SELECT * FROM settings()");
  EXPECT_EQ(Answer("SELECT * FROM tuning"), "42501");
}

TEST_F(AccessGuardTest, HonestStatementsPass) {
  const char* statements[] = {
      "SELECT 1",
      "SELECT * FROM t",
      "SELECT * FROM generate_series(1, 3)",
      "SELECT * FROM unnest(ARRAY[1, 2]) AS u",
      "SELECT unnest(ARRAY[1, 2])",
      "SELECT * FROM json_each('[1,2]'::json)",
      "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) TABLE n",
      "INSERT INTO t VALUES (1, 'read_csv')",
      "SELECT 'COPY t TO ''/tmp/x''' AS text",
      "UPDATE t SET a = 2",
      "DELETE FROM t WHERE a = 2",
      "CREATE TABLE u (a int DEFAULT 1, CHECK (a > 0))",
      "CREATE VIEW w AS SELECT a FROM t",
      "SELECT * FROM w",
      "CREATE SCHEMA s",
      "CREATE MACRO twice(x) AS x * 2",
      "SELECT twice(2)",
      "ALTER TABLE u ADD COLUMN b text",
      "DROP TABLE u",
      "EXPLAIN SELECT * FROM t",
      "PREPARE p AS SELECT a FROM t WHERE a = $1",
      "EXECUTE p(1)",
      "DEALLOCATE p",
      "BEGIN",
      "COMMIT",
      "SET timezone = 'UTC'",
      "ANALYZE",
      "SELECT * FROM information_schema.tables",
      "SELECT * FROM information_schema.columns",
      "SELECT * FROM pg_catalog.pg_class",
      "SELECT * FROM pg_catalog.pg_type",
      "SELECT * FROM pg_catalog.pg_namespace",
      "SELECT * FROM pg_catalog.pg_tables",
      "DESCRIBE t",
      "SELECT pg_sleep(0)",
  };
  for (const char* statement : statements) {
    const auto result = Run(statement);
    EXPECT_TRUE(result.ok()) << statement << ": " << SqlStateOf(result.status()) << " "
                             << MessageOf(result.status());
  }
}

}  // namespace
}  // namespace varve::engine
