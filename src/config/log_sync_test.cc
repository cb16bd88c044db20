#include "config/log_sync.h"

#include <gtest/gtest.h>

namespace varve::config {
namespace {

TEST(LogSyncTest, ReadsEachMode) {
  EXPECT_EQ(LogSync::Parse("always")->mode, LogSync::Mode::kAlways);
  EXPECT_EQ(LogSync::Parse("off")->mode, LogSync::Mode::kOff);
  for (const int ms : {1, 250, 60000}) {
    const Result<LogSync> sync = LogSync::Parse(fmt::format("interval:{}", ms));
    ASSERT_TRUE(sync.ok()) << sync.status();
    EXPECT_EQ(sync->mode, LogSync::Mode::kInterval);
    EXPECT_EQ(sync->interval, std::chrono::milliseconds(ms));
  }
}

TEST(LogSyncTest, RefusesEverythingElse) {
  for (const char* bad : {"", "never", "interval", "interval:", "interval:0", "interval:-1",
                          "interval:60001", "interval:5x", "interval: 5", "Always"}) {
    EXPECT_EQ(SqlStateOf(LogSync::Parse(bad).status()), sqlstate::kInvalidParameterValue) << bad;
  }
}

}  // namespace
}  // namespace varve::config
