#include "server/http/byte_budget.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

namespace varve::server {
namespace {

TEST(ByteBudgetTest, ChargesGrowWithinTheBudgetAndAreGivenBack) {
  ByteBudget budget(100);
  std::optional<ByteBudget::Charge> first(budget);
  EXPECT_TRUE(first->RaiseTo(60));
  EXPECT_TRUE(first->RaiseTo(50));  // never less
  EXPECT_EQ(budget.used(), 60u);
  ByteBudget::Charge second(budget);
  EXPECT_FALSE(second.RaiseTo(41));
  EXPECT_EQ(budget.used(), 60u);
  EXPECT_TRUE(second.RaiseTo(40));
  EXPECT_FALSE(second.RaiseTo(41));
  first.reset();
  EXPECT_EQ(budget.used(), 40u);
  EXPECT_TRUE(second.RaiseTo(100));
}

TEST(ByteBudgetTest, ManyThreadsLeaveNothingBehind) {
  ByteBudget budget(1000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&budget] {
      for (size_t round = 0; round < 20'000; ++round) {
        ByteBudget::Charge charge(budget);
        charge.RaiseTo(round % 700);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace varve::server
