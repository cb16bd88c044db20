#include "buffer/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace varve::buffer {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLong{60'000};

TEST(MemoryBudgetTest, RefusesWhatDoesNotFitAndReservesNothingThen) {
  MemoryBudget budget(1000);
  ASSERT_TRUE(budget.Reserve(900, milliseconds(0)).ok());
  const Status full = budget.Reserve(101, milliseconds(5));
  EXPECT_EQ(SqlStateOf(full), sqlstate::kOutOfMemory);
  EXPECT_NE(HintOf(full).value_or("").find("Retry"), std::string::npos);
  EXPECT_EQ(budget.used(), 900u);
  EXPECT_TRUE(budget.Reserve(100, milliseconds(0)).ok());
  EXPECT_EQ(budget.used(), 1000u);
}

TEST(MemoryBudgetTest, WhatCanNeverFitDoesNotWait) {
  MemoryBudget budget(1000);
  EXPECT_EQ(SqlStateOf(budget.Reserve(1001, kLong)), sqlstate::kOutOfMemory);
  EXPECT_EQ(SqlStateOf(budget.Reserve(UINT64_MAX, kLong)), sqlstate::kOutOfMemory);
  EXPECT_EQ(budget.used(), 0u);
}

TEST(MemoryBudgetTest, AWaiterGoesOnWhenBytesAreReleased) {
  MemoryBudget budget(1000);
  // The waker stands for the flusher: it is called because the reservation has to wait.
  std::thread flusher;
  uint64_t waiting = 0;
  budget.OnSoftLimit([&] {
    waiting = budget.waiting_bytes();
    if (!flusher.joinable()) flusher = std::thread([&] { budget.Release(700); });
  });
  budget.Charge(700);
  EXPECT_TRUE(budget.Reserve(500, kLong).ok());
  flusher.join();
  EXPECT_EQ(budget.used(), 500u);
  EXPECT_EQ(waiting, 500u);
  EXPECT_EQ(budget.waiting_bytes(), 0u);
}

TEST(MemoryBudgetTest, WakesTheFlusherAboveTheSoftLimitOnly) {
  MemoryBudget budget(1000);
  int wakes = 0;
  budget.OnSoftLimit([&] { wakes += budget.used() > 0 ? 1 : 0; });  // used(): no lock is held
  ASSERT_EQ(budget.soft_bytes(), 750u);
  ASSERT_TRUE(budget.Reserve(750, milliseconds(0)).ok());
  EXPECT_EQ(wakes, 0);
  ASSERT_TRUE(budget.Reserve(1, milliseconds(0)).ok());
  EXPECT_EQ(wakes, 1);
}

TEST(MemoryBudgetTest, ChargesMayExceedTheLimitAndThenEveryReservationWaits) {
  MemoryBudget budget(1000);
  budget.Charge(1500);
  EXPECT_FALSE(budget.Reserve(1, milliseconds(1)).ok());
  EXPECT_FALSE(budget.Reserve(0, milliseconds(0)).ok());
  budget.Release(501);
  EXPECT_TRUE(budget.Reserve(1, milliseconds(0)).ok());
}

TEST(MemoryBudgetTest, ManyThreadsNeverGetMoreThanTheLimit) {
  MemoryBudget budget(100);
  std::atomic<int64_t> held{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const uint64_t bytes = 1 + static_cast<uint64_t>((i + t) % 60);
        if (!budget.Reserve(bytes, kLong).ok()) over = true;
        if (held.fetch_add(static_cast<int64_t>(bytes)) + static_cast<int64_t>(bytes) > 100) {
          over = true;
        }
        held.fetch_sub(static_cast<int64_t>(bytes));
        budget.Release(bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace varve::buffer
