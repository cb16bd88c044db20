#include "server/core/session_registry.h"

#include <gtest/gtest.h>

#include "server/core/session_for_test.h"

namespace varve::server {
namespace {

class TestClock : public Clock {
 public:
  int64_t NowUs() const override { return now_us; }
  int64_t MonotonicUs() const override { return now_us; }
  int64_t now_us = 1'000'000;
};

class SessionRegistryTest : public ::testing::Test {
 protected:
  TestClock clock_;
  SessionRegistry registry_{2, clock_, Random::System()};
  SessionForTest session_;
};

TEST_F(SessionRegistryTest, RefusesMoreThanItsLimit) {
  const auto first = registry_.Register().value();
  ASSERT_TRUE(registry_.Register().ok());
  EXPECT_EQ(SqlStateOf(registry_.Register().status()), "53300");
  registry_.Unregister(first->pid());
  EXPECT_TRUE(registry_.Register().ok());
}

TEST_F(SessionRegistryTest, CancelNeedsTheSecretAndARunningStatement) {
  const auto entry = registry_.Register().value();
  entry->SetSession(&session_);
  registry_.Cancel(entry->pid(), entry->secret());
  EXPECT_EQ(session_.cancels, 0);
  entry->BeginStatement(0);
  registry_.Cancel(entry->pid(), entry->secret() + 1);
  registry_.Cancel(entry->pid() + 1, entry->secret());
  EXPECT_EQ(session_.cancels, 0);
  registry_.Cancel(entry->pid(), entry->secret());
  EXPECT_EQ(session_.cancels, 1);
  EXPECT_EQ(entry->EndStatement(), StopReason::kUser);
  entry->BeginStatement(0);
  EXPECT_EQ(entry->stop_reason(), StopReason::kNone);
}

TEST_F(SessionRegistryTest, StatementsAreStoppedWhenTheirTimeIsUp) {
  const auto entry = registry_.Register().value();
  entry->SetSession(&session_);
  entry->BeginStatement(50);
  clock_.now_us += 49'999;
  registry_.Watch();
  EXPECT_EQ(session_.cancels, 0);
  clock_.now_us += 1;
  registry_.Watch();
  EXPECT_EQ(session_.cancels, 1);
  EXPECT_EQ(entry->stop_reason(), StopReason::kStatementTimeout);
  entry->EndStatement();
  registry_.Watch();
  EXPECT_EQ(session_.cancels, 1);
}

TEST_F(SessionRegistryTest, AStopIsRepeatedUntilTheStatementEnds) {
  const auto entry = registry_.Register().value();
  entry->SetSession(&session_);
  entry->BeginStatement(0);
  registry_.Cancel(entry->pid(), entry->secret());
  registry_.Watch();
  EXPECT_EQ(session_.cancels, 2);
  entry->EndStatement();
  registry_.Watch();
  entry->BeginStatement(0);
  registry_.Watch();
  EXPECT_EQ(session_.cancels, 2);
}

TEST_F(SessionRegistryTest, StoppingForGoodReachesStatementsThatBeginLater) {
  const auto entry = registry_.Register().value();
  entry->SetSession(&session_);
  registry_.StopAll(StopReason::kShutdown);
  EXPECT_EQ(session_.cancels, 0);
  EXPECT_EQ(entry->stop_reason(), StopReason::kShutdown);
  entry->BeginStatement(0);
  EXPECT_EQ(entry->stop_reason(), StopReason::kShutdown);
  registry_.Watch();
  EXPECT_EQ(session_.cancels, 1);
  entry->EndStatement();
  EXPECT_EQ(entry->stop_reason(), StopReason::kShutdown);
}

TEST_F(SessionRegistryTest, StoppingForGoodReachesSessionsThatComeLater) {
  registry_.StopAll(StopReason::kShutdown);
  const auto entry = registry_.Register().value();
  entry->SetSession(&session_);
  entry->BeginStatement(0);
  EXPECT_EQ(entry->stop_reason(), StopReason::kShutdown);
  registry_.Watch();
  EXPECT_EQ(session_.cancels, 1);
}

}  // namespace
}  // namespace varve::server
