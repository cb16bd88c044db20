#include "engine/engine.h"

#include "engine/testing/engine_fixture.h"

namespace varve::engine {
namespace {

class EngineTest : public EngineFixture {
 protected:
  void CreateReadings() {
    Run("CREATE TABLE raw.readings (timestamp timestamptz NOT NULL, device text, site text DEFAULT "
        "'main', temperature double precision) WITH (time_column = 'timestamp', partition_by = "
        "'date', sort_by = 'device')");
  }
};

TEST_F(EngineTest, SelectsAConstant) {
  EXPECT_EQ(Run("SELECT 1"), (Rows{{"1"}}));
  EXPECT_EQ(Tag("SELECT 1"), "SELECT 1");
}

TEST_F(EngineTest, InsertedRowsAreReadBack) {
  CreateReadings();
  EXPECT_EQ(Tag("INSERT INTO raw.readings (timestamp, device, temperature) VALUES "
                "('2026-11-01 10:00:00+00', 'a', 1.5), ('2026-11-02 00:00:00+00', 'b', 2.5)"),
            "INSERT 0 2");
  EXPECT_EQ(Run("SELECT device, site, temperature, date::text FROM raw.readings ORDER BY device"),
            (Rows{{"a", "main", "1.5", "2026-11-01"}, {"b", "main", "2.5", "2026-11-02"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM raw.readings WHERE temperature > 2"), (Rows{{"1"}}));
}

}  // namespace
}  // namespace varve::engine
