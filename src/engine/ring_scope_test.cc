#include "engine/read_only.h"
#include "engine/testing/engine_fixture.h"
#include "engine/testing/rings_for_test.h"

namespace varve::engine {
namespace {

using ring::MetricId;

// Metrics 1 to 4 with samples at 10, 20, 30.
class RingScopeTest : public EngineFixture {
 protected:
  void SetUp() override {
    for (uint32_t id = 1; id <= 4; id++) {
      ring::Metric metric;
      metric.id = MetricId(id);
      metric.name = fmt::format("m{}", id);
      metric.tags = {{"host", "a"}};
      store_of_rings_.Add(std::move(metric), {{10, id + 0.0}, {20, id + 0.0}, {30, id + 0.0}});
    }
    rings_ = &store_of_rings_;
    EngineFixture::SetUp();
    Run("CREATE TABLE public.samples (timestamp timestamptz, n integer)");
    Run("CREATE SEQUENCE numbers");
  }

  void Limit(std::vector<MetricId> metrics, ring::SecondsRange range) {
    const Status set = session_->SetRingScope(RingScope{std::move(metrics), range});
    ASSERT_TRUE(set.ok()) << set;
  }

  RingsForTest store_of_rings_;
};

TEST_F(RingScopeTest, LimitsMetricsAndTimes) {
  Limit({MetricId(3), MetricId(2)}, {15, 30});
  EXPECT_EQ(Run("SELECT metric_id, ts FROM samples"),
            (Rows{{"2", "20"}, {"2", "30"}, {"3", "20"}, {"3", "30"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM ring.samples"), (Rows{{"4"}}));
  EXPECT_EQ(Run("SELECT name FROM metrics"), (Rows{{"m2"}, {"m3"}}));
  EXPECT_EQ(Run("SELECT metric_id FROM metric_tags WHERE tag_key = 'host' AND tag_value = 'a'"),
            (Rows{{"2"}, {"3"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM ring.metrics WHERE name IN ('m1', 'm2')"), (Rows{{"1"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM ring.samples WHERE metric_id = 1 OR ts = 10"), (Rows{{"0"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM public.samples"), (Rows{{"0"}}));
  EXPECT_NE(Explain("SELECT * FROM samples").find("Metrics: 2 of 2"), std::string::npos);
}

TEST_F(RingScopeTest, AnEmptyScopeShowsNothing) {
  Limit({}, {});
  EXPECT_EQ(Run("SELECT count(*) FROM samples"), (Rows{{"0"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM metrics"), (Rows{{"0"}}));
}

TEST_F(RingScopeTest, EndsWhenItIsTakenAway) {
  Limit({MetricId(1)}, {10, 10});
  EXPECT_EQ(Run("SELECT count(*) FROM samples"), (Rows{{"1"}}));
  ASSERT_TRUE(session_->SetRingScope(std::nullopt).ok());
  EXPECT_EQ(Run("SELECT count(*) FROM ring.samples"), (Rows{{"12"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM samples"), (Rows{{"0"}}));
  EXPECT_EQ(Tag("INSERT INTO samples VALUES (now(), 1)"), "INSERT 0 1");
}

TEST_F(RingScopeTest, OnlyReads) {
  Limit({MetricId(1)}, {});
  for (const char* sql : {"INSERT INTO public.samples VALUES (now(), 1)",
                          "DELETE FROM public.samples",
                          "UPDATE public.samples SET n = 1",
                          "TRUNCATE public.samples",
                          "CREATE TABLE t (timestamp timestamptz)",
                          "CREATE TEMP TABLE t (n integer)",
                          "DROP TABLE public.samples",
                          "ALTER TABLE public.samples ADD COLUMN x integer",
                          "SET search_path = public",
                          "RESET search_path",
                          "BEGIN",
                          "COMMIT",
                          "PREPARE p AS SELECT 1",
                          "EXECUTE p",
                          "DEALLOCATE p",
                          "VACUUM",
                          "CHECKPOINT",
                          "EXPLAIN INSERT INTO public.samples VALUES (now(), 1)",
                          "EXPLAIN ANALYZE DELETE FROM public.samples",
                          "SELECT nextval('numbers')",
                          "SELECT varve.flush('public.samples')",
                          "SELECT varve.refresh()",
                          "SELECT varve.vacuum('public.samples')",
                          "SELECT varve.create_project('p', 'b', 'x', 'y')"}) {
    EXPECT_EQ(StateOf(sql), "25006") << sql;
  }
  for (const char* sql : {"SELECT 1", "VALUES (1)", "WITH s AS (SELECT 1) SELECT * FROM s",
                          "EXPLAIN SELECT 1", "SHOW search_path", "SELECT * FROM varve.tables"}) {
    EXPECT_TRUE(Try(sql).ok()) << sql << Try(sql);
  }
}

TEST_F(RingScopeTest, RefusesDecodedRows) {
  Limit({MetricId(1)}, {});
  Status written;
  session_->WriteRows({}, [&](Status status) { written = std::move(status); });
  EXPECT_EQ(SqlStateOf(written), "25006");
}

TEST_F(RingScopeTest, CannotReachMoreThanOtherSessions) {
  Limit({MetricId(1)}, {});
  EXPECT_EQ(StateOf("SELECT * FROM varve_ring_samples()"), "42501");
  EXPECT_EQ(StateOf("SELECT * FROM varve_internal.tables"), "42501");
  EXPECT_EQ(StateOf("SELECT * FROM read_csv('/etc/passwd')"), "42501");
}

TEST_F(RingScopeTest, OtherSessionsSeeEverything) {
  Limit({MetricId(1)}, {});
  auto other = NewSession();
  EXPECT_EQ(Run(*other, "SELECT count(*) FROM ring.samples"), (Rows{{"12"}}));
}

}  // namespace
}  // namespace varve::engine
