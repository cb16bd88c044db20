#include "flush/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "flush/testing/fake_lake.h"
#include "io/testing/faulty_disk.h"

namespace varve::flush {
namespace {

using buffer::testing::MakeRows;
using buffer::testing::MakeTable;
using buffer::testing::RowsSpec;
using std::chrono::milliseconds;
using testing::FakeDelta;

constexpr milliseconds kNever{3'600'000};

// Remembers how far it was cut.
class CutLog : public log::Log {
 public:
  void CommitAsync(log::Transaction) override {}
  Result<LsnRange> Commit(log::Transaction) override { return Internal("not used"); }
  Lsn durable() const override { return Lsn{1'000'000}; }
  uint64_t disk_bytes() const override { return 0; }
  Status TruncateThrough(Lsn through) override {
    {
      MutexLock lock(mu_);
      through_ = through;
    }
    changed_.NotifyAll();
    return OkStatus();
  }
  // True once it was cut exactly here; false only after a minute.
  bool WaitUntilCutAt(Lsn through) {
    MutexLock lock(mu_);
    return changed_.WaitFor(mu_, std::chrono::minutes(1),
                            [&]() VARVE_REQUIRES(mu_) { return through_ == through; });
  }

 private:
  Mutex mu_;
  CondVar changed_;
  Lsn through_ VARVE_GUARDED_BY(mu_);
};

class BackgroundTest : public ::testing::Test {
 protected:
  BackgroundTest() {
    EXPECT_TRUE(disk_.MakeDirs("staged").ok());
    tables_.Put(table_->id, delta_);
    buffer_.AddTable(table_, delta_->files(), Lsn{0});
  }
  void Write(const RowsSpec& spec) {
    const std::vector<TableRows> rows = {{table_, MakeRows(spec)}};
    ASSERT_TRUE(budget_.Reserve(buffer::SegmentBytes(*rows[0].rows), std::chrono::minutes(1)).ok());
    buffer_.Apply({next_, next_.Next()}, rows);
    next_ = next_.Next();
  }
  BackgroundWork::Parts Parts() {
    return {buffer_, budget_, log_, stager_, flusher_, runner_, local_runner_};
  }
  void Start() {
    runner_.Start(1);
    local_runner_.Start(1);
  }
  void Stop() {
    local_runner_.Stop();
    runner_.Stop();
  }
  buffer::testing::Tally Rows() {
    return testing::CountTable(store_, *buffer_.Snapshot()->at(table_->id))[1];
  }
  size_t SegmentCount() { return buffer_.Snapshot()->at(table_->id)->segments.size(); }

  io::testing::FaultyDisk disk_;
  const TableRef table_ = MakeTable(TableId{1}, "t");
  const std::shared_ptr<FakeDelta> delta_ =
      std::make_shared<FakeDelta>(std::make_shared<testing::DeltaLog>());
  testing::MemoryStore store_{disk_};
  testing::TallyWriter parquet_{disk_};
  lake::TableSet tables_;
  buffer::MemoryBudget budget_{4u << 20};
  buffer::Buffer buffer_{budget_};
  CutLog log_;
  Stager stager_{{buffer_, budget_, parquet_, disk_, Clock::System()}, {.dir = "staged"}};
  Flusher flusher_{{buffer_, stager_, tables_, store_, Clock::System()}, "node-1"};
  JobRunner runner_{Clock::System(), {}};
  JobRunner local_runner_{Clock::System(), {}};
  Lsn next_{1};
};

TEST_F(BackgroundTest, TheIntervalFlushesAndTheLogIsCut) {
  BackgroundWork work(Parts(), milliseconds(5));
  Start();
  Write({.rows = 10});
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{1}));
  EXPECT_EQ(SegmentCount(), 0u);
  Stop();
}

TEST_F(BackgroundTest, AFlushOnRequestCutsTheLogToo) {
  BackgroundWork work(Parts(), kNever);
  Start();
  Write({.rows = 10});
  EXPECT_EQ(work.Flush(table_).value(), 10);
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{1}));
  Stop();
}

TEST_F(BackgroundTest, TheSoftLimitFlushesLongBeforeTheInterval) {
  BackgroundWork work(Parts(), kNever);
  Start();
  // Ten times the budget: goes through only if flushes keep making room.
  for (int64_t i = 0; i < 40; ++i) {
    Write({.first = 1 + i * 1000, .rows = 1000, .body_bytes = 1500});
  }
  Stop();
  EXPECT_GT(delta_->files()->version, 0);
  EXPECT_EQ(Rows(), buffer::testing::FirstRows(40'000));
}

// Under load memory may be short for hours: the second part is not written here before the first is
// in the lake.
TEST_F(BackgroundTest, WhatIsStagedIsCommittedWhileMemoryIsStillShort) {
  std::atomic<int> writes = 0;
  std::atomic<bool> committed = false;
  parquet_.SetHook([&] {
    if (++writes != 2) return;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!committed && std::chrono::steady_clock::now() < give_up) {
      committed = delta_->files()->version > 0;
      std::this_thread::yield();
    }
  });
  BackgroundWork work(Parts(), kNever);
  Start();
  // The flush that each start begins with must not be the one that commits.
  while (runner_.Jobs().at(0).runs == 0) std::this_thread::yield();
  for (int64_t i = 0; i < 8; ++i) {
    Write({.first = 1 + i * 1000, .rows = 1000, .body_bytes = 1500});
  }
  Stop();
  EXPECT_GE(writes, 2);
  EXPECT_TRUE(committed);
  EXPECT_EQ(Rows(), buffer::testing::FirstRows(8'000));
}

// Not one answer from the store, for as long as the test likes.
TEST_F(BackgroundTest, AStoreThatDoesNotAnswerHoldsUpNoWriter) {
  Mutex mu;
  CondVar changed;
  bool answers = false;
  store_.SetHook([&] {
    MutexLock lock(mu);
    changed.Wait(mu, [&] { return answers; });
  });
  BackgroundWork work(Parts(), kNever);
  Start();
  std::thread waiting([&] { EXPECT_TRUE(work.Flush(table_).ok()); });
  for (int64_t i = 0; i < 40; ++i) {
    Write({.first = 1 + i * 1000, .rows = 1000, .body_bytes = 1500});
  }
  EXPECT_EQ(delta_->files()->version, 0);
  EXPECT_EQ(Rows(), buffer::testing::FirstRows(40'000));
  {
    MutexLock lock(mu);
    answers = true;
  }
  changed.NotifyAll();
  waiting.join();
  EXPECT_TRUE(work.Flush(table_).ok());
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{40}));
  Stop();
  EXPECT_EQ(Rows(), buffer::testing::FirstRows(40'000));
  EXPECT_TRUE(buffer_.Snapshot()->at(table_->id)->staged.empty());
}

// What replay had to stage is committed without anybody asking.
TEST_F(BackgroundTest, WhatIsStagedAtTheStartIsCommitted) {
  Write({.rows = 10});
  ASSERT_EQ(stager_.Stage(table_->id).value(), 10);
  BackgroundWork work(Parts(), kNever);
  Start();
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{1}));
  Stop();
}

TEST_F(BackgroundTest, LargeMergesRunInTheBackground) {
  buffer::MemoryBudget budget(256u << 20);
  buffer::Buffer buffer(budget);
  buffer.AddTable(table_, delta_->files(), Lsn{0});
  BackgroundWork work({buffer, budget, log_, stager_, flusher_, runner_, local_runner_}, kNever);
  Start();
  // Two of these are too large for a merge by Apply.
  for (uint64_t i = 0; i < 60; ++i) {
    const std::vector<TableRows> rows = {
        {table_, MakeRows({.first = static_cast<int64_t>(1 + i * 5000), .rows = 5000})}};
    budget.Charge(buffer::SegmentBytes(*rows[0].rows));
    buffer.Apply({Lsn(i + 1), Lsn(i + 2)}, rows);
  }
  while (buffer.Snapshot()->at(table_->id)->segments.size() > 30) std::this_thread::yield();
  Stop();
  EXPECT_EQ(buffer::testing::CountSegments(buffer.Snapshot()->at(table_->id)->segments)[1],
            buffer::testing::FirstRows(300'000));
  const auto jobs = work.Jobs();
  ASSERT_EQ(jobs.size(), 4u);
  EXPECT_EQ(jobs[3].name, "buffer-merge");
}

TEST_F(BackgroundTest, ShutdownFlushesWhatThereIs) {
  BackgroundWork work(Parts(), kNever);
  Write({.rows = 10});
  EXPECT_TRUE(work.FlushForShutdown().ok());
  EXPECT_EQ(SegmentCount(), 0u);
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{1}));
  Write({.first = 11});
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  EXPECT_FALSE(work.FlushForShutdown().ok());
  EXPECT_EQ(Rows(), buffer::testing::FirstRows(11));
}

}  // namespace
}  // namespace varve::flush
