#include "lake/merged_stats.h"

#include <gtest/gtest.h>

#include "lake/delta_table_test.h"
#include "lake/file_stats.h"

namespace varve::lake {
namespace {

std::shared_ptr<const DataFile> FileOf(const std::string& stats) {
  auto file = std::make_shared<DataFile>();
  ReadStats(stats, MakeEvents(), *file);
  file->partition_values = {{"project_id", "shop"}};
  return file;
}

TEST(MergedStatsTest, BoundsCoverAllFiles) {
  const auto a = FileOf(
      R"({"numRecords":2,"minValues":{"timestamp":"2025-03-09T10:00:00.123Z","n":9},)"
      R"("maxValues":{"timestamp":"2025-03-09T10:00:01.000Z","n":10},"nullCount":{"timestamp":0,"n":1}})");
  const auto b = FileOf(
      R"({"numRecords":3,"minValues":{"timestamp":"2025-03-09T09:00:00.000Z","n":-2},)"
      R"("maxValues":{"timestamp":"2025-03-09T09:00:05.000Z","n":9},"nullCount":{"timestamp":0,"n":0}})");
  const DataFile merged = DescribeMerged(MakeEvents(), {a, b}, {{}, {}});
  EXPECT_EQ(merged.rows, 5);
  EXPECT_EQ(merged.partition_values.at("project_id"), "shop");
  EXPECT_EQ(merged.stats.at("n").min, "-2");
  EXPECT_EQ(merged.stats.at("n").max, "10") << "as numbers, not as text";
  EXPECT_EQ(merged.stats.at("n").null_count, 1);
  EXPECT_EQ(merged.stats.at("timestamp").min, "2025-03-09T09:00:00.000Z");
  EXPECT_EQ(merged.stats.at("timestamp").max, "2025-03-09T10:00:01.000Z");
  EXPECT_EQ(merged.time_range.min, b->time_range.min);
  EXPECT_EQ(merged.time_range.max, a->time_range.max);
}

TEST(MergedStatsTest, AFileWithoutTheColumnAddsNulls) {
  const auto a = FileOf(R"({"numRecords":2,"minValues":{"n":1},"maxValues":{"n":2},)"
                        R"("nullCount":{"n":0}})");
  const auto b = FileOf(R"({"numRecords":3})");
  const DataFile absent = DescribeMerged(MakeEvents(), {a, b}, {{}, {"n"}});
  EXPECT_EQ(absent.stats.at("n").max, "2");
  EXPECT_EQ(absent.stats.at("n").null_count, 3);
  // It may hold anything when it only does not say.
  const DataFile silent = DescribeMerged(MakeEvents(), {a, b}, {{}, {}});
  EXPECT_EQ(silent.stats.at("n").max, std::nullopt);
  EXPECT_EQ(silent.stats.at("n").null_count, std::nullopt);
  EXPECT_TRUE(silent.time_range.empty());
}

TEST(MergedStatsTest, AFileOfNullsOnlyHasNoSayInTheBounds) {
  const auto a = FileOf(R"({"numRecords":2,"minValues":{"n":1},"maxValues":{"n":2},)"
                        R"("nullCount":{"n":0}})");
  const auto b = FileOf(R"({"numRecords":3,"nullCount":{"n":3}})");
  const DataFile merged = DescribeMerged(MakeEvents(), {b, a}, {{}, {}});
  EXPECT_EQ(merged.stats.at("n").min, "1");
  EXPECT_EQ(merged.stats.at("n").null_count, 3);
  const auto unknown_rows = FileOf(R"({"nullCount":{"n":3}})");
  const DataFile unclear = DescribeMerged(MakeEvents(), {unknown_rows, a}, {{}, {}});
  EXPECT_EQ(unclear.rows, std::nullopt);
  EXPECT_EQ(unclear.stats.at("n").min, std::nullopt);
}

}  // namespace
}  // namespace varve::lake
