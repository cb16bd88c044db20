#include "engine/session.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/clock.h"
#include "engine/testing/engine_fixture.h"

namespace varve::engine {
namespace {

class SessionTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Run("CREATE TABLE t (timestamp timestamptz NOT NULL, k text, v bigint)");
  }

  std::shared_ptr<Statement> Parse(const std::string& sql) {
    auto statements = session_->Parse(sql);
    EXPECT_TRUE(statements.ok()) << statements.status();
    return statements->at(0);
  }
  Rows Fetch(ResultStream& stream) {
    Rows rows;
    for (;;) {
      auto chunk = stream.Fetch();
      EXPECT_TRUE(chunk.ok()) << chunk.status();
      if (!chunk.ok() || !*chunk) return rows;
      for (uint32_t r = 0; r < (*chunk)->rows; r++) {
        auto& row = rows.emplace_back();
        for (const auto& column : (*chunk)->columns) row.push_back(CellText(column, r));
      }
    }
  }
  std::string Count(Session& session) { return Run(session, "SELECT count(*) FROM t")[0][0]; }

  static constexpr const char* kInsert =
      "INSERT INTO t (timestamp, k, v) VALUES ('2026-11-01', 'a', 1)";
};

TEST_F(SessionTest, TransactionsShowTheirOwnRowsOnlyToThemselves) {
  auto other = NewSession();
  Run("BEGIN");
  Run(kInsert);
  EXPECT_EQ(session_->transaction_state(), TransactionState::kActive);
  EXPECT_EQ(Count(*session_), "1");
  EXPECT_EQ(Count(*other), "0");
  Run(kInsert);
  EXPECT_EQ(Tag("COMMIT"), "COMMIT");
  EXPECT_EQ(Count(*other), "2");
  Run("BEGIN");
  Run(kInsert);
  EXPECT_EQ(Tag("ROLLBACK"), "ROLLBACK");
  EXPECT_EQ(Count(*session_), "2");
  EXPECT_EQ(writer_->last(), Lsn(1));  // both rows in one write
}

TEST_F(SessionTest, AFailedTransactionRefusesAllButItsEnd) {
  Run("BEGIN");
  Run(kInsert);
  EXPECT_EQ(StateOf("SELECT nothing FROM t"), "42703");
  EXPECT_EQ(session_->transaction_state(), TransactionState::kFailed);
  EXPECT_EQ(StateOf("SELECT 1"), "25P02");
  EXPECT_EQ(StateOf("BEGIN"), "25P02");
  EXPECT_EQ(Tag("COMMIT"), "ROLLBACK");
  EXPECT_EQ(session_->transaction_state(), TransactionState::kIdle);
  EXPECT_EQ(Count(*session_), "0");
}

TEST_F(SessionTest, UpkeepOfPostgresIsAnsweredUnderItsName) {
  EXPECT_EQ(Tag("VACUUM"), "VACUUM");
  EXPECT_EQ(Tag("ANALYZE"), "ANALYZE");
  EXPECT_EQ(Tag("VACUUM ANALYZE"), "VACUUM");
}

TEST_F(SessionTest, ACommitThatTheLogRefusesKeepsNothing) {
  Run("BEGIN; CREATE TABLE u (timestamp timestamptz)");
  Run(kInsert);
  writer_->fail_with = SqlError(sqlstate::kDiskFull, "the log is full");
  EXPECT_EQ(StateOf("COMMIT"), "53100");
  EXPECT_EQ(StateOf(kInsert), "53100");
  writer_->fail_with = OkStatus();
  EXPECT_EQ(session_->transaction_state(), TransactionState::kIdle);
  EXPECT_EQ(Count(*session_), "0");
  EXPECT_EQ(StateOf("SELECT * FROM u"), "42P01");
  EXPECT_EQ(catalog_->Find({"public", "u"}), nullptr);
}

TEST_F(SessionTest, ACommitThatTheDefinitionsRefuseKeepsNothing) {
  Run("CREATE SCHEMA s2");
  auto other = NewSession();
  for (const char* definition :
       {"CREATE TABLE s2.n (timestamp timestamptz)", "CREATE VIEW s2.n AS SELECT 1"}) {
    Run("BEGIN");
    Run(kInsert);
    Run(definition);
    Run(*other, "DROP SCHEMA s2 CASCADE");
    EXPECT_NE(StateOf("COMMIT"), "") << definition;
    EXPECT_EQ(session_->transaction_state(), TransactionState::kIdle);
    EXPECT_EQ(Count(*session_), "0") << definition;
    EXPECT_EQ(catalog_->Find({"s2", "n"}), nullptr);
    Run("CREATE SCHEMA s2");
  }
  Run(kInsert);
  EXPECT_EQ(Count(*session_), "1");
}

TEST_F(SessionTest, DefinitionsTakePartInTransactions) {
  auto other = NewSession();
  Run("BEGIN; CREATE TABLE u (timestamp timestamptz, a text)");
  Run("INSERT INTO u (timestamp, a) VALUES ('2026-11-01', 'x')");
  Run("ALTER TABLE u ADD COLUMN b text");
  Run("INSERT INTO u (timestamp, b) VALUES ('2026-11-02', 'y')");
  EXPECT_EQ(Run("SELECT a, b FROM u ORDER BY timestamp"), (Rows{{"x", "NULL"}, {"NULL", "y"}}));
  EXPECT_NE(session_->FindTable(std::nullopt, "u"), nullptr);
  EXPECT_EQ(other->FindTable(std::nullopt, "u"), nullptr);
  EXPECT_EQ(SqlStateOf(Try(*other, "SELECT * FROM u")), "42P01");
  Run("COMMIT");
  EXPECT_EQ(Run(*other, "SELECT a, b FROM u ORDER BY timestamp"),
            (Rows{{"x", "NULL"}, {"NULL", "y"}}));
  Run("BEGIN; DROP TABLE u");
  EXPECT_EQ(session_->FindTable(std::nullopt, "u"), nullptr);
  EXPECT_EQ(Run(*other, "SELECT count(*) FROM u"), (Rows{{"2"}}));
  Run("ROLLBACK");
  EXPECT_EQ(Run("SELECT count(*) FROM u"), (Rows{{"2"}}));
  Run("BEGIN; CREATE TABLE gone (timestamp timestamptz); DROP TABLE gone; COMMIT");
  EXPECT_EQ(catalog_->Find({"public", "gone"}), nullptr);
}

TEST_F(SessionTest, ATableMayBeMadeAnewInTheTransactionThatDropsIt) {
  Run(kInsert);
  Run("BEGIN; DROP TABLE t; CREATE TABLE t (timestamp timestamptz, w text)");
  Run("INSERT INTO t (timestamp, w) VALUES ('2026-11-01', 'new')");
  EXPECT_EQ(Tag("COMMIT"), "COMMIT");
  EXPECT_EQ(Run("SELECT w FROM t"), (Rows{{"new"}}));
  Stop();
  Start();
  EXPECT_EQ(Run("SELECT count(w) FROM t"), (Rows{{"0"}}));  // this fixture has no log
}

TEST_F(SessionTest, ASchemaIsDroppedWithItsTablesInWhateverCaseItIsWritten) {
  Run("CREATE TABLE \"RAW\".t (timestamp timestamptz)");
  Run("DROP SCHEMA \"Raw\" CASCADE");
  Run("CREATE SCHEMA raw");
  Run("CREATE TABLE raw.t (timestamp timestamptz)");
  EXPECT_EQ(Run("SELECT count(*) FROM varve.tables WHERE table_name = 't' AND schema_name = 'raw'"),
            (Rows{{"1"}}));
}

TEST_F(SessionTest, TheSearchPathOpensNoReservedSchema) {
  EXPECT_EQ(StateOf("SET search_path = varve_internal"), "42501");
  EXPECT_EQ(StateOf("SET search_path = 'public, Varve_Internal'"), "42501");
  EXPECT_EQ(StateOf("DROP TABLE dropped"), "42P01");
  Run("SET search_path = varve");
  EXPECT_EQ(Run("SELECT count(*) FROM tables").size(), 1u);
  for (const char* sql :
       {"DROP VIEW tables", "ALTER VIEW tables RENAME TO x", "COMMENT ON VIEW tables IS 'x'",
        "CREATE VIEW x AS SELECT 1", "CREATE TABLE x (timestamp timestamptz)", "CREATE SEQUENCE x",
        "CREATE MACRO x() AS 1", "DROP MACRO flush", "CREATE TYPE x AS ENUM ('a')"}) {
    EXPECT_EQ(StateOf(sql), "42501") << sql;
  }
  Run("CREATE TEMP TABLE x (a int)");
}

TEST_F(SessionTest, ExplainRunsNoDefinition) {
  for (const char* sql :
       {"EXPLAIN ANALYZE DROP TABLE t", "EXPLAIN ANALYZE CREATE TABLE u (a int)",
        "EXPLAIN ANALYZE ALTER TABLE t ADD COLUMN x int", "EXPLAIN ANALYZE DROP SCHEMA raw"}) {
    EXPECT_EQ(StateOf(sql), "0A000") << sql;
  }
  Run("EXPLAIN ANALYZE INSERT INTO t SELECT '2026-11-01'::timestamptz, 'a', 1");
  EXPECT_EQ(Run("SELECT k, v FROM t"), (Rows{{"a", "1"}}));
}

TEST_F(SessionTest, ATableIsReplacedInOneTransactionOrNotAtAll) {
  Run(kInsert);
  const TableId first = catalog_->Find({"public", "t"})->id;
  const std::string replace =
      "BEGIN; DROP TABLE t; CREATE TABLE t (timestamp timestamptz, c integer); "
      "INSERT INTO t (timestamp, c) VALUES ('2026-11-05', 5)";
  Run(replace);
  writer_->fail_with = SqlError(sqlstate::kDiskFull, "for a test");
  EXPECT_EQ(StateOf("COMMIT"), "53100");
  writer_->fail_with = OkStatus();
  ASSERT_NE(catalog_->Find({"public", "t"}), nullptr);
  EXPECT_EQ(catalog_->Find({"public", "t"})->id, first);
  EXPECT_EQ(Count(*session_), "1");
  Run(replace);
  Run("COMMIT");
  EXPECT_GT(catalog_->Find({"public", "t"})->id, first);
  EXPECT_EQ(Run("SELECT c FROM t"), (Rows{{"5"}}));
  EXPECT_EQ(buffer_->Snapshot()->count(first), 0u);
}

TEST_F(SessionTest, AWriteToATableThatIsGoneIsRefused) {
  const TableRef table = catalog_->Find({"public", "t"});
  auto other = NewSession();
  Run("BEGIN");
  Run(kInsert);
  Run(*other, "DROP TABLE t; CREATE TABLE t (timestamp timestamptz, k text, v integer)");
  EXPECT_EQ(StateOf("COMMIT"), "42P01");
  EXPECT_EQ(Count(*session_), "0");
  // As a COPY that began before the table was dropped.
  Batch batch;
  Status written;
  session_->WriteRows({table, std::make_shared<const Batch>(std::move(batch))},
                      [&](Status status) { written = std::move(status); });
  EXPECT_EQ(SqlStateOf(written), "42P01");
}

TEST_F(SessionTest, RowsOfTheFastPathFollowTheTransaction) {
  const auto rows = [&] {
    Batch batch;
    batch.rows = 1;
    const auto table = session_->FindTable(std::nullopt, "t");
    ColumnBuilder time(table->columns[0].type);
    time.AppendFixed<int64_t>(0);
    batch.ids.push_back(table->columns[0].id);
    batch.columns.push_back(time.Finish());
    return TableRows{table, std::make_shared<const Batch>(std::move(batch))};
  };
  Status done = Internal("not called");
  const auto note = [&](Status status) { done = std::move(status); };
  session_->WriteRows(rows(), note);
  EXPECT_TRUE(done.ok()) << done;
  EXPECT_EQ(Count(*session_), "1");
  ASSERT_TRUE(session_->BeginImplicit().ok());
  session_->WriteRows(rows(), note);
  EXPECT_EQ(session_->transaction_state(), TransactionState::kIdle);
  auto other = NewSession();
  EXPECT_EQ(Count(*other), "1");
  EXPECT_EQ(Count(*session_), "2");
  session_->CommitImplicit(note);
  EXPECT_TRUE(done.ok()) << done;
  EXPECT_EQ(Count(*other), "2");
  ASSERT_TRUE(session_->BeginImplicit().ok());
  session_->WriteRows(rows(), note);
  session_->NoteFailure();
  session_->WriteRows(rows(), note);
  EXPECT_EQ(SqlStateOf(done), "25P02");
  session_->RollbackImplicit();
  EXPECT_EQ(Count(*session_), "2");
}

TEST_F(SessionTest, ParametersAreInferredAndBound) {
  const auto statement =
      Parse("SELECT k, v + $2 AS sum, $3 AS free FROM t WHERE timestamp >= $1 ORDER BY k");
  auto described = session_->Describe(statement, {});
  ASSERT_TRUE(described.ok()) << described.status();
  ASSERT_EQ(described->parameters.size(), 3u);
  EXPECT_EQ(described->parameters[0], Type(TypeKind::kTimestampTz));
  EXPECT_EQ(described->parameters[2], Type(TypeKind::kText));
  ASSERT_EQ(described->columns.size(), 3u);
  EXPECT_EQ(described->columns[0].name, "k");
  Run(kInsert);
  auto stream = session_->Execute(statement, {}, {{"2026-01-01 00:00:00+00"}, {"41"}, {"x"}});
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(Fetch(**stream), (Rows{{"a", "42", "x"}}));
  EXPECT_EQ((*stream)->command_tag(), "SELECT 1");
  stream = session_->Execute(statement, {}, {std::nullopt, {"41"}, {"x"}});
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(Fetch(**stream), Rows());
  stream = session_->Execute(statement, {}, {{"yesterday or so"}, {"41"}, {"x"}});
  EXPECT_EQ(SqlStateOf(stream.status()), "22007");
  stream = session_->Execute(statement, {}, {{"2026-01-01"}, {"many"}, {"x"}});
  EXPECT_EQ(SqlStateOf(stream.status()), "22P02");
  const auto any = Parse("SELECT count(*) FROM t WHERE k = ANY($1)");
  stream = session_->Execute(any, {Type::List(Type(TypeKind::kText))}, {{"{a,\"b,c\",NULL}"}});
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(Fetch(**stream), (Rows{{"1"}}));
}

TEST_F(SessionTest, APreparedStatementSeesRowsThatCameLater) {
  const auto statement = Parse("SELECT count(*) FROM t WHERE k = $1");
  for (int expected = 0; expected < 3; expected++) {
    auto stream = session_->Execute(statement, {}, {{"a"}});
    ASSERT_TRUE(stream.ok()) << stream.status();
    EXPECT_EQ(Fetch(**stream), (Rows{{std::to_string(expected)}}));
    Run(kInsert);
  }
  Flush("public", "t");
  auto stream = session_->Execute(statement, {}, {{"a"}});
  EXPECT_EQ(Fetch(**stream), (Rows{{"3"}}));
  Run("PREPARE p AS SELECT count(*) + $1 FROM t");
  EXPECT_EQ(Run("EXECUTE p(10)"), (Rows{{"13"}}));
  Run(kInsert);
  EXPECT_EQ(Run("EXECUTE p(10)"), (Rows{{"14"}}));
  EXPECT_EQ(StateOf("EXECUTE p"), "42601");
  EXPECT_EQ(StateOf("PREPARE p AS SELECT 1"), "42P05");
  EXPECT_EQ(Tag("DEALLOCATE p"), "DEALLOCATE");
  EXPECT_EQ(StateOf("EXECUTE p(1)"), "26000");
}

TEST_F(SessionTest, AnOlderResultStaysReadableBesideANewStatement) {
  Run("INSERT INTO t (timestamp, v) SELECT timestamptz '2026-11-01' + to_seconds(x), x FROM "
      "range(20000) r(x)");
  auto stream = session_->Execute(Parse("SELECT v FROM t"), {}, {});
  ASSERT_TRUE(stream.ok()) << stream.status();
  auto first = (*stream)->Fetch();
  ASSERT_TRUE(first.ok() && *first);
  Run(kInsert);
  EXPECT_EQ(Count(*session_), "20001");
  EXPECT_EQ((*first)->rows + Fetch(**stream).size(), 20000u);
  EXPECT_EQ((*stream)->command_tag(), "SELECT 20000");
}

TEST_F(SessionTest, CancelAndTimeoutStopAStatement) {
  const std::string slow = "SELECT count(*) FROM range(100000000000) a(x) WHERE x % 7 = 8";
  std::atomic<bool> ended = false;
  std::thread canceller([&] {
    while (!ended) {  // A cancel before the statement runs has nothing to stop.
      session_->Cancel();
      std::this_thread::yield();
    }
  });
  const Status cancelled = Try(slow);
  ended = true;
  canceller.join();
  EXPECT_EQ(SqlStateOf(cancelled), "57014");
  ASSERT_TRUE(session_->SetOption("statement_timeout", "50ms").ok());
  const Status late = Try(slow);
  EXPECT_EQ(SqlStateOf(late), "57014");
  EXPECT_NE(MessageOf(late).find("timeout"), std::string_view::npos) << late;
  EXPECT_EQ(Run("SELECT 1"), (Rows{{"1"}}));
}

TEST_F(SessionTest, SettingsAreTheSessionsOwn) {
  auto other = NewSession();
  Run("SET TimeZone = 'America/New_York'");
  EXPECT_EQ(Run("SELECT timestamptz '2026-01-01 00:00:00+00'::text"),
            (Rows{{"2025-12-31 19:00:00-05"}}));
  EXPECT_EQ(Run(*other, "SELECT timestamptz '2026-01-01 00:00:00+00'::text"),
            (Rows{{"2026-01-01 00:00:00+00"}}));
  EXPECT_EQ(Run("SHOW timezone"), (Rows{{"America/New_York"}}));
  EXPECT_EQ(Tag("RESET TimeZone"), "RESET");
  EXPECT_EQ(*session_->GetOption("TimeZone"), "UTC");
  EXPECT_EQ(SqlStateOf(session_->SetOption("TimeZone", "Nowhere/Land")), "22023");
  EXPECT_EQ(SqlStateOf(session_->SetOption("no_such", "1")), "42704");
  EXPECT_EQ(SqlStateOf(session_->GetOption("no_such").status()), "42704");
  Run("CREATE TABLE raw.only_raw (timestamp timestamptz)");
  EXPECT_EQ(session_->FindTable(std::nullopt, "only_raw"), nullptr);
  ASSERT_TRUE(session_->SetOption("search_path", "raw, public").ok());
  EXPECT_NE(session_->FindTable(std::nullopt, "only_raw"), nullptr);
  EXPECT_EQ(Run("SELECT count(*) FROM only_raw"), (Rows{{"0"}}));
  EXPECT_EQ(StateOf("SET memory_limit = '1GB'"), "42501");
  EXPECT_EQ(StateOf("PRAGMA database_list"), "42501");
}

TEST_F(SessionTest, ATemporaryTableHidesOneOfOurs) {
  Run(kInsert);
  Run("CREATE TEMP TABLE t AS SELECT 5 AS k");
  EXPECT_EQ(Run("SELECT k FROM t"), (Rows{{"5"}}));
  EXPECT_EQ(session_->FindTable(std::nullopt, "t"), nullptr);
  Run("INSERT INTO t VALUES (6)");
  EXPECT_EQ(Run("SELECT count(*) FROM public.t"), (Rows{{"1"}}));
}

TEST_F(SessionTest, ReadersCountEveryRowOnceWhileRowsMoveToFiles) {
  std::atomic<bool> stop{false};
  std::atomic<int64_t> written{0};
  std::atomic<int64_t> reads{0};
  std::thread writer([&] {
    auto session = NewSession();
    while (!stop) {
      Run(*session,
          "INSERT INTO t (timestamp, v) SELECT timestamptz '2026-11-01' + to_seconds(x), 1 FROM "
          "range(100) r(x)");
      written += 100;
    }
  });
  std::thread flusher([&] {
    for (int i = 0; (i < 12 || reads < 20) && !HasFailure(); i++) Flush("public", "t");
    stop = true;
  });
  auto reader = NewSession();
  while (!stop) {
    const int64_t before = written;
    const auto row = Run(*reader, "SELECT count(*), sum(v), count(DISTINCT timestamp) FROM t")[0];
    const int64_t count = std::stoll(row[0]);
    ASSERT_GE(count, before);
    ASSERT_EQ(count % 100, 0) << "a statement's rows are seen whole or not at all";
    ASSERT_EQ(row[1], count > 0 ? row[0] : "NULL");
    reads++;
  }
  writer.join();
  flusher.join();
  EXPECT_EQ(Count(*reader), std::to_string(written.load()));
  EXPECT_GE(reads, 20);
}

TEST_F(SessionTest, AnIdleSessionHoldsNoRows) {
  Run(kInsert);
  EXPECT_EQ(Count(*session_), "1");
  EXPECT_GT(budget_->used(), 0u);
  Flush("public", "t");
  EXPECT_EQ(budget_->used(), 0u);
}

TEST_F(SessionTest, AReaderEndsWellWhileItsTableIsDropped) {
  for (int day = 1; day <= 4; day++) {
    Run(fmt::format(
        "INSERT INTO t (timestamp, v) SELECT timestamptz '2026-11-0{}' + to_seconds(x), "
        "x FROM range(50000) r(x)",
        day));
  }
  Flush("public", "t");
  const std::string folder = catalog_->Find({"public", "t"})->location + "/";
  auto stream = session_->Execute(Parse("SELECT v FROM t"), {}, {});
  ASSERT_TRUE(stream.ok()) << stream.status();
  auto first = (*stream)->Fetch();
  ASSERT_TRUE(first.ok() && *first);
  auto other = NewSession();
  // The reader's version of the table is not the last one.
  Run(*other, kInsert);
  Flush("public", "t");
  Run(*other, "DROP TABLE t");
  const auto in_use = engine_->DeleteDroppedFolders();
  EXPECT_TRUE(in_use.ok()) << in_use;
  EXPECT_FALSE(store_->List(folder)->empty());
  EXPECT_EQ((*first)->rows + Fetch(**stream).size(), 200'000u);
  stream->reset();
  const auto unused = engine_->DeleteDroppedFolders();
  EXPECT_TRUE(unused.ok()) << unused;
  EXPECT_TRUE(store_->List(folder)->empty());
}

TEST_F(SessionTest, TemporaryTablesAndOursShareATransaction) {
  Run("BEGIN; CREATE TEMP TABLE w AS SELECT 'a' AS k, 7 AS n");
  Run(kInsert);
  Run("INSERT INTO w VALUES ('b', 8)");
  EXPECT_EQ(Run("SELECT n FROM t JOIN w USING (k)"), (Rows{{"7"}}));
  Run("COMMIT");
  EXPECT_EQ(Run("SELECT n FROM t JOIN w USING (k)"), (Rows{{"7"}}));
}

TEST_F(SessionTest, ErrorsPointIntoTheStatement) {
  const Status status = Try("SELECT k, nothing FROM t");
  EXPECT_EQ(SqlStateOf(status), "42703");
  EXPECT_EQ(PositionOf(status), std::optional<size_t>(11));
  EXPECT_EQ(StateOf("SELEC 1"), "42601");
  EXPECT_EQ(StateOf("SELECT 1 / 0"), "22012");
}

// Records what planning costs; the bounds are wide because tests share their machine.
TEST_F(SessionTest, AnswersOfNothingAreQuick) {
  Run("INSERT INTO t (timestamp, k, v) SELECT timestamptz '2026-11-01' + to_seconds(x * 30), 'k' "
      "|| "
      "(x % 9), x FROM range(50000) r(x)");
  Flush("public", "t");
  Run(kInsert);
  int measured = 0;
  for (const char* sql : {"SELECT 1", "SELECT * FROM t WHERE timestamp > '2030-01-01'",
                          "SELECT * FROM t WHERE k = 'none' AND timestamp > '2026-11-17'"}) {
    const auto statement = Parse(sql);
    std::vector<int64_t> times;
    for (int i = 0; i < 50; i++) {
      const int64_t start = Clock::System().MonotonicUs();
      auto stream = session_->Execute(statement, {}, {});
      ASSERT_TRUE(stream.ok()) << stream.status();
      Fetch(**stream);
      times.push_back(Clock::System().MonotonicUs() - start);
    }
    std::nth_element(times.begin(), times.begin() + 25, times.end());
    RecordProperty(fmt::format("median_us_{}", measured++), static_cast<int>(times[25]));
    EXPECT_LT(times[25], 20'000) << sql;
  }
}

TEST_F(SessionTest, ATransactionThatOutgrowsItsLimitIsRefused) {
  Stop();
  options_.transaction_bytes_max = 100'000;
  Start();
  EXPECT_EQ(StateOf("INSERT INTO t (timestamp, v) SELECT timestamptz '2026-11-01', x FROM "
                    "range(100000) r(x)"),
            "54000");
  Run("BEGIN");
  const std::string some =
      "INSERT INTO t (timestamp, v) SELECT timestamptz '2026-11-01', x FROM range(2000) r(x)";
  Run(some);
  Status last;
  for (int i = 0; i < 10 && last.ok(); i++) last = Try(some);
  EXPECT_EQ(SqlStateOf(last), "54000");
  Run("ROLLBACK");
  EXPECT_EQ(Count(*session_), "0");
}

}  // namespace
}  // namespace varve::engine
