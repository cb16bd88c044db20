#include "flush/job_runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace varve::flush {
namespace {

using std::chrono::milliseconds;

// Counts runs and waits for them.
class Runs {
 public:
  void Add(JobRunner::Trigger trigger) {
    {
      MutexLock lock(mu_);
      triggers_.push_back(trigger);
    }
    changed_.NotifyAll();
  }
  // All triggers once there are `count`; fewer only if that takes a minute.
  std::vector<JobRunner::Trigger> WaitFor(size_t count) {
    MutexLock lock(mu_);
    changed_.WaitFor(mu_, std::chrono::minutes(1),
                     [&]() VARVE_REQUIRES(mu_) { return triggers_.size() >= count; });
    return triggers_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::vector<JobRunner::Trigger> triggers_ VARVE_GUARDED_BY(mu_);
};

// A gate that a job waits at.
class Gate {
 public:
  void Open() {
    {
      MutexLock lock(mu_);
      open_ = true;
    }
    changed_.NotifyAll();
  }
  void Pass() {
    MutexLock lock(mu_);
    changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return open_; });
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool open_ VARVE_GUARDED_BY(mu_) = false;
};

class JobRunnerTest : public ::testing::Test {
 protected:
  // The entry of the job once it is not running and has run `count` times.
  catalog::JobInfo InfoAfter(size_t job, int64_t count) {
    while (true) {
      const catalog::JobInfo info = runner_.Jobs().at(job);
      if (info.runs >= count && !info.running) return info;
      std::this_thread::yield();
    }
  }

  Runs errors_;
  Runs runs_;
  JobRunner runner_{Clock::System(), [this](const std::string&, const Status&) {
                      errors_.Add(JobRunner::Trigger::kRetry);
                    }};
};

TEST_F(JobRunnerTest, RunsByIntervalAgainAndAgain) {
  runner_.Add({.name = "tick", .interval = milliseconds(1), .run = [&](JobRunner::Trigger trigger) {
                 runs_.Add(trigger);
                 return OkStatus();
               }});
  runner_.Start(1);
  const auto triggers = runs_.WaitFor(3);
  ASSERT_GE(triggers.size(), 3u);
  EXPECT_EQ(triggers[0], JobRunner::Trigger::kInterval);
}

TEST_F(JobRunnerTest, AJobWithoutIntervalRunsOnlyWhenWoken) {
  const auto job = runner_.Add({.name = "on demand", .run = [&](JobRunner::Trigger trigger) {
                                  runs_.Add(trigger);
                                  return OkStatus();
                                }});
  runner_.Start(2);
  EXPECT_EQ(runner_.Jobs().at(0).last_start_us, 0);
  runner_.Wake(job);
  EXPECT_EQ(runs_.WaitFor(1).at(0), JobRunner::Trigger::kWoken);
  const catalog::JobInfo info = InfoAfter(job, 1);
  EXPECT_EQ(info.name, "on demand");
  EXPECT_GT(info.last_start_us, 0);
  EXPECT_EQ(info.last_error, "");
}

TEST_F(JobRunnerTest, AWakeBeforeStartIsNotLost) {
  const auto job = runner_.Add({.name = "early", .run = [&](JobRunner::Trigger trigger) {
                                  runs_.Add(trigger);
                                  return OkStatus();
                                }});
  runner_.Wake(job);
  runner_.Start(1);
  EXPECT_EQ(runs_.WaitFor(1).size(), 1u);
}

TEST_F(JobRunnerTest, AWakeDuringARunRunsItOnceMoreAndNeverTwiceAtOnce) {
  Gate gate;
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  const auto job = runner_.Add({.name = "slow", .run = [&](JobRunner::Trigger trigger) {
                                  if (inside.fetch_add(1) > 0) overlapped = true;
                                  runs_.Add(trigger);
                                  gate.Pass();
                                  inside.fetch_sub(1);
                                  return OkStatus();
                                }});
  runner_.Start(2);
  runner_.Wake(job);
  runs_.WaitFor(1);
  EXPECT_TRUE(runner_.Jobs().at(0).running);
  runner_.Wake(job);
  runner_.Wake(job);
  gate.Open();
  EXPECT_EQ(runs_.WaitFor(2).size(), 2u);
  EXPECT_EQ(InfoAfter(job, 2).runs, 2);
  EXPECT_FALSE(overlapped);
}

TEST_F(JobRunnerTest, AnErrorIsShownReportedAndRetriedUntilItIsGone) {
  std::atomic<int> left{2};
  const auto job = runner_.Add({.name = "failing",
                                .retry_after = milliseconds(1),
                                .run = [&](JobRunner::Trigger trigger) -> Status {
                                  runs_.Add(trigger);
                                  if (left.fetch_sub(1) > 0) return Unavailable("store is down");
                                  return OkStatus();
                                }});
  runner_.Start(1);
  runner_.Wake(job);
  const auto triggers = runs_.WaitFor(3);
  ASSERT_EQ(triggers.size(), 3u);
  EXPECT_EQ(triggers[1], JobRunner::Trigger::kRetry);
  EXPECT_EQ(errors_.WaitFor(2).size(), 2u);
  EXPECT_EQ(InfoAfter(job, 3).last_error, "");
}

TEST_F(JobRunnerTest, AnExceptionIsAnErrorOfTheJobAndNotTheEnd) {
  const auto job = runner_.Add({.name = "throwing", .run = [&](JobRunner::Trigger) -> Status {
                                  throw std::runtime_error("out of luck");
                                }});
  runner_.Start(1);
  runner_.Wake(job);
  errors_.WaitFor(1);
  EXPECT_NE(InfoAfter(job, 1).last_error.find("out of luck"), std::string::npos);
}

TEST_F(JobRunnerTest, ASlowJobDoesNotHoldUpTheOther) {
  Gate gate;
  const auto slow = runner_.Add({.name = "slow", .run = [&](JobRunner::Trigger) {
                                   gate.Pass();
                                   return OkStatus();
                                 }});
  const auto quick = runner_.Add({.name = "quick", .run = [&](JobRunner::Trigger trigger) {
                                    runs_.Add(trigger);
                                    return OkStatus();
                                  }});
  runner_.Start(2);
  runner_.Wake(slow);
  runner_.Wake(quick);
  EXPECT_EQ(runs_.WaitFor(1).size(), 1u);
  gate.Open();
  runner_.Stop();  // the slow job must be through the gate before the gate is gone
}

TEST_F(JobRunnerTest, StopWaitsForWhatRunsAndNothingRunsAfterIt) {
  std::atomic<int> finished{0};
  const auto job = runner_.Add({.name = "last", .run = [&](JobRunner::Trigger trigger) {
                                  runs_.Add(trigger);
                                  ++finished;
                                  return OkStatus();
                                }});
  runner_.Start(2);
  runner_.Wake(job);
  runs_.WaitFor(1);
  runner_.Stop();
  EXPECT_EQ(finished, 1);
  runner_.Wake(job);
  runner_.Stop();
  EXPECT_EQ(finished, 1);
}

}  // namespace
}  // namespace varve::flush
