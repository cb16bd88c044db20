#include "buffer/merge_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace varve::buffer {
namespace {

constexpr MergeLimits kLarge{122'880, 64u << 20};

// A segment as the policy sees it: its size and its place, without rows.
SegmentRef Fake(uint64_t lsn, uint32_t rows, uint64_t bytes_per_row) {
  auto batch = std::make_shared<Batch>();
  batch->rows = rows;
  return std::make_shared<Segment>(
      Segment{batch, {Lsn(lsn), Lsn(lsn + 1)}, TimeRange{}, rows * bytes_per_row});
}

SegmentRef Join(std::span<const SegmentRef> run) {
  auto batch = std::make_shared<Batch>();
  uint64_t bytes = 0;
  for (const SegmentRef& segment : run) {
    batch->rows += segment->rows->rows;
    bytes += segment->bytes;
  }
  return std::make_shared<Segment>(
      Segment{batch, {run.front()->lsns.begin, run.back()->lsns.end}, TimeRange{}, bytes});
}

struct Simulation {
  std::vector<SegmentRef> segments;
  uint64_t copied_rows = 0;
  uint64_t largest_bytes_copied_at_once = 0;

  void Replace(SegmentRun run) {
    const SegmentRef joined = Join(std::span(segments).subspan(run.begin, run.end - run.begin));
    copied_rows += joined->rows->rows;
    largest_bytes_copied_at_once = std::max(largest_bytes_copied_at_once, joined->bytes);
    segments[run.begin] = joined;
    segments.erase(segments.begin() + run.begin + 1, segments.begin() + run.end);
  }
  void Insert(uint64_t lsn, uint32_t rows, uint64_t bytes_per_row, bool large) {
    segments.push_back(Fake(lsn, rows, bytes_per_row));
    if (const SegmentRun run = SmallMerge(segments, Lsn{0}); !run.empty()) Replace(run);
    if (!large) return;
    if (const SegmentRun run = LargeMerge(segments, Lsn{0}, kLarge); !run.empty()) Replace(run);
  }
};

TEST(MergePolicyTest, EightOfOneClassMakeOneOfTheNext) {
  std::vector<SegmentRef> segments;
  for (uint64_t lsn = 1; lsn <= 7; ++lsn) {
    segments.push_back(Fake(lsn, 1, 100));
    EXPECT_TRUE(SmallMerge(segments, Lsn{0}).empty());
  }
  segments.push_back(Fake(8, 1, 100));
  const SegmentRun run = SmallMerge(segments, Lsn{0});
  EXPECT_EQ(run.begin, 0u);
  EXPECT_EQ(run.end, 8u);
}

TEST(MergePolicyTest, ACarryIsMergedInOneGo) {
  std::vector<SegmentRef> segments;
  for (uint64_t i = 0; i < 7; ++i) segments.push_back(Fake(1 + i * 8, 8, 100));
  for (uint64_t i = 0; i < 8; ++i) segments.push_back(Fake(57 + i, 1, 100));
  EXPECT_EQ(SmallMerge(segments, Lsn{0}).begin, 0u);
}

TEST(MergePolicyTest, FrozenSegmentsAreNotTouched) {
  std::vector<SegmentRef> segments;
  for (uint64_t lsn = 1; lsn <= 12; ++lsn) segments.push_back(Fake(lsn, 1, 100));
  EXPECT_EQ(SmallMerge(segments, Lsn{3}).begin, 3u);
  EXPECT_TRUE(SmallMerge(segments, Lsn{5}).empty());
  std::vector<SegmentRef> middle;
  for (uint64_t lsn = 1; lsn <= 60; ++lsn) middle.push_back(Fake(lsn, 4000, 1000));
  const SegmentRun run = LargeMerge(middle, Lsn{20}, kLarge);
  EXPECT_EQ(run.begin, 20u);
  EXPECT_TRUE(LargeMerge(middle, Lsn{60}, kLarge).empty());
}

TEST(MergePolicyTest, SingleRowsStayFewSegmentsAndAreCopiedALogarithmOfTimes) {
  Simulation simulation;
  constexpr uint64_t kRows = 400'000;
  size_t most = 0;
  for (uint64_t lsn = 1; lsn <= kRows; ++lsn) {
    simulation.Insert(lsn, 1, 1000, true);
    most = std::max(most, simulation.segments.size());
  }
  EXPECT_LE(most, 60u);
  EXPECT_LE(simulation.copied_rows, kRows * 6);
  EXPECT_LE(simulation.largest_bytes_copied_at_once, kLarge.bytes);
}

TEST(MergePolicyTest, BatchesOfAThousandRowsAreCopiedTwiceAtMost) {
  Simulation simulation;
  constexpr uint64_t kBatches = 4'000;
  size_t most = 0;
  for (uint64_t lsn = 1; lsn <= kBatches; ++lsn) {
    simulation.Insert(lsn, 1000, 1100, true);
    most = std::max(most, simulation.segments.size());
  }
  EXPECT_LE(most, 120u);  // 4.4 GB in segments of about 60 MB
  EXPECT_LE(simulation.copied_rows, kBatches * 1000 * 2);
}

TEST(MergePolicyTest, WhatApplyMergesIsBoundedInRowsAndBytes) {
  for (const uint64_t bytes_per_row : {10u, 1000u, 300'000u}) {
    Simulation simulation;
    for (uint64_t lsn = 1; lsn <= 20'000; ++lsn) simulation.Insert(lsn, 1, bytes_per_row, false);
    EXPECT_LE(simulation.largest_bytes_copied_at_once, kSmallMergeBytesMax);
    for (const SegmentRef& segment : simulation.segments) {
      EXPECT_LE(segment->rows->rows, kSmallMergeRowsMax);
    }
  }
}

TEST(MergePolicyTest, LargeSegmentsAreLeftAlone) {
  std::vector<SegmentRef> segments;
  for (uint64_t lsn = 1; lsn <= 100; ++lsn) segments.push_back(Fake(lsn, 122'880, 500));
  EXPECT_TRUE(SmallMerge(segments, Lsn{0}).empty());
  EXPECT_TRUE(LargeMerge(segments, Lsn{0}, kLarge).empty());
}

TEST(MergePolicyTest, MixedSizesKeepTheOrder) {
  Simulation simulation;
  for (uint64_t lsn = 1; lsn <= 5'000; ++lsn) {
    simulation.Insert(lsn, lsn % 9 == 0 ? 5000 : static_cast<uint32_t>(1 + lsn % 3), 900, true);
    ASSERT_TRUE(std::is_sorted(
        simulation.segments.begin(), simulation.segments.end(),
        [](const SegmentRef& a, const SegmentRef& b) { return a->lsns.begin < b->lsns.begin; }));
    ASSERT_EQ(simulation.segments.back()->lsns.end, Lsn(lsn + 1));
  }
  EXPECT_LE(simulation.segments.size(), 150u);
}

}  // namespace
}  // namespace varve::buffer
