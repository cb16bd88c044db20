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
  bool TryCommitAsync(log::Transaction) override { return true; }
  Result<LsnRange> Commit(log::Transaction) override { return Internal("not used"); }
  Lsn durable() const override { return Lsn(durable_); }
  void SetDurable(Lsn lsn) { durable_ = lsn.value; }
  uint64_t disk_bytes() const override { return disk_bytes_; }
  void SetDiskBytes(uint64_t bytes) { disk_bytes_ = bytes; }
  Status TruncateThrough(Lsn through) override {
    if (before_cut) before_cut();
    {
      MutexLock lock(mu_);
      through_ = through;
      ++cuts_;
    }
    changed_.NotifyAll();
    return OkStatus();
  }
  // Of the cuts until now.
  void Forget() {
    MutexLock lock(mu_);
    through_ = {};
  }
  int cuts() {
    MutexLock lock(mu_);
    return cuts_;
  }
  // True once it was cut exactly here; false only after a minute.
  bool WaitUntilCutAt(Lsn through) {
    MutexLock lock(mu_);
    return changed_.WaitFor(mu_, std::chrono::minutes(1),
                            [&]() VARVE_REQUIRES(mu_) { return through_ == through; });
  }

  std::function<void()> before_cut;

 private:
  Mutex mu_;
  CondVar changed_;
  Lsn through_ VARVE_GUARDED_BY(mu_);
  int cuts_ VARVE_GUARDED_BY(mu_) = 0;
  std::atomic<uint64_t> disk_bytes_{0};
  std::atomic<uint64_t> durable_{0};
};

class BackgroundTest : public ::testing::Test {
 protected:
  BackgroundTest() {
    EXPECT_TRUE(disk_.MakeDirs("staged").ok());
    auto rings = ring::RingStore::Open(disk_, {.dir = "rings"});
    EXPECT_TRUE(rings.ok()) << rings.status();
    rings_ = *std::move(rings);
    tables_.Put(table_->id, delta_);
    buffer_.AddTable(table_, delta_->files(), Lsn{0});
  }
  void Write(const RowsSpec& spec) {
    const std::vector<TableRows> rows = {{table_, MakeRows(spec)}};
    ASSERT_TRUE(budget_.Reserve(buffer::SegmentBytes(*rows[0].rows), std::chrono::minutes(1)).ok());
    buffer_.Apply({next_, next_.Next()}, rows);
    log_.SetDurable(next_);
    next_ = next_.Next();
  }
  BackgroundWork::Parts Parts() {
    return {buffer_, budget_, log_, *rings_, stager_, flusher_, runner_, local_runner_, &note_};
  }
  static BackgroundWork::Settings Every(milliseconds interval) {
    return {.flush_interval = interval, .ring_checkpoint_interval = kNever};
  }
  // A sample of a metric that is made if it is absent.
  void WriteRing(Lsn lsn) {
    ring::RingChange change;
    const ring::MetricId id(1);
    if (rings_->Find(id) == nullptr) {
      ring::Metric& metric = change.created.emplace_back();
      metric.id = id;
      metric.name = "cpu";
    }
    change.samples.push_back({id, static_cast<int64_t>(lsn.value), 1.5});
    ASSERT_TRUE(rings_->Reserve(change).ok());
    ASSERT_TRUE(rings_->Apply(lsn, change).ok());
    log_.SetDurable(lsn);
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
  std::unique_ptr<ring::RingStore> rings_;
  ring::CheckpointNote note_{disk_, "flushed/rings-checkpoint"};
  Stager stager_{{buffer_, budget_, parquet_, disk_, Clock::System()}, {.dir = "staged"}};
  Flusher flusher_{{buffer_, stager_, tables_, store_, Clock::System()}, "node-1"};
  JobRunner runner_{Clock::System(), {}};
  JobRunner local_runner_{Clock::System(), {}};
  Lsn next_{1};
};

TEST_F(BackgroundTest, TheIntervalFlushesAndTheLogIsCut) {
  BackgroundWork work(Parts(), Every(milliseconds(5)));
  Start();
  Write({.rows = 10});
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{1}));
  EXPECT_EQ(SegmentCount(), 0u);
  Stop();
}

TEST_F(BackgroundTest, AFlushOnRequestCutsTheLogToo) {
  BackgroundWork work(Parts(), Every(kNever));
  Start();
  Write({.rows = 10});
  EXPECT_EQ(work.Flush(table_).value(), 10);
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{1}));
  Stop();
}

TEST_F(BackgroundTest, TheSoftLimitFlushesLongBeforeTheInterval) {
  BackgroundWork work(Parts(), Every(kNever));
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
  BackgroundWork work(Parts(), Every(kNever));
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
  BackgroundWork work(Parts(), Every(kNever));
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
  BackgroundWork work(Parts(), Every(kNever));
  Start();
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{1}));
  Stop();
}

TEST_F(BackgroundTest, LargeMergesRunInTheBackground) {
  buffer::MemoryBudget budget(256u << 20);
  buffer::Buffer buffer(budget);
  buffer.AddTable(table_, delta_->files(), Lsn{0});
  BackgroundWork work({buffer, budget, log_, *rings_, stager_, flusher_, runner_, local_runner_},
                      Every(kNever));
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
  ASSERT_EQ(jobs.size(), 5u);
  EXPECT_EQ(jobs[3].name, "ring-checkpoint");
  EXPECT_EQ(jobs[4].name, "buffer-merge");
}

TEST_F(BackgroundTest, TheLogIsKeptForTheRingsUntilTheirCheckpoint) {
  WriteRing(Lsn{7});
  BackgroundWork work(Parts(), Every(kNever));
  Start();
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{7}));  // what replay has applied
  WriteRing(Lsn{9});
  log_.Forget();
  ASSERT_TRUE(work.Flush(table_).ok());
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{7}));
  work.CheckpointRings();
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{9}));
  EXPECT_EQ(rings_->checkpoint_lsn(), Lsn{9});
  Stop();
}

TEST_F(BackgroundTest, ALargeLogThatTheRingsKeepIsCutAtThePriceOfACheckpoint) {
  BackgroundWork work(Parts(), Every(kNever));
  Start();
  WriteRing(Lsn{7});
  log_.SetDiskBytes(BackgroundWork::Settings().log_bytes_of_rings_max);
  ASSERT_TRUE(work.Flush(table_).ok());
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{7}));
  Stop();
  EXPECT_EQ(rings_->checkpoint_lsn(), Lsn{7});
}

TEST_F(BackgroundTest, RingsAreCheckpointedByIntervalAndAtTheEnd) {
  BackgroundWork::Settings settings = Every(kNever);
  settings.ring_checkpoint_interval = milliseconds(5);
  BackgroundWork work(Parts(), settings);
  Start();
  WriteRing(Lsn{7});
  while (rings_->checkpoint_lsn() < Lsn{7}) std::this_thread::yield();
  Stop();
  WriteRing(Lsn{9});
  EXPECT_TRUE(work.FlushForShutdown().ok());
  EXPECT_EQ(rings_->checkpoint_lsn(), Lsn{9});
  EXPECT_TRUE(log_.WaitUntilCutAt(Lsn{9}));
}

// A start that finds no rings must be able to tell that there were some.
TEST_F(BackgroundTest, TheCheckpointIsNotedBeforeTheLogIsCut) {
  BackgroundWork work(Parts(), Every(kNever));
  WriteRing(Lsn{7});
  disk_.FailNext(io::testing::FaultyDisk::Op::kRename, 1);  // behind the checkpoint's own
  EXPECT_FALSE(work.FlushForShutdown().ok());
  EXPECT_EQ(log_.cuts(), 0);
  Status noted;
  log_.before_cut = [&] {
    noted = ring::CheckpointNote(disk_, "flushed/rings-checkpoint").Check("elsewhere", Lsn{8});
  };
  EXPECT_TRUE(work.FlushForShutdown().ok());
  EXPECT_EQ(log_.cuts(), 1);
  EXPECT_EQ(noted.code(), StatusCode::kDataLoss) << noted;
}

TEST_F(BackgroundTest, ShutdownFlushesWhatThereIs) {
  BackgroundWork work(Parts(), Every(kNever));
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
