#include "cache/s3_fifo.h"

#include <gtest/gtest.h>

namespace varve::cache {
namespace {

constexpr int64_t kGap = S3Fifo<int>::kUseGapUs;

class S3FifoTest : public ::testing::Test {
 protected:
  static BlockKey Key(uint32_t n) { return {{1, 1}, n}; }

  void Insert(uint32_t n) { fifo_.Insert(Key(n), static_cast<int>(n), 10, now_us_); }
  void Use(uint32_t n) {
    now_us_ += kGap;
    ASSERT_NE(fifo_.Find(Key(n), now_us_), nullptr);
  }
  std::vector<int> EvictAll() {
    std::vector<int> order;
    while (const auto evicted = fifo_.EvictOne()) order.push_back(evicted->second);
    return order;
  }

  int64_t now_us_ = 0;
  S3Fifo<int> fifo_{100};  // the small queue: 10 bytes
};

TEST_F(S3FifoTest, WhatWasNeverUsedLeavesInTheOrderOfItsComing) {
  for (uint32_t n = 1; n <= 4; ++n) Insert(n);
  EXPECT_EQ(fifo_.bytes(), 40u);
  EXPECT_EQ(EvictAll(), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(fifo_.bytes(), 0u);
}

TEST_F(S3FifoTest, WhatWasUsedOutlivesNewcomers) {
  for (uint32_t n = 1; n <= 3; ++n) Insert(n);
  Use(1);
  for (uint32_t n = 4; n <= 6; ++n) Insert(n);
  EXPECT_EQ(EvictAll(), (std::vector<int>{2, 3, 4, 5, 1, 6}));
}

// One pass over a large file must not drive out what queries use again and again.
TEST_F(S3FifoTest, AScanDoesNotDriveOutTheWorkingSet) {
  for (uint32_t n = 1; n <= 5; ++n) Insert(n);
  for (uint32_t n = 1; n <= 5; ++n) Use(n);
  for (uint32_t n = 100; n < 200; ++n) {
    while (fifo_.bytes() + 10 > 100) ASSERT_TRUE(fifo_.EvictOne());
    Insert(n);
    // The pages of one block, one after the other.
    for (int page = 0; page < 10; ++page) fifo_.Find(Key(n), ++now_us_);
  }
  for (uint32_t n = 1; n <= 5; ++n) EXPECT_TRUE(fifo_.Contains(Key(n))) << n;
}

TEST_F(S3FifoTest, WhatComesBackSoonIsKeptLonger) {
  for (uint32_t n = 1; n <= 4; ++n) Insert(n);
  ASSERT_EQ(fifo_.EvictOne()->second, 1);
  Insert(1);  // a ghost: it goes behind what nobody asked for twice
  Insert(5);
  EXPECT_EQ(EvictAll(), (std::vector<int>{2, 3, 4, 1, 5}));
}

TEST_F(S3FifoTest, ObjectsLeaveAsAWhole) {
  Insert(1);
  Insert(2);
  fifo_.Insert({{1, 2}, 0}, 7, 10, 0);
  fifo_.Insert({{0, 9}, 3}, 8, 10, 0);
  const auto taken = fifo_.TakeObject({1, 1});
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[1].first, Key(2));
  EXPECT_EQ(fifo_.bytes(), 20u);
  EXPECT_EQ(fifo_.Erase({{1, 2}, 0}), 7);
  EXPECT_EQ(fifo_.Erase({{1, 2}, 0}), std::nullopt);
  EXPECT_EQ(EvictAll(), (std::vector<int>{8}));
}

}  // namespace
}  // namespace varve::cache
