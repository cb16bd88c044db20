#include "maintenance/compaction_plan.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "base/status.h"

namespace varve::maintenance {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kTarget = 1 << 20;

std::shared_ptr<const DataFile> FileOf(const std::string& path, int64_t bytes, int64_t time,
                                       const std::string& partition = "a") {
  auto file = std::make_shared<DataFile>();
  file->path = path;
  file->bytes = bytes;
  file->partition_values = {{"p", partition}};
  file->time_range.Include(TimestampUs(time));
  return file;
}

CompactionLimits Limits() {
  CompactionLimits limits;
  limits.target_bytes = kTarget;
  return limits;
}

std::vector<CompactionBin> Plan(std::vector<std::shared_ptr<const DataFile>> files) {
  FileSet set;
  set.files = std::move(files);
  return PlanCompaction(set, Limits());
}

TEST(CompactionPlanTest, FilesNearTheTargetAreNeverTouched) {
  EXPECT_THAT(Plan({FileOf("a", kTarget / 2, 1), FileOf("b", kTarget * 3 / 4, 2),
                    FileOf("c", kTarget * 9, 3), FileOf("d", 10, 4)}),
              IsEmpty());
  const auto bins = Plan(
      {FileOf("a", kTarget / 2 - 1, 1), FileOf("b", kTarget / 2 - 1, 2), FileOf("c", kTarget, 3)});
  ASSERT_THAT(bins, SizeIs(1));
  EXPECT_THAT(bins[0], SizeIs(2)) << "two that fill a file";
  EXPECT_THAT(Plan({FileOf("a", kTarget / 100 * 53, 1), FileOf("b", kTarget / 100 * 53, 2)}),
              SizeIs(1));
  EXPECT_THAT(Plan({FileOf("a", kTarget / 10 * 7, 1), FileOf("b", kTarget / 10 * 7, 2)}), IsEmpty())
      << "together they are farther from the target than alone";
}

TEST(CompactionPlanTest, PartitionsAreNotMixed) {
  std::vector<std::shared_ptr<const DataFile>> files;
  for (int i = 0; i < 8; ++i) {
    files.push_back(FileOf(fmt::format("f{}", i), 100, i, i % 2 == 0 ? "even" : "odd"));
  }
  const auto bins = Plan(files);
  ASSERT_THAT(bins, SizeIs(2));
  for (const auto& bin : bins) {
    EXPECT_THAT(bin, SizeIs(4));
    for (const auto& file : bin) {
      EXPECT_EQ(file->partition_values, bin[0]->partition_values);
    }
  }
}

TEST(CompactionPlanTest, OneLargeFileIsNotRewrittenForAFewSmallOnes) {
  EXPECT_THAT(Plan({FileOf("large", 1000, 1), FileOf("s1", 10, 2), FileOf("s2", 10, 3),
                    FileOf("s3", 10, 4)}),
              IsEmpty());
  const auto bins = Plan({FileOf("large", 1000, 1), FileOf("s1", 10, 2), FileOf("s2", 10, 3),
                          FileOf("s3", 10, 4), FileOf("s4", 10, 5)});
  ASSERT_THAT(bins, SizeIs(1));
  EXPECT_THAT(bins[0], SizeIs(4)) << "the small ones only";
}

TEST(CompactionPlanTest, AmongAlikeFilesThoseOfOneTimeAreMerged) {
  std::vector<std::shared_ptr<const DataFile>> files;
  for (int i = 0; i < 40; ++i) files.push_back(FileOf(fmt::format("f{}", i), kTarget / 20, 40 - i));
  const auto bins = Plan(files);
  ASSERT_THAT(bins, SizeIs(1));
  for (const auto& file : bins[0]) EXPECT_LE(file->time_range.max.value, 16);
}

// Plays a feed with a plan after every few flushes and counts how often each byte is written.
struct Feed {
  explicit Feed(double kept) : kept_at_first(kept) {}

  void Flush(int64_t bytes) {
    Add(bytes, 0);
    flushed += static_cast<double>(bytes);
    smallest = std::min(smallest, bytes);
  }
  void Compact() {
    while (true) {
      FileSet set;
      for (const auto& [path, file] : files) set.files.push_back(file);
      const auto bins = PlanCompaction(set, Limits());
      if (bins.empty()) return;
      for (const auto& bin : bins) Merge(bin);
    }
  }
  void Merge(const CompactionBin& bin) {
    double bytes = 0;
    int generation = 0;
    for (const auto& file : bin) {
      // A stronger compression makes a file smaller when it is first rewritten.
      const bool first = generations.at(file->path) == 0;
      bytes += static_cast<double>(file->bytes) * (first ? kept_at_first : 1.0);
      generation = std::max(generation, generations.at(file->path));
      EXPECT_LT(file->bytes, kTarget / 4 * 3);
      files.erase(file->path);
    }
    rewritten += bytes;
    Add(static_cast<int64_t>(bytes), generation + 1);
  }
  void Add(int64_t bytes, int generation) {
    const std::string path = fmt::format("f{:06}", ++last);
    files[path] = FileOf(path, bytes, last);
    generations[path] = generation;
    most_often = std::max(most_often, generation);
  }

  const double kept_at_first;
  std::map<std::string, std::shared_ptr<const DataFile>> files;
  std::map<std::string, int> generations;
  int last = 0;
  int most_often = 0;
  double flushed = 0;
  double rewritten = 0;
  int64_t smallest = kTarget;
};

void CheckBounds(const Feed& feed, const std::string& what) {
  const double doublings = std::log2(static_cast<double>(kTarget) / feed.smallest);
  EXPECT_LE(feed.most_often, doublings + 2) << what;
  const auto small = std::count_if(feed.files.begin(), feed.files.end(), [](const auto& entry) {
    return entry.second->bytes < kTarget / 2;
  });
  EXPECT_LE(small, doublings + 4) << what;
  for (const auto& [path, file] : feed.files) EXPECT_LE(file->bytes, kTarget * 5 / 4) << what;
}

TEST(CompactionPlanTest, RewritingIsBounded) {
  uint32_t random = 7;
  for (const int flushes_per_plan : {1, 7, 60, 1000}) {
    for (const double kept : {1.0, 0.7}) {
      for (const bool even : {true, false}) {
        Feed feed(kept);
        for (int i = 0; i < 5000; ++i) {
          random = random * 1664525 + 1013904223;
          feed.Flush(even ? 2000 : 200 + (random >> 16) % 20'000);
          if (i % flushes_per_plan == 0) feed.Compact();
        }
        feed.Compact();
        const std::string what =
            fmt::format("{} per plan, {} kept, even {}", flushes_per_plan, kept, even);
        CheckBounds(feed, what);
        EXPECT_LE(feed.rewritten, feed.flushed * 8) << what;
        RecordProperty("rewritten per byte, " + what,
                       fmt::format("{:.2f}", feed.rewritten / feed.flushed));
      }
    }
  }
}

}  // namespace
}  // namespace varve::maintenance
