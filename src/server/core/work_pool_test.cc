#include "server/core/work_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace varve::server {
namespace {

TEST(WorkPoolTest, RefusesNewWorkOnlyWhenTheQueueIsFull) {
  std::latch gate(1);
  std::latch begun(1);
  std::atomic<int> done{0};
  {
    WorkPool pool("test", {.threads = 1, .queued_max = 2});
    pool.Run([&] {
      begun.count_down();
      gate.wait();
      ++done;
    });
    begun.wait();
    EXPECT_EQ(pool.running(), 1u);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(pool.Admit().ok());
      pool.Run([&] { ++done; });
    }
    const Status refused = pool.Admit();
    EXPECT_EQ(SqlStateOf(refused), "53400");
    EXPECT_NE(MessageOf(refused).find("1 running, 2 queued"), std::string_view::npos);
    gate.count_down();
  }
  EXPECT_EQ(done, 3);  // What was accepted runs, also when the pool ends.
}

TEST(WorkPoolTest, WhatWaitsCanBeTakenBack) {
  std::latch gate(1);
  std::latch begun(1);
  std::atomic<int> done{0};
  WorkPool pool("test", {.threads = 1, .queued_max = 2});
  pool.Run([&] {
    begun.count_down();
    gate.wait();
  });
  begun.wait();
  for (int i = 0; i < 2; ++i) pool.Run([&] { ++done; });
  const auto taken = pool.TakeQueued();
  EXPECT_EQ(taken.size(), 2u);
  EXPECT_EQ(pool.queued(), 0u);
  EXPECT_EQ(done, 0);
  for (const auto& task : taken) task();
  EXPECT_EQ(done, 2);
  gate.count_down();
}

}  // namespace
}  // namespace varve::server
