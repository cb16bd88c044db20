#include "io/http/retry.h"

#include <gtest/gtest.h>

namespace varve::io {
namespace {

using std::chrono::milliseconds;

class FixedRandom : public Random {
 public:
  void Fill(std::span<uint8_t> bytes) override {
    for (uint8_t& byte : bytes) byte = 0xFF;
  }
};

// Time that goes on only when the test says so.
class StandingClock : public Clock {
 public:
  int64_t NowUs() const override { return now_us; }
  int64_t MonotonicUs() const override { return now_us; }
  int64_t now_us = 0;
};

TEST(RetryTest, EndsAtTheDeadline) {
  StandingClock clock;
  FixedRandom random;
  StopGate gate;
  Retrier retrier({milliseconds(1), milliseconds(2), milliseconds(100)}, clock, random, gate);
  EXPECT_TRUE(retrier.WaitForNextTry());
  EXPECT_EQ(retrier.tries(), 2);
  clock.now_us = 97'000;
  EXPECT_EQ(retrier.remaining(), milliseconds(3));
  EXPECT_TRUE(retrier.WaitForNextTry());
  EXPECT_FALSE(retrier.WaitForNextTry(milliseconds(3))) << "it would end too late";
  clock.now_us = 200'000;
  EXPECT_FALSE(retrier.WaitForNextTry());
  EXPECT_EQ(retrier.remaining(), milliseconds(0));
  EXPECT_EQ(retrier.tries(), 3);
}

TEST(RetryTest, WaitsGrowAndStayBelowTheLongest) {
  StandingClock clock;
  FixedRandom random;  // 2^64 - 1 modulo the bound
  StopGate gate;
  const int64_t longest_us = 8'000;
  Retrier retrier({milliseconds(1), milliseconds(8), milliseconds(1'000'000)}, clock, random, gate);
  for (int i = 0; i < 40; ++i) {
    const int64_t began_us = Clock::System().MonotonicUs();
    ASSERT_TRUE(retrier.WaitForNextTry());
    const int64_t bound_us = std::min<int64_t>(1'000LL << std::min(i, 10), longest_us);
    const auto wanted_us = static_cast<int64_t>(UINT64_MAX % static_cast<uint64_t>(bound_us));
    EXPECT_GE(Clock::System().MonotonicUs() - began_us, wanted_us);
  }
}

TEST(RetryTest, EndsWhenTheServerStops) {
  StandingClock clock;
  FixedRandom random;
  StopGate gate;
  Retrier retrier({milliseconds(1), milliseconds(1), milliseconds(1'000)}, clock, random, gate);
  gate.Stop();
  EXPECT_FALSE(retrier.WaitForNextTry());
}

TEST(RetryTest, EndsWhenTheThreadIsInterrupted) {
  StandingClock clock;
  FixedRandom random;
  StopGate gate;
  const milliseconds hour(3'600'000);
  Retrier retrier({hour, hour, 2 * hour}, clock, random, gate);
  int asked = 0;
  const InterruptScope scope([&] { return ++asked > 2; });
  EXPECT_FALSE(retrier.WaitForNextTry());
}

}  // namespace
}  // namespace varve::io
