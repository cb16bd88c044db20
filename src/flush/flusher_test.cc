#include "flush/flusher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "flush/testing/fake_lake.h"
#include "io/testing/faulty_disk.h"

namespace varve::flush {
namespace {

using buffer::testing::FirstRows;
using buffer::testing::MakeRows;
using buffer::testing::MakeTable;
using buffer::testing::RowsSpec;
using testing::DeltaLog;
using testing::FakeDelta;

class FakeClock : public Clock {
 public:
  int64_t NowUs() const override { return MonotonicUs(); }
  int64_t MonotonicUs() const override { return now_us_; }
  void Advance(int64_t us) { now_us_ += us; }

 private:
  std::atomic<int64_t> now_us_{1'000'000};
};

class FlusherTest : public ::testing::Test {
 protected:
  FlusherTest() {
    EXPECT_TRUE(disk_.MakeDirs("scratch").ok());
    AddTable(table_, delta_);
    AddTable(other_, other_delta_);
  }
  void AddTable(const TableRef& table, const std::shared_ptr<FakeDelta>& delta) {
    tables_.Put(table->id, delta);
    buffer_.AddTable(table, delta->files(), Lsn{0});
  }
  void Write(const TableRef& table, const RowsSpec& spec) {
    const std::vector<TableRows> rows = {{table, MakeRows(spec)}};
    budget_.Charge(buffer::SegmentBytes(*rows[0].rows));
    buffer_.Apply({next_, next_.Next()}, rows);
    next_ = next_.Next();
  }
  // Every row there is, wherever it is.
  buffer::testing::Tally Rows(const TableRef& table) {
    return testing::CountTable(store_, *Of(table))[1];
  }
  buffer::TableSnapshotRef Of(const TableRef& table) { return buffer_.Snapshot()->at(table->id); }
  size_t SegmentCount() { return Of(table_)->segments.size(); }
  size_t FileCount() { return Of(table_)->files->files.size(); }
  void ExpectNothingLeftBehind() { EXPECT_TRUE(disk_.Names("scratch").empty()); }

  io::testing::FaultyDisk disk_;
  FakeClock clock_;
  const TableRef table_ = MakeTable(TableId{1}, "t");
  const TableRef other_ = MakeTable(TableId{2}, "other");
  const std::shared_ptr<DeltaLog> log_ = std::make_shared<DeltaLog>();
  const std::shared_ptr<FakeDelta> delta_ = std::make_shared<FakeDelta>(log_);
  const std::shared_ptr<FakeDelta> other_delta_ =
      std::make_shared<FakeDelta>(std::make_shared<DeltaLog>());
  testing::MemoryStore store_{disk_};
  testing::TallyWriter parquet_{disk_};
  lake::TableSet tables_;
  buffer::MemoryBudget budget_{1u << 20};
  buffer::Buffer buffer_{budget_};
  Flusher flusher_{{buffer_, budget_, tables_, parquet_, store_, disk_, clock_},
                   {.node_id = "node-1", .scratch_dir = "scratch"}};
  Lsn next_{1};
};

TEST_F(FlusherTest, OneFilePerPartitionAndOneCommitThatSaysHowFarItGoes) {
  Write(table_, {.rows = 30, .project = "%"});
  Write(table_, {.first = 31, .rows = 5, .project = "%"});
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 35);
  EXPECT_EQ(SegmentCount(), 0u);
  EXPECT_EQ(FileCount(), 3u);
  EXPECT_EQ(delta_->files()->version, 1);
  EXPECT_EQ(delta_->txn_version("node-1/1"), 2);
  EXPECT_EQ(Of(table_)->flushed, Lsn{2});
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(budget_.used(), 0u);
  ExpectNothingLeftBehind();
}

TEST_F(FlusherTest, FilesAreDescribedAsTheDeltaLogNeedsThem) {
  Write(table_, {.rows = 10, .project = "a b"});
  ASSERT_TRUE(flusher_.Flush(table_->id).ok());
  const DataFile& file = *Of(table_)->files->files.at(0);
  EXPECT_EQ(file.rows, 10);
  EXPECT_GT(file.bytes, 0);
  EXPECT_EQ(file.partition_values.at("project_id"), "a b");
  EXPECT_TRUE(file.path.starts_with("project_id=")) << file.path;
  EXPECT_TRUE(file.path.ends_with(".zstd.parquet")) << file.path;
  EXPECT_TRUE(store_.Names().contains("tables/1/" + file.path));
  EXPECT_FALSE(file.time_range.empty());
  const lake::ParquetSpec spec = parquet_.last_spec();
  EXPECT_EQ(spec.columns, (std::vector<uint32_t>{0, 2, 3, 4}));  // without project_id
  ASSERT_EQ(spec.order.size(), 1u);
}

TEST_F(FlusherTest, FilesAreNotSortedByWhatIsTheSameInAllOfThem) {
  auto table = std::make_shared<TableDef>(*MakeTable(TableId{3}, "sorted"));
  ASSERT_EQ(table->partition_columns, (std::vector<uint32_t>{1}));
  table->sort_order = {{1, false}, {0, true}};
  AddTable(table, std::make_shared<FakeDelta>(std::make_shared<DeltaLog>()));
  Write(table, {.rows = 3});
  ASSERT_TRUE(flusher_.Flush(table->id).ok());
  const lake::ParquetSpec spec = parquet_.last_spec();
  ASSERT_EQ(spec.order.size(), 1u);
  EXPECT_EQ(spec.order[0].column, 0u);
}

TEST_F(FlusherTest, NothingToFlushCommitsNothing) {
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 0);
  EXPECT_EQ(flusher_.Flush(TableId{77}).value(), 0);
  EXPECT_EQ(delta_->files()->version, 0);
}

TEST_F(FlusherTest, AFailedParquetWriteLeavesEverythingAsItWas) {
  Write(table_, {.rows = 30, .project = "%"});
  parquet_.FailWrite(1, SqlError(sqlstate::kDiskFull, "disk full"));
  EXPECT_EQ(SqlStateOf(flusher_.Flush(table_->id).status()), sqlstate::kDiskFull);
  EXPECT_EQ(SegmentCount(), 1u);
  EXPECT_EQ(delta_->files()->version, 0);
  EXPECT_TRUE(store_.Names().empty());  // also the file that had been stored before
  ExpectNothingLeftBehind();
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, AFailedUploadLeavesEverythingAsItWas) {
  Write(table_, {.rows = 30, .project = "%"});
  store_.FailPutFile(1, Unavailable("store is down"), /*after_storing=*/true);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  EXPECT_TRUE(store_.Names().empty());
  ExpectNothingLeftBehind();
  Write(table_, {.first = 31, .project = "%"});
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 31);
  EXPECT_EQ(Rows(table_), FirstRows(31));
}

TEST_F(FlusherTest, ARefusedCommitLeavesEverythingAsItWas) {
  Write(table_, {.rows = 30, .project = "%"});
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store_.Names().empty());
  EXPECT_EQ(Rows(table_), FirstRows(30));
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, ACommitWhoseAnswerWasLostIsFoundAndNotDoubled) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kDoneButNoAnswer);
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(SegmentCount(), 0u);
  EXPECT_EQ(delta_->files()->version, 1);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, FilesCommittedOtherwiseAreShownWithTheRowsThatAFlushHasNotSwappedYet) {
  Write(table_, {.rows = 30});
  // The flush's commit is there, and one of somebody else who has seen it is shown first.
  delta_->SetNextCommit(FakeDelta::Commit::kDoneButNoAnswer);
  delta_->SetRefreshError(Unavailable("the store does not answer (test)"));
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  FakeDelta other(log_);
  const Result<FileSetRef> changed = other.Append({}, "other/1", 1);
  ASSERT_TRUE(changed.ok());
  ASSERT_TRUE(flusher_.ShowFiles(table_->id, *changed).ok());
  EXPECT_EQ(Rows(table_), FirstRows(30));
  EXPECT_EQ(SegmentCount(), 0u);
  delta_->SetRefreshError(OkStatus());
  Write(table_, {.first = 31, .rows = 5});
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 5);
  EXPECT_EQ(Rows(table_), FirstRows(35));
  ASSERT_TRUE(flusher_.ShowFiles(table_->id, *changed).ok());  // too late: nothing changes
  EXPECT_EQ(Rows(table_), FirstRows(35));
}

TEST_F(FlusherTest, FilesThatReachWhereNoFlushWentAreNotShown) {
  Write(table_, {.rows = 30});
  const Result<FileSetRef> strange = FakeDelta(log_).Append({}, "node-1/1", 1);
  ASSERT_TRUE(strange.ok());
  EXPECT_EQ(flusher_.ShowFiles(table_->id, *strange).code(), StatusCode::kDataLoss);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, ATableInDoubtCommitsNothingUntilItIsSettled) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kDoneButNoAnswer);
  delta_->SetRefreshError(Unavailable("the store does not answer (test)"));
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kUnavailable);
  Write(table_, {.first = 31, .rows = 5});
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_.Names().size(), 1u);    // the file of the commit that may have happened
  EXPECT_EQ(Rows(table_), FirstRows(35));  // still read from memory
  delta_->SetRefreshError(OkStatus());
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 5);
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(delta_->files()->version, 2);
  EXPECT_EQ(SegmentCount(), 0u);
}

TEST_F(FlusherTest, ACommitThatWasLostIsDoneAgainWithNewFiles) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kLost);
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_.Names().size(), 1u);  // it might still arrive: vacuum's to remove
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(30));
  EXPECT_EQ(delta_->files()->version, 1);
}

TEST_F(FlusherTest, ALostCommitThatArrivesLateIsNotDoubled) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kLost);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  Write(table_, {.first = 31, .rows = 5});
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  // Now the first one arrives, with the file that had to stay for it.
  ASSERT_EQ(store_.Names().size(), 1u);
  {
    auto file = std::make_shared<DataFile>();
    file->path = store_.Names().begin()->substr(std::string("tables/1/").size());
    MutexLock lock(log_->mu);
    log_->files.push_back(file);
    log_->txns["node-1/1"] = 1;
    ++log_->version;
  }
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 5);
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(SegmentCount(), 0u);
}

TEST_F(FlusherTest, AnotherServerWithThisNodesIdIsFoundOut) {
  Write(table_, {.rows = 30});
  {
    MutexLock lock(log_->mu);
    log_->txns["node-1/1"] = 99;
  }
  delta_->SetNextCommit(FakeDelta::Commit::kLost);
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, AWriterThatLosesARowIsNotBelieved) {
  Write(table_, {.rows = 30});
  parquet_.LoseARow(true);
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kInternal);
  EXPECT_EQ(delta_->files()->version, 0);
  EXPECT_EQ(SegmentCount(), 1u);
}

TEST_F(FlusherTest, RowsThatComeDuringAFlushStayForTheNext) {
  Write(table_, {.rows = 30});
  parquet_.SetHook([&] {
    parquet_.SetHook({});
    Write(table_, {.first = 31, .rows = 3});
  });
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(33));
  EXPECT_EQ(SegmentCount(), 1u);
}

TEST_F(FlusherTest, ATableDroppedDuringItsFlushIsNoError) {
  Write(table_, {.rows = 30});
  parquet_.SetHook([&] {
    buffer_.DropTable(table_->id);
    tables_.Remove(table_->id);
  });
  EXPECT_TRUE(flusher_.Flush(table_->id).ok());
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 0);
}

TEST_F(FlusherTest, CallersDuringAFlushShareTheNextOne) {
  Write(table_, {.rows = 30});
  constexpr int kCallers = 4;
  std::vector<std::thread> callers;
  std::atomic<int64_t> rows{0};
  std::atomic<int> waiting{0};
  parquet_.SetHook([&] {
    parquet_.SetHook({});
    Write(table_, {.first = 31, .rows = 3});
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] {
        ++waiting;
        rows += flusher_.Flush(table_->id).value();
      });
    }
    while (waiting < kCallers) std::this_thread::yield();
  });
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(SegmentCount(), 0u);
  EXPECT_EQ(Rows(table_), FirstRows(33));
  EXPECT_GE(rows, 3);
  EXPECT_EQ(delta_->files()->version, 2);
}

TEST_F(FlusherTest, FlushAllGoesOnAfterAnErrorAndBacksOff) {
  Write(table_, {.rows = 30});
  Write(other_, {.rows = 7});
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  const Status first = flusher_.FlushAll(true);
  EXPECT_NE(MessageOf(first).find("public.t"), std::string_view::npos);
  EXPECT_TRUE(Of(other_)->segments.empty());
  EXPECT_EQ(SegmentCount(), 1u);

  // The table is left alone for a second, and its error is still told.
  EXPECT_EQ(flusher_.FlushAll(true), first);
  EXPECT_EQ(SegmentCount(), 1u);
  clock_.Advance(1'000'001);
  EXPECT_TRUE(flusher_.FlushAll(true).ok());
  EXPECT_EQ(SegmentCount(), 0u);
}

TEST_F(FlusherTest, BackoffGrowsAndAnExplicitFlushDoesNotWaitForIt) {
  Write(table_, {.rows = 3});
  for (int i = 0; i < 3; ++i) {
    delta_->SetNextCommit(FakeDelta::Commit::kRefused);
    EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  }
  clock_.Advance(3'900'000);
  EXPECT_FALSE(flusher_.FlushAll(true).ok());
  clock_.Advance(200'000);
  EXPECT_TRUE(flusher_.FlushAll(true).ok());
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  Write(table_, {.first = 4});
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  EXPECT_TRUE(flusher_.FlushAll(false).ok());
}

TEST_F(FlusherTest, RelieveTakesTheLargestTablesUntilHalfIsFree) {
  Write(other_, {.rows = 1000, .body_bytes = 10});
  Write(table_, {.rows = 1000, .body_bytes = 1000});
  ASSERT_GT(budget_.used(), budget_.hard_bytes() / 2);
  EXPECT_TRUE(flusher_.Relieve().ok());
  EXPECT_EQ(SegmentCount(), 0u);
  EXPECT_FALSE(Of(other_)->segments.empty());
  EXPECT_TRUE(flusher_.Relieve().ok());
  EXPECT_FALSE(Of(other_)->segments.empty());  // below half: nothing to do
}

TEST_F(FlusherTest, RelieveTakesTheOldestRowsAndNoMoreThanItMust) {
  for (int i = 0; i < 7; ++i)
    Write(table_, {.first = i * 100 + 1, .rows = 100, .body_bytes = 1200});
  const uint64_t before = budget_.used();
  ASSERT_GT(before, budget_.hard_bytes() / 2);
  const size_t segments = SegmentCount();
  ASSERT_GT(segments, 2u);
  EXPECT_TRUE(flusher_.Relieve().ok());
  EXPECT_LE(budget_.used(), budget_.hard_bytes() / 2);
  EXPECT_GT(SegmentCount(), 0u);
  EXPECT_GT(delta_->files()->version, 1);  // by parts
  EXPECT_EQ(Rows(table_), FirstRows(700));
  EXPECT_TRUE(flusher_.Flush(table_->id).ok());
  EXPECT_EQ(Rows(table_), FirstRows(700));
}

// A commit that failed may still happen, so that the next one must not end before it.
TEST_F(FlusherTest, RelieveAfterAFailedCommitGoesAtLeastAsFar) {
  for (int i = 0; i < 7; ++i)
    Write(table_, {.first = i * 100 + 1, .rows = 100, .body_bytes = 1200});
  delta_->SetNextCommit(FakeDelta::Commit::kLost);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  clock_.Advance(120'000'000);
  EXPECT_TRUE(flusher_.Relieve().ok());
  EXPECT_EQ(SegmentCount(), 0u);
  EXPECT_EQ(Rows(table_), FirstRows(700));
}

TEST_F(FlusherTest, RelieveMakesRoomForAWriterThatNeedsMoreThanHalf) {
  Write(other_, {.rows = 1000, .body_bytes = 10});
  budget_.OnSoftLimit([&] { EXPECT_TRUE(flusher_.Relieve().ok()); });
  const uint64_t most = budget_.hard_bytes() - 1000;
  EXPECT_TRUE(budget_.Reserve(most, std::chrono::minutes(1)).ok());
  budget_.Release(most);
}

}  // namespace
}  // namespace varve::flush
