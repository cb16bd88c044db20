#include "base/parallel.h"

#include <gtest/gtest.h>

namespace varve {
namespace {

TEST(ParallelTest, EachIndexOnce) {
  std::vector<std::atomic<int>> runs(1000);
  RunParallel(runs.size(), 8, [&](size_t i) { ++runs[i]; });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
  RunParallel(0, 8, [](size_t) { FAIL(); });
}

TEST(ParallelTest, NothingBeginsAfterAnError) {
  std::atomic<size_t> begun{0};
  const Status status = RunParallelUntilError(1000, 1, [&](size_t i) {
    ++begun;
    return i < 3 ? OkStatus() : NotFound("piece {}", i);
  });
  EXPECT_EQ(MessageOf(status), "piece 3");
  EXPECT_EQ(begun, 4U);
}

TEST(ParallelTest, TheErrorIsTheLowestIndexs) {
  std::atomic<int> waiting{0};
  const Status status = RunParallelUntilError(2, 2, [&](size_t i) {
    ++waiting;
    while (waiting < 2) std::this_thread::yield();
    return NotFound("piece {}", i);
  });
  EXPECT_EQ(MessageOf(status), "piece 0");
}

}  // namespace
}  // namespace varve
