#include "engine/ring_tables.h"

#include <fmt/ranges.h>

#include "engine/database.h"
#include "engine/definition_codec.h"
#include "engine/meta_store.h"
#include "engine/testing/engine_fixture.h"
#include "engine/testing/rings_for_test.h"

namespace varve::engine {
namespace {

using ring::MetricId;
using ring::MetricType;
using ring::Point;

// Metrics 1 to 5,000; each has samples at 1000, 1010, ... 1090 whose value is the metric's id plus
// a hundredth for each step. The names of 1 and 2 are cpu and errors, of the others m<id>; each has
// the tag host=h<id % 100>. Metric 2 is a counter.
class RingTablesTest : public EngineFixture {
 protected:
  void SetUp() override {
    for (uint32_t id = 1; id <= 5000; id++) {
      ring::Metric metric;
      metric.id = MetricId(id);
      metric.name = id == 1 ? "cpu" : id == 2 ? "errors" : fmt::format("m{}", id);
      metric.tags = {{"host", fmt::format("h{}", id % 100)}};
      metric.type = id == 2 ? MetricType::kCounter : MetricType::kGauge;
      metric.shape = {10, 360};
      std::vector<Point> points;
      for (int i = 0; i < 10; i++) points.push_back({1000 + i * 10, id + i / 100.0});
      store_of_rings_.Add(std::move(metric), std::move(points));
    }
    rings_ = &store_of_rings_;
    EngineFixture::SetUp();
  }

  // The first line of rows, with '|' between columns.
  std::string One(const std::string& sql) {
    const auto rows = Run(sql);
    return rows.empty() ? "" : fmt::format("{}", fmt::join(rows.front(), "|"));
  }
  // What a statement read of the rings.
  std::string ReadBy(const std::string& sql) {
    store_of_rings_.TakeReads();
    Run(sql);
    return store_of_rings_.TakeReads();
  }

  RingsForTest store_of_rings_;
};

TEST_F(RingTablesTest, ShowsSamplesAndMetrics) {
  EXPECT_EQ(Run("SELECT * FROM ring.samples WHERE metric_id = 2 AND ts <= 1010"),
            (Rows{{"2", "1000", "2", "1"}, {"2", "1010", "2.01", "1"}}));
  EXPECT_EQ(Run("SELECT * FROM ring.metrics WHERE metric_id IN (1, 2)"),
            (Rows{{"1", "cpu", "0", "10", "360"}, {"2", "errors", "1", "10", "360"}}));
  EXPECT_EQ(Run("SELECT * FROM ring.metric_tags WHERE metric_id = 205"),
            (Rows{{"205", "host", "h5"}}));
  EXPECT_EQ(One("SELECT count(*), count(DISTINCT metric_id), min(ts), max(ts) FROM ring.samples"),
            "50000|5000|1000|1090");
  EXPECT_EQ(One("SELECT count(*) FROM ring.metrics"), "5000");
  EXPECT_EQ(One("SELECT count(*) FROM ring.metric_tags"), "5000");
}

TEST_F(RingTablesTest, RowsComeByMetricAndTime) {
  const auto rows = Run("SELECT metric_id, ts FROM ring.samples LIMIT 12");
  ASSERT_EQ(rows.size(), 12u);
  EXPECT_EQ(rows[9], (std::vector<std::string>{"1", "1090"}));
  EXPECT_EQ(rows[10], (std::vector<std::string>{"2", "1000"}));
}

TEST_F(RingTablesTest, ReadsOnlyTheRingsAndTimesAskedFor) {
  EXPECT_EQ(ReadBy("SELECT * FROM ring.samples WHERE metric_id = 7"), "7:10");
  EXPECT_EQ(ReadBy("SELECT value FROM ring.samples WHERE metric_id = 7 AND ts = 1020"), "7:1");
  EXPECT_EQ(
      ReadBy("SELECT value FROM ring.samples WHERE metric_id IN (9, 7, 9, 70000) AND ts > 1020 "
             "AND ts < 1050"),
      "7:2 9:2");
  EXPECT_EQ(ReadBy("SELECT value FROM ring.samples WHERE metric_id BETWEEN 4999 AND 6000 AND ts "
                   "BETWEEN 1000 AND 1010"),
            "4999:2 5000:2");
  EXPECT_EQ(ReadBy("SELECT value FROM ring.samples WHERE metric_id = 7 OR metric_id = 9"),
            "7:10 9:10");
  EXPECT_EQ(ReadBy("SELECT value FROM ring.samples WHERE metric_id = ANY('{7,8}') AND 1080 <= ts"),
            "7:2 8:2");
  EXPECT_EQ(ReadBy("SELECT value FROM ring.samples WHERE metric_id = 7 AND ts > 5 AND ts < 5"), "");
  EXPECT_EQ(ReadBy("SELECT value FROM ring.samples WHERE metric_id = 0 OR metric_id = -1"), "");
  EXPECT_EQ(store_of_rings_.TakeListings(), 0);
}

TEST_F(RingTablesTest, TimesMayBeOtherTypes) {
  const std::string of_seven = "SELECT value FROM ring.samples WHERE metric_id = 7 AND ";
  EXPECT_EQ(ReadBy(of_seven + "ts >= 1079.5"), "7:2");
  EXPECT_EQ(ReadBy(of_seven + "ts >= 1080::double precision"), "7:2");
  EXPECT_EQ(ReadBy(of_seven + "ts >= extract(epoch FROM timestamptz '1970-01-01 00:18:00+00')"),
            "7:2");
  EXPECT_EQ(ReadBy(of_seven + "to_timestamp(ts) >= '1970-01-01 00:18:00+00'"), "7:2");
  EXPECT_EQ(ReadBy(of_seven + "to_timestamp(ts) < now() - interval '1 hour'"), "7:10");
  EXPECT_EQ(ReadBy(of_seven + "to_timestamp(ts) > now() - interval '1 hour'"), "7:0");
  EXPECT_EQ(ReadBy(of_seven + "ts < 'infinity'::double precision"), "7:10");
  EXPECT_EQ(ReadBy(of_seven + "ts > '-infinity'::double precision"), "7:10");
  EXPECT_EQ(ReadBy(of_seven + "ts < 1e19 AND ts > -1e300::double precision"), "7:10");
  EXPECT_EQ(ReadBy(of_seven + "ts > 9223372036854775807"), "");
  EXPECT_EQ(Run(of_seven + "ts > 1079.5 AND ts < 1090.5 AND NOT ts = 1080"), (Rows{{"7.09"}}));
}

TEST_F(RingTablesTest, AJoinReadsOnlyWhatItMeets) {
  EXPECT_EQ(ReadBy("SELECT avg(value) FROM ring.samples s JOIN ring.metrics m USING (metric_id) "
                   "WHERE m.name = 'cpu'"),
            "1:10");
  EXPECT_EQ(ReadBy("SELECT avg(value) FROM ring.samples WHERE metric_id IN (SELECT metric_id FROM "
                   "ring.metrics WHERE name = 'errors')"),
            "2:10");
  // More than DuckDB lists in a filter: these are told apart by its Bloom filter.
  store_of_rings_.TakeReads();
  const std::string by_tag =
      "SELECT count(*) FROM ring.samples WHERE metric_id IN (SELECT metric_id FROM "
      "ring.metric_tags WHERE tag_key = 'host' AND tag_value IN ('h3', 'h4'))";
  EXPECT_EQ(One(by_tag), "1000");
  const auto reads = store_of_rings_.TakeReads();
  EXPECT_LE(std::count(reads.begin(), reads.end(), ':'), 500) << reads;
}

TEST_F(RingTablesTest, MetricsAreLookedUp) {
  store_of_rings_.TakeListings();
  EXPECT_EQ(One("SELECT metric_id FROM ring.metrics WHERE name = 'm77'"), "77");
  EXPECT_EQ(One("SELECT count(*) FROM ring.metrics WHERE name IN ('cpu', 'errors', 'none')"), "2");
  EXPECT_EQ(
      One("SELECT count(*) FROM ring.metric_tags WHERE tag_key = 'host' AND tag_value = 'h5'"),
      "50");
  EXPECT_EQ(
      One("SELECT count(*) FROM ring.metric_tags WHERE tag_key = 'none' AND tag_value = 'h5'"),
      "0");
  EXPECT_EQ(One("SELECT name FROM ring.metrics WHERE metric_id = 1 AND name = 'cpu'"), "cpu");
  EXPECT_EQ(One("SELECT count(*) FROM ring.metrics WHERE metric_id = 1 AND name = 'errors'"), "0");
  EXPECT_EQ(store_of_rings_.TakeListings(), 0);
  EXPECT_EQ(One("SELECT count(*) FROM ring.metrics WHERE name LIKE 'm%'"), "4998");
}

TEST_F(RingTablesTest, ExplainShowsWhatIsRead) {
  std::string plan = Explain(
      "SELECT value FROM ring.samples WHERE metric_id IN (1, 2, 3) AND ts >= "
      "1000 AND ts < 2000");
  EXPECT_NE(plan.find("Metrics: 3 of 5000"), std::string::npos) << plan;
  EXPECT_NE(plan.find("ts: [1000, 1999]"), std::string::npos) << plan;
  plan = Explain("SELECT value FROM ring.samples");
  EXPECT_NE(plan.find("Metrics: all 5000"), std::string::npos) << plan;
  EXPECT_NE(plan.find("ts: all"), std::string::npos) << plan;
  plan = Explain("SELECT value FROM ring.samples WHERE ts > 5 AND metric_id > 100");
  EXPECT_NE(plan.find("ts: [6, ]"), std::string::npos) << plan;
  EXPECT_NE(plan.find("[101, ] of 5000"), std::string::npos) << plan;
  plan = Explain("ANALYZE SELECT value FROM ring.samples WHERE metric_id = 5");
  EXPECT_NE(plan.find("Samples Read: 10"), std::string::npos) << plan;
}

TEST_F(RingTablesTest, ParametersArePushedDown) {
  auto parsed = session_->Parse("SELECT ts FROM ring.samples WHERE metric_id = $1 AND ts >= $2");
  ASSERT_TRUE(parsed.ok());
  for (const char* id : {"8", "9"}) {
    store_of_rings_.TakeReads();
    auto result = session_->Execute(parsed->front(), {}, {id, "1090"});
    ASSERT_TRUE(result.ok()) << result.status();
    while (true) {
      auto chunk = (*result)->Fetch();
      ASSERT_TRUE(chunk.ok()) << chunk.status();
      if (!*chunk) break;
    }
    EXPECT_EQ(store_of_rings_.TakeReads(), std::string(id) + ":1");
  }
}

TEST_F(RingTablesTest, ATopNNarrowsTheTimes) {
  EXPECT_EQ(Run("SELECT metric_id, ts FROM ring.samples ORDER BY ts DESC, metric_id LIMIT 2"),
            (Rows{{"1", "1090"}, {"2", "1090"}}));
}

TEST_F(RingTablesTest, JoinsRowsOfTheLake) {
  Run("CREATE TABLE notes (timestamp timestamptz, text varchar)");
  Run("INSERT INTO notes VALUES ('1970-01-01 00:17:30+00', 'deploy'), ('2020-01-01', 'later')");
  EXPECT_EQ(
      Run("SELECT text, value FROM notes JOIN ring.samples s ON to_timestamp(s.ts) = timestamp "
          "WHERE metric_id = 7"),
      (Rows{{"deploy", "7.05"}}));
}

TEST_F(RingTablesTest, IsListedAsOtherSystemTables) {
  EXPECT_EQ(One("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'ring'"), "3");
  EXPECT_EQ(
      Run("SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = "
          "'ring' AND table_name = 'samples' ORDER BY ordinal_position"),
      (Rows{{"metric_id", "BIGINT"}, {"ts", "BIGINT"}, {"value", "DOUBLE"}, {"type", "SMALLINT"}}));
}

TEST_F(RingTablesTest, SqlDoesNotChangeThem) {
  EXPECT_EQ(StateOf("INSERT INTO ring.samples VALUES (1, 1, 1, 0)"), "0A000");
  EXPECT_EQ(StateOf("DELETE FROM ring.samples"), "0A000");
  EXPECT_EQ(StateOf("UPDATE ring.metrics SET name = 'x'"), "0A000");
  EXPECT_EQ(StateOf("DROP VIEW ring.samples"), "42501");
  EXPECT_EQ(StateOf("CREATE TABLE ring.t (timestamp timestamptz)"), "42501");
  EXPECT_EQ(StateOf("DROP SCHEMA ring CASCADE"), "42501");
}

TEST_F(RingTablesTest, ADroppedMetricHasNoRows) {
  ring::Metric gone;
  gone.id = MetricId(6000);
  store_of_rings_.Add(gone, {});
  EXPECT_EQ(One("SELECT count(*) FROM ring.samples WHERE metric_id = 6000"), "0");
}

TEST_F(RingTablesTest, CanBeInterrupted) {
  std::atomic<int> reads{0};
  store_of_rings_.on_read = [&] {
    if (++reads == 100) session_->Cancel();
  };
  EXPECT_EQ(StateOf("SELECT sum(value) FROM ring.samples"), "57014");
  EXPECT_LT(reads, 5000);
}

// Before Varve had rings, "ring" was a name like any other.
TEST_F(RingTablesTest, AUsersOwnTableOfTheNameStaysReadableAndCanBeDropped) {
  Run("CREATE TABLE mine (timestamp timestamptz, text varchar)");
  Run("INSERT INTO mine VALUES ('2020-01-01', 'kept')");
  Flush("public", "mine");
  TableDef table = *catalog_->Find({"public", "mine"});
  Stop();
  table.name = {"ring", "samples"};
  {
    duckdb::DuckDB meta((folder_ / "meta.duckdb").string());
    duckdb::Connection connection(meta);
    const auto run = [&](const std::string& sql) {
      const auto result = connection.Query(sql);
      ASSERT_FALSE(result->HasError()) << result->GetError();
    };
    run("DROP TABLE public.mine");
    run("DROP VIEW ring.samples");
    run("DROP VIEW ring.metric_tags");
    run("CREATE VIEW ring.metric_tags AS SELECT 'mine' AS whose");
    const auto made = connection.Query(CreateStatementFor(table));
    ASSERT_FALSE(made->HasError()) << made->GetError();
    run(fmt::format("UPDATE varve_internal.tables SET definition = {} WHERE id = {}",
                    SqlLiteral(EncodeDefinition(table)), table.id.value));
  }
  Start();
  EXPECT_EQ(One("SELECT text FROM ring.samples"), "kept");
  EXPECT_EQ(One("SELECT whose FROM ring.metric_tags"), "mine");
  EXPECT_EQ(One("SELECT count(*) FROM ring.metrics"), "5000");
  EXPECT_EQ(StateOf("DROP VIEW ring.metrics"), "42501");
  EXPECT_EQ(StateOf("DROP SCHEMA ring CASCADE"), "42501");
  const Status refused = session_->SetRingScope(RingScope{{MetricId(1)}, {}});
  EXPECT_EQ(SqlStateOf(refused), "55000");
  EXPECT_NE(MessageOf(refused).find("ring.samples, ring.metric_tags"), std::string_view::npos);
  Run("DROP TABLE ring.samples");
  Run("DROP VIEW ring.metric_tags");
  Stop();
  Start();
  EXPECT_EQ(One("SELECT count(*) FROM ring.samples"), "50000");
  EXPECT_EQ(One("SELECT count(*) FROM ring.metric_tags"), "5000");
  EXPECT_TRUE(session_->SetRingScope(RingScope{{MetricId(1)}, {}}).ok());
}

}  // namespace
}  // namespace varve::engine
