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
    EXPECT_TRUE(disk_.MakeDirs("staged").ok());
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
  size_t StagedCount() { return Of(table_)->staged.size(); }
  size_t LocalFiles() { return disk_.Names("staged").size(); }
  // From now on every call to the store and to the table's Delta log gives an error, or none does.
  void SetStoreDown(bool down) {
    const Status error = down ? Unavailable("the store is down (test)") : OkStatus();
    store_.SetDown(error);
    log_->SetDown(error);
  }

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
  Stager stager_{{buffer_, budget_, parquet_, disk_, clock_}, {.dir = "staged"}};
  Flusher flusher_{{buffer_, stager_, tables_, store_, clock_}, "node-1"};
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
  EXPECT_EQ(LocalFiles(), 0u);
}

TEST_F(FlusherTest, RowsOfATableThatIsNotInTheLakeAreNotSaidToBeFlushed) {
  tables_.Remove(table_->id);
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 0) << "no rows";
  Write(table_, {.rows = 5});
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(flusher_.FlushAll(/*skip_backing_off=*/false).ok());
  auto none = std::make_shared<FileSet>();
  none->version = delta_->files()->version;
  none->unreadable = "another's";
  buffer_.Swap(table_->id, Lsn{0}, none);
  EXPECT_EQ(SqlStateOf(flusher_.Flush(table_->id).status()), "55000");
  EXPECT_EQ(Of(table_)->segments.size(), 1u) << "they stay";
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
  EXPECT_EQ(LocalFiles(), 0u);
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, AFailedUploadIsDoneAgain) {
  Write(table_, {.rows = 30, .project = "%"});
  store_.FailPutFile(1, Unavailable("store is down"), /*after_storing=*/true);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  EXPECT_EQ(delta_->files()->version, 0);
  EXPECT_EQ(Rows(table_), FirstRows(30));
  Write(table_, {.first = 31, .project = "%"});
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 31);
  EXPECT_EQ(Rows(table_), FirstRows(31));
  EXPECT_EQ(store_.Names().size(), 4u);  // stored again under the same names
  EXPECT_EQ(LocalFiles(), 0u);
}

TEST_F(FlusherTest, ARefusedCommitIsDoneAgainWithTheSameFiles) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kFailedPrecondition);
  const std::set<std::string> stored = store_.Names();
  EXPECT_EQ(Rows(table_), FirstRows(30));
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(30));
  EXPECT_EQ(store_.Names(), stored);
  EXPECT_EQ(store_.put_count(), 1);
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
  EXPECT_EQ(Rows(table_), FirstRows(35));  // read where they still are
  EXPECT_EQ(LocalFiles(), 1u);             // a further one would tell nothing new
  delta_->SetRefreshError(OkStatus());
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 5);
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(delta_->files()->version, 2);
  EXPECT_EQ(SegmentCount(), 0u);
}

TEST_F(FlusherTest, ACommitThatWasLostIsDoneAgain) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kLost);
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_.Names().size(), 1u);  // it might still arrive
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(30));
  EXPECT_EQ(delta_->files()->version, 1);
}

TEST_F(FlusherTest, ALostCommitThatArrivesLateIsNotDoubled) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kLate);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  Write(table_, {.first = 31, .rows = 5});
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  ASSERT_TRUE(log_->LandLate());
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 5);
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(SegmentCount(), 0u);
}

// The first commit arrives after the Delta log was asked about it, in the middle of the second.
TEST_F(FlusherTest, ALostCommitThatArrivesDuringTheNextOneIsNotDoubled) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kLate);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  Write(table_, {.first = 31, .rows = 5});
  ASSERT_EQ(stager_.Stage(table_->id).value(), 5);
  clock_.Advance(3'600'000'000);  // so that the files are stored once more
  store_.SetHook([&] { log_->LandLate(); });
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());  // "arrived late"
  store_.SetHook({});
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(StagedCount(), 1u);
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 5);
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(delta_->files()->version, 2);
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
  EXPECT_EQ(StagedCount(), 1u);

  // The table is left alone for a second, and its error is still told.
  EXPECT_EQ(flusher_.FlushAll(true), first);
  EXPECT_EQ(StagedCount(), 1u);
  clock_.Advance(1'000'001);
  EXPECT_TRUE(flusher_.FlushAll(true).ok());
  EXPECT_EQ(StagedCount(), 0u);
}

TEST_F(FlusherTest, BackoffGrowsAndAnExplicitFlushDoesNotWaitForIt) {
  Write(table_, {.rows = 3});
  for (int i = 0; i < 3; ++i) {
    delta_->SetNextCommit(FakeDelta::Commit::kRefused);
    EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  }
  clock_.Advance(1'900'000);  // 2 s at least, 4 s at most
  EXPECT_FALSE(flusher_.FlushAll(true).ok());
  clock_.Advance(2'200'000);
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
  EXPECT_TRUE(stager_.Relieve().ok());
  EXPECT_EQ(SegmentCount(), 0u);
  EXPECT_FALSE(Of(other_)->segments.empty());
  EXPECT_TRUE(stager_.Relieve().ok());
  EXPECT_FALSE(Of(other_)->segments.empty());  // below half: nothing to do
}

TEST_F(FlusherTest, RelieveTakesTheOldestRowsAndNoMoreThanItMust) {
  for (int i = 0; i < 7; ++i)
    Write(table_, {.first = i * 100 + 1, .rows = 100, .body_bytes = 1200});
  const uint64_t before = budget_.used();
  ASSERT_GT(before, budget_.hard_bytes() / 2);
  const size_t segments = SegmentCount();
  ASSERT_GT(segments, 2u);
  EXPECT_TRUE(stager_.Relieve().ok());
  EXPECT_LE(budget_.used(), budget_.hard_bytes() / 2);
  EXPECT_GT(SegmentCount(), 0u);
  EXPECT_GT(StagedCount(), 1u);  // by parts
  EXPECT_EQ(Rows(table_), FirstRows(700));
  EXPECT_TRUE(flusher_.Flush(table_->id).ok());
  EXPECT_EQ(Rows(table_), FirstRows(700));
}

TEST_F(FlusherTest, RelieveMakesRoomForAWriterThatNeedsMoreThanHalf) {
  Write(other_, {.rows = 1000, .body_bytes = 10});
  budget_.OnSoftLimit([&] { EXPECT_TRUE(stager_.Relieve().ok()); });
  const uint64_t most = budget_.hard_bytes() - 1000;
  EXPECT_TRUE(budget_.Reserve(most, std::chrono::minutes(1)).ok());
  budget_.Release(most);
}

TEST_F(FlusherTest, WhileTheStoreIsDownRowsLeaveMemoryAndAreRead) {
  SetStoreDown(true);
  Write(table_, {.rows = 20});
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kUnavailable);
  constexpr int64_t kBatches = 40;  // five times the budget
  for (int64_t i = 0; i < kBatches; ++i) {
    Write(table_, {.first = 21 + i * 100, .rows = 100, .body_bytes = 1200});
    if (budget_.used() > budget_.soft_bytes()) {
      EXPECT_TRUE(stager_.Relieve().ok());
    }
    ASSERT_LE(budget_.used(), budget_.hard_bytes());
    EXPECT_FALSE(flusher_.FlushPending().ok());
  }
  const auto all = FirstRows(20 + kBatches * 100);
  EXPECT_EQ(Rows(table_), all);
  EXPECT_EQ(flusher_.Flush(table_->id).status().code(), StatusCode::kUnavailable);
  const size_t parts = StagedCount();
  EXPECT_GT(parts, 5u);
  EXPECT_EQ(buffer_.FlushedThrough(next_.Prev()), Lsn{0});  // the log keeps all of it

  SetStoreDown(false);
  EXPECT_FALSE(flusher_.FlushPending().ok());  // not before its time
  clock_.Advance(60'000'001);
  EXPECT_TRUE(flusher_.FlushPending().ok());
  EXPECT_EQ(StagedCount(), 0u);
  EXPECT_EQ(SegmentCount(), 0u);           // it had failed: all that came meanwhile goes too
  EXPECT_EQ(delta_->files()->version, 2);  // the backlog, and what was in memory
  EXPECT_EQ(Rows(table_), all);
  EXPECT_EQ(LocalFiles(), 0u);
  EXPECT_EQ(buffer_.FlushedThrough(next_.Prev()), next_.Prev());
}

TEST_F(FlusherTest, StagedFilesStayAsLongAsSomebodyReadsThem) {
  Write(table_, {.rows = 30, .project = "%"});
  ASSERT_EQ(stager_.Stage(table_->id).value(), 30);
  buffer::TableSnapshotRef reader = Of(table_);
  // A scan keeps the files, not the snapshot.
  FileSetRef scan = reader->scan_files;
  EXPECT_EQ(scan->files.size(), 3u);
  ASSERT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(LocalFiles(), 3u);
  EXPECT_EQ(testing::CountTable(store_, *reader)[1], FirstRows(30));
  reader.reset();
  EXPECT_EQ(testing::CountFiles(store_, *table_, *scan)[1], FirstRows(30));
  std::vector<std::shared_ptr<const DataFile>> pruned = {scan->files[0]};
  scan.reset();
  EXPECT_EQ(LocalFiles(), 3u);  // of one part: they go together
  pruned.clear();
  EXPECT_EQ(LocalFiles(), 0u);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, ATableDroppedWhileItsRowsAreStagedLeavesNothing) {
  SetStoreDown(true);
  Write(table_, {.rows = 30});
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  EXPECT_EQ(LocalFiles(), 1u);
  tables_.Remove(table_->id);
  buffer_.DropTable(table_->id);
  EXPECT_EQ(LocalFiles(), 0u);
  EXPECT_TRUE(flusher_.FlushPending().ok());
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 0);
  EXPECT_EQ(buffer_.FlushedThrough(next_.Prev()), next_.Prev());
}

TEST_F(FlusherTest, ATableDroppedDuringItsUploadIsNoError) {
  Write(table_, {.rows = 30});
  store_.SetHook([&] {
    tables_.Remove(table_->id);
    buffer_.DropTable(table_->id);
  });
  EXPECT_TRUE(flusher_.Flush(table_->id).ok());
  EXPECT_EQ(LocalFiles(), 0u);
}

// What else commits to the table must not touch what is staged.
TEST_F(FlusherTest, FilesShownWhileRowsAreStagedLeaveThemWhereTheyAre) {
  Write(table_, {.rows = 30});
  ASSERT_TRUE(flusher_.Flush(table_->id).ok());
  Write(table_, {.first = 31, .rows = 5});
  ASSERT_EQ(stager_.Stage(table_->id).value(), 5);
  const Result<FileSetRef> rewritten =
      delta_->Replace({.operation = "OPTIMIZE", .removed = {}, .added = {}, .data_change = false});
  ASSERT_TRUE(flusher_.ShowFiles(table_->id, *rewritten).ok());
  EXPECT_EQ(Of(table_)->files, *rewritten);
  EXPECT_EQ(StagedCount(), 1u);
  EXPECT_EQ(Rows(table_), FirstRows(35));
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 5);
  EXPECT_EQ(Rows(table_), FirstRows(35));
}

TEST_F(FlusherTest, AFullDiskLeavesRowsInMemoryAndCommitsMakeRoom) {
  SetStoreDown(true);
  Write(table_, {.rows = 30});
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  Write(table_, {.first = 31, .rows = 700, .body_bytes = 1200});
  ASSERT_GT(budget_.used(), budget_.hard_bytes() / 2);
  const Status full = SqlError(sqlstate::kDiskFull, "disk full");
  parquet_.FailWrite(0, full);
  EXPECT_EQ(SqlStateOf(stager_.Relieve()), sqlstate::kDiskFull);
  EXPECT_EQ(SqlStateOf(stager_.Relieve()), sqlstate::kDiskFull);  // too early for the next try
  EXPECT_EQ(SegmentCount(), 1u);
  EXPECT_EQ(LocalFiles(), 1u);
  EXPECT_EQ(Rows(table_), FirstRows(730));

  SetStoreDown(false);
  clock_.Advance(60'000'001);
  parquet_.FailWrite(0, full);
  EXPECT_EQ(SqlStateOf(flusher_.FlushPending()), sqlstate::kDiskFull);
  EXPECT_EQ(StagedCount(), 0u);
  EXPECT_EQ(LocalFiles(), 0u);
  // Writers wait: the next try comes soon, and nobody has to ask for it.
  clock_.Advance(5'000'001);
  EXPECT_TRUE(stager_.Relieve().ok());
  EXPECT_TRUE(flusher_.FlushPending().ok());
  EXPECT_EQ(StagedCount() + SegmentCount(), 0u);
  EXPECT_EQ(Rows(table_), FirstRows(730));
}

TEST_F(FlusherTest, ALargeBacklogNeedsFewCommitsAndNoFileTwice) {
  constexpr int64_t kParts = 200;
  for (int64_t i = 0; i < kParts; ++i) {
    Write(table_, {.first = 1 + i * 3, .rows = 3, .project = "%"});
    ASSERT_EQ(stager_.Stage(table_->id).value(), 3);
  }
  // The store goes away in the middle of the first upload.
  store_.FailPutFile(100, Unavailable("store is down (test)"));
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  const int before = store_.put_count();
  EXPECT_EQ(flusher_.Flush(table_->id).value(), kParts * 3);
  EXPECT_EQ(delta_->files()->version, 2);  // 600 files, 512 at most in one
  EXPECT_EQ(store_.Names().size(), static_cast<size_t>(kParts * 3));
  EXPECT_LT(before + 600 - store_.put_count(), 64 + 1);
  EXPECT_GT(before + 600 - store_.put_count(),
            32);  // what was stored before the failure is not again
  EXPECT_EQ(Rows(table_), FirstRows(kParts * 3));
  EXPECT_EQ(LocalFiles(), 0u);
}

// Objects that no version names are vacuum's after an hour.
TEST_F(FlusherTest, WhatWasStoredLongAgoIsStoredAgainBeforeItsCommit) {
  Write(table_, {.rows = 30});
  delta_->SetNextCommit(FakeDelta::Commit::kRefused);
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  for (const std::string& name : store_.Names()) ASSERT_TRUE(store_.Delete(name).ok());
  clock_.Advance(3'600'000'000);
  EXPECT_EQ(flusher_.Flush(table_->id).value(), 30);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

TEST_F(FlusherTest, AtTheEndNothingIsTriedAgain) {
  SetStoreDown(true);
  Write(table_, {.rows = 30});
  EXPECT_FALSE(flusher_.Flush(table_->id).ok());
  const int tried = store_.put_count();
  EXPECT_FALSE(flusher_.FlushAll(/*skip_backing_off=*/true).ok());
  EXPECT_EQ(store_.put_count(), tried);
  flusher_.GiveUpAfter(std::chrono::milliseconds(1));
  clock_.Advance(60'000'001);
  EXPECT_EQ(SqlStateOf(flusher_.FlushAll(true)), sqlstate::kAdminShutdown);
  EXPECT_EQ(store_.put_count(), tried);
  EXPECT_EQ(Rows(table_), FirstRows(30));
}

}  // namespace
}  // namespace varve::flush
