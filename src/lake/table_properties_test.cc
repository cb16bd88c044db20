#include "lake/table_properties.h"

#include <gtest/gtest.h>

namespace varve::lake {
namespace {

constexpr int64_t kHour = 3'600'000'000;

TEST(TablePropertiesTest, IntervalsAsSparkWritesThem) {
  EXPECT_EQ(ParseInterval("interval 30 days"), 30 * 24 * kHour);
  EXPECT_EQ(ParseInterval("interval 1 week"), 7 * 24 * kHour);
  EXPECT_EQ(ParseInterval("INTERVAL  1 Day 12 hours"), 36 * kHour);
  EXPECT_EQ(ParseInterval("0 seconds"), 0);
  EXPECT_EQ(ParseInterval("interval 5 milliseconds"), 5000);
  for (const char* bad : {"", "interval", "30", "interval 1 month", "interval -1 days", "1.5 days",
                          "interval 1 day 2"}) {
    EXPECT_EQ(ParseInterval(bad), std::nullopt) << bad;
  }
  EXPECT_GT(*ParseInterval("interval 9000000000000000 weeks"), 365 * 24 * kHour);
}

TEST(TablePropertiesTest, WhatIsNotSaidOrCannotBeReadIsTheDefault) {
  const TableProperties none = ReadProperties({});
  EXPECT_EQ(none.log_retention_us, 30 * 24 * kHour);
  EXPECT_EQ(none.deleted_file_retention_us, 7 * 24 * kHour);
  EXPECT_TRUE(none.clean_log);
  EXPECT_EQ(none.checkpoint_interval, 10);
  const TableProperties odd = ReadProperties({{"delta.logRetentionDuration", "for ever"},
                                              {"delta.deletedFileRetentionDuration", "2 hours"},
                                              {"delta.enableExpiredLogCleanup", "false"},
                                              {"delta.checkpointInterval", "0"}});
  EXPECT_EQ(odd.log_retention_us, none.log_retention_us);
  EXPECT_EQ(odd.deleted_file_retention_us, 2 * kHour);
  EXPECT_FALSE(odd.clean_log);
  EXPECT_EQ(odd.checkpoint_interval, 10);
}

}  // namespace
}  // namespace varve::lake
