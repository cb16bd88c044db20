#include "buffer/buffer.h"

#include <gtest/gtest.h>

#include "buffer/testing/rows.h"
#include "io/testing/faulty_disk.h"

namespace varve::buffer {
namespace {

using testing::CountSegments;
using testing::FirstRows;
using testing::MakeRows;
using testing::MakeTable;
using testing::RowsSpec;

class BufferTest : public ::testing::Test {
 protected:
  BufferTest() { buffer_.AddTable(table_, files_, Lsn{0}); }

  // Applies one transaction with one batch and gives it the next Lsn.
  Lsn Write(const TableRef& table, const RowsSpec& spec) {
    const std::vector<TableRows> rows = {{table, MakeRows(spec)}};
    budget_.Charge(SegmentBytes(*rows[0].rows));
    const Lsn lsn = next_;
    next_ = lsn.Next();
    buffer_.Apply({lsn, next_}, rows);
    return lsn;
  }
  void WriteSingles(int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; ++i) Write(table_, {.first = first + i});
  }
  TableSnapshotRef Of(const TableRef& table) {
    const SnapshotRef snapshot = buffer_.Snapshot();
    const auto at = snapshot->find(table->id);
    return at == snapshot->end() ? nullptr : at->second;
  }
  uint64_t BytesHeld() {
    uint64_t bytes = 0;
    const SnapshotRef snapshot = buffer_.Snapshot();
    for (const auto& [id, table] : *snapshot) {
      for (const SegmentRef& segment : table->segments) bytes += segment->bytes;
    }
    return bytes;
  }

  static std::shared_ptr<const DataFile> File(const std::string& path, int64_t time) {
    auto file = std::make_shared<DataFile>();
    file->path = path;
    if (time != 0) file->time_range.Include(TimestampUs(time));
    return file;
  }
  StagedPartRef Part(LsnRange lsns, int64_t rows, const std::vector<std::string>& paths,
                     int64_t time = 1) {
    StagedContent content{.lsns = lsns, .files = {}, .rows = rows, .bytes = 0, .staged_us = 0};
    for (const std::string& path : paths) {
      content.files.push_back(*File(path, time));
      content.files.back().local_path = "staged/" + path;
    }
    return std::make_shared<const StagedPart>(disk_, std::move(content));
  }

  io::testing::FaultyDisk disk_;
  const TableRef table_ = MakeTable(TableId{1});
  const FileSetRef files_ = std::make_shared<const FileSet>();
  MemoryBudget budget_{1u << 30};
  Buffer buffer_{budget_};
  Lsn next_{1};
};

TEST_F(BufferTest, RowsOfAnAppliedTransactionAreInTheNextSnapshotOnly) {
  const SnapshotRef before = buffer_.Snapshot();
  Write(table_, {.rows = 10});
  EXPECT_TRUE(before->at(table_->id)->segments.empty());
  EXPECT_EQ(CountSegments(Of(table_)->segments).at(1), FirstRows(10));
}

TEST_F(BufferTest, SegmentsCarryLsnsAndTimes) {
  Write(table_, {.first = 5, .rows = 3});
  const Segment& segment = *Of(table_)->segments.at(0);
  EXPECT_EQ(segment.lsns.begin, Lsn{1});
  EXPECT_EQ(segment.lsns.end, Lsn{2});
  EXPECT_EQ(segment.time_range.max.value - segment.time_range.min.value, 2000);
}

TEST_F(BufferTest, MergingKeepsEveryRowAndWhatIsChargedIsWhatIsHeld) {
  constexpr int64_t kRows = 5'000;
  WriteSingles(1, kRows);
  const TableSnapshotRef snapshot = Of(table_);
  EXPECT_EQ(CountSegments(snapshot->segments).at(1), FirstRows(kRows));
  EXPECT_LT(snapshot->segments.size(), 50u);
  Lsn previous{0};
  for (const SegmentRef& segment : snapshot->segments) {
    EXPECT_EQ(segment->lsns.begin, previous.Next());
    previous = segment->lsns.end.Prev();
  }
  EXPECT_EQ(previous, Lsn(kRows));
  EXPECT_EQ(budget_.used(), BytesHeld());
}

TEST_F(BufferTest, AnOldSnapshotStaysChargedUntilItsReaderGoes) {
  WriteSingles(1, 7);
  SnapshotRef reader = buffer_.Snapshot();
  const uint64_t held_by_reader = BytesHeld();
  WriteSingles(8, 1);  // merges all eight
  ASSERT_EQ(Of(table_)->segments.size(), 1u);
  EXPECT_EQ(budget_.used(), held_by_reader + BytesHeld());
  EXPECT_EQ(CountSegments(reader->at(table_->id)->segments).at(1), FirstRows(7));
  reader.reset();
  EXPECT_EQ(budget_.used(), BytesHeld());
}

TEST_F(BufferTest, LargeMergesAreDoneWhenAskedFor) {
  int wakes = 0;
  buffer_.OnLargeMergeDue([&] { ++wakes; });
  constexpr int64_t kBatches = 200;
  for (int64_t i = 0; i < kBatches; ++i) {
    Write(table_, {.first = 1 + i * 1000, .rows = 1000, .body_bytes = 100});
  }
  EXPECT_GT(wakes, 0);
  const size_t before = Of(table_)->segments.size();
  int merges = 0;
  while (buffer_.MergeLarge()) ++merges;
  EXPECT_GT(merges, 0);
  EXPECT_LT(Of(table_)->segments.size(), before);
  EXPECT_EQ(CountSegments(Of(table_)->segments).at(1), FirstRows(kBatches * 1000));
  EXPECT_EQ(budget_.used(), BytesHeld());
}

TEST_F(BufferTest, LaterRowsAreNotMergedIntoWhatIsFrozen) {
  WriteSingles(1, 5);
  const Buffer::Frozen frozen = buffer_.Freeze(table_->id);
  ASSERT_EQ(frozen.segments.size(), 5u);
  EXPECT_EQ(frozen.through, Lsn{5});
  EXPECT_EQ(frozen.table, table_);
  WriteSingles(6, 8);
  const TableSnapshotRef snapshot = Of(table_);
  ASSERT_EQ(snapshot->segments.size(), 6u);  // 5 frozen, 8 merged into one
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(snapshot->segments[i], frozen.segments[i]);
}

TEST_F(BufferTest, AFreezeOfSomeBytesTakesTheOldestSegments) {
  WriteSingles(1, 4);
  const uint64_t one = Of(table_)->segments[0]->bytes;
  EXPECT_EQ(buffer_.Freeze(table_->id, 0).through, Lsn{1});
  const Buffer::Frozen frozen = buffer_.Freeze(table_->id, 2 * one + one / 2);
  ASSERT_EQ(frozen.segments.size(), 2u);
  EXPECT_EQ(frozen.through, Lsn{2});
  buffer_.Swap(table_->id, frozen.through, files_);
  EXPECT_EQ(Of(table_)->segments.size(), 2u);
  EXPECT_EQ(Of(table_)->flushed, Lsn{2});
}

TEST_F(BufferTest, AFreezeOfSomeBytesNeverDividesATransaction) {
  const BatchRef large = MakeRows({.rows = kBatchRowsMax});  // too large to be merged
  budget_.Charge(4 * buffer::SegmentBytes(*large));
  const std::vector<TableRows> three = {{table_, large}, {table_, large}, {table_, large}};
  buffer_.Apply({Lsn{1}, Lsn{4}}, three);
  buffer_.Apply({Lsn{4}, Lsn{5}}, std::vector<TableRows>{{table_, large}});
  const Buffer::Frozen frozen = buffer_.Freeze(table_->id, 0);
  EXPECT_EQ(frozen.segments.size(), 3u);
  EXPECT_EQ(frozen.through, Lsn{3});
  buffer_.Swap(table_->id, frozen.through, files_);
  EXPECT_EQ(Of(table_)->segments.size(), 1u);
}

TEST_F(BufferTest, ASmallerFreezeKeepsWhatAnEarlierOneHadAsItWas) {
  WriteSingles(1, 3);
  buffer_.Freeze(table_->id);
  buffer_.Freeze(table_->id, 0);
  WriteSingles(4, 8);
  const TableSnapshotRef snapshot = Of(table_);
  ASSERT_EQ(snapshot->segments.size(), 4u);  // the first three, and the eight as one
  EXPECT_EQ(snapshot->segments[2]->lsns.end, Lsn{4});
}

TEST_F(BufferTest, SwapPutsTheFilesInThePlaceOfTheFrozenRows) {
  Write(table_, {.rows = 100});
  const Buffer::Frozen frozen = buffer_.Freeze(table_->id);
  Write(table_, {.first = 101, .rows = 7});
  auto files = std::make_shared<FileSet>();
  files->version = 1;
  buffer_.Swap(table_->id, frozen.through, files);
  const TableSnapshotRef snapshot = Of(table_);
  EXPECT_EQ(snapshot->files, files);
  EXPECT_EQ(snapshot->flushed, frozen.through);
  ASSERT_EQ(snapshot->segments.size(), 1u);
  EXPECT_EQ(CountSegments(snapshot->segments).at(1).count, 7);
}

TEST_F(BufferTest, FilesOfAnOlderVersionComeTooLate) {
  Write(table_, {.rows = 100});
  const Buffer::Frozen frozen = buffer_.Freeze(table_->id);
  auto flushed = std::make_shared<FileSet>();
  flushed->version = 5;
  auto changed = std::make_shared<FileSet>();  // a DELETE that saw the flush's commit
  changed->version = 6;
  buffer_.Swap(table_->id, frozen.through, changed);
  buffer_.Swap(table_->id, frozen.through, flushed);
  const TableSnapshotRef snapshot = Of(table_);
  EXPECT_EQ(snapshot->files, changed);
  EXPECT_EQ(snapshot->flushed, frozen.through);
  EXPECT_TRUE(snapshot->segments.empty());
}

TEST_F(BufferTest, FreezingAgainAfterAFailedFlushTakesWhatCameMeanwhile) {
  WriteSingles(1, 3);
  buffer_.Freeze(table_->id);
  WriteSingles(4, 2);
  const Buffer::Frozen again = buffer_.Freeze(table_->id);
  EXPECT_EQ(again.segments.size(), 5u);
  EXPECT_EQ(again.through, Lsn{5});
  buffer_.Swap(table_->id, again.through, files_);
  EXPECT_TRUE(Of(table_)->segments.empty());
  uint64_t held = 0;
  for (const SegmentRef& segment : again.segments) held += segment->bytes;
  EXPECT_EQ(budget_.used(), held);  // `again` still has them
}

TEST_F(BufferTest, FreezingAnEmptyTableReachesWhatIsFlushed) {
  const TableRef other = MakeTable(TableId{7}, "other");
  buffer_.AddTable(other, files_, Lsn{41});
  const Buffer::Frozen frozen = buffer_.Freeze(other->id);
  EXPECT_TRUE(frozen.segments.empty());
  EXPECT_EQ(frozen.through, Lsn{41});
  EXPECT_EQ(buffer_.Freeze(TableId{99}).table, nullptr);
}

TEST_F(BufferTest, TheLogIsHeldByTheOldestUnflushedRowOfAnyTable) {
  const TableRef other = MakeTable(TableId{2}, "other");
  buffer_.AddTable(other, files_, Lsn{0});
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{0}), Lsn{0});
  Write(table_, {});                  // 1
  const Lsn held = Write(other, {});  // 2
  Write(table_, {.first = 2});        // 3
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{3}), Lsn{0});
  buffer_.Swap(table_->id, buffer_.Freeze(table_->id).through, files_);
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{3}), held.Prev());
  buffer_.Swap(other->id, buffer_.Freeze(other->id).through, files_);
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{3}), Lsn{3});
  // Behind the last rows are records of other things, which nobody brings here.
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{9}), Lsn{9});
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{2}), Lsn{2});
}

TEST_F(BufferTest, ATransactionWithoutRowsStillMovesTheLogOn) {
  buffer_.Apply({Lsn{1}, Lsn{4}}, {});
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{3}), Lsn{3});
}

TEST_F(BufferTest, RowsOfADroppedTableAreLetGo) {
  Write(table_, {.rows = 5});
  buffer_.DropTable(table_->id);
  EXPECT_EQ(Of(table_), nullptr);
  EXPECT_EQ(budget_.used(), 0u);
  Write(table_, {.first = 6});
  EXPECT_EQ(budget_.used(), 0u);
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{2}), Lsn{2});
  buffer_.Swap(table_->id, Lsn{1}, files_);  // a flush that was on its way
  buffer_.UpdateTable(table_);
  EXPECT_EQ(Of(table_), nullptr);
}

TEST_F(BufferTest, ADefinitionChangesWithoutTheRows) {
  Write(table_, {.rows = 5});
  auto wider = std::make_shared<TableDef>(*table_);
  wider->schema_version = 2;
  buffer_.UpdateTable(wider);
  const TableSnapshotRef snapshot = Of(table_);
  EXPECT_EQ(snapshot->table->schema_version, 2u);
  EXPECT_EQ(snapshot->files, files_);
  EXPECT_EQ(snapshot->segments.size(), 1u);
}

TEST_F(BufferTest, ATransactionOfTwoTablesBecomesVisibleInOneStep) {
  const TableRef other = MakeTable(TableId{2}, "other");
  buffer_.AddTable(other, files_, Lsn{0});
  const std::vector<TableRows> rows = {{table_, MakeRows({.rows = 3})},
                                       {other, MakeRows({.rows = 4})},
                                       {table_, MakeRows({.first = 4, .rows = 2})}};
  for (const TableRows& part : rows) budget_.Charge(SegmentBytes(*part.rows));
  buffer_.Apply({Lsn{1}, Lsn{4}}, rows);
  EXPECT_EQ(CountSegments(Of(table_)->segments).at(1), FirstRows(5));
  EXPECT_EQ(CountSegments(Of(other)->segments).at(1), FirstRows(4));
  EXPECT_EQ(buffer_.Freeze(table_->id).through, Lsn{3});
}

TEST_F(BufferTest, AStagedPartTakesThePlaceOfItsRows) {
  const Lsn first = Write(table_, {.rows = 100});
  const Buffer::Frozen frozen = buffer_.Freeze(table_->id);
  const Lsn second = Write(table_, {.first = 101, .rows = 7});
  buffer_.Stage(table_->id, Part({first, first.Next()}, 100, {"a"}));
  TableSnapshotRef snapshot = Of(table_);
  EXPECT_EQ(snapshot->files, files_);
  EXPECT_EQ(snapshot->flushed, Lsn{0});
  EXPECT_EQ(snapshot->staged_through(), first);
  ASSERT_EQ(snapshot->scan_files->files.size(), 1u);
  EXPECT_EQ(CountSegments(snapshot->segments).at(1).count, 7);
  // The log still has to keep what is staged, and a later freeze takes only what is in memory.
  EXPECT_EQ(buffer_.FlushedThrough(second), Lsn{0});
  EXPECT_EQ(buffer_.Freeze(table_->id).segments.size(), 1u);

  auto lake = std::make_shared<FileSet>();
  lake->version = 1;
  buffer_.Swap(table_->id, first, lake);
  snapshot = Of(table_);
  EXPECT_TRUE(snapshot->staged.empty());
  EXPECT_EQ(snapshot->scan_files, lake);
  EXPECT_EQ(snapshot->staged_through(), first);
  EXPECT_EQ(buffer_.FlushedThrough(second), first);
}

TEST_F(BufferTest, FilesAreScannedNewestFirstWhereverTheyAre) {
  auto lake = std::make_shared<FileSet>();
  for (const int64_t time : {0, 9, 5}) lake->files.push_back(File("lake", time));
  const std::vector<StagedPartRef> parts = {Part({Lsn{1}, Lsn{2}}, 1, {"s"}, 7),
                                            Part({Lsn{2}, Lsn{3}}, 1, {"s"}, 3)};
  const FileSetRef all = WithStaged(lake, parts);
  std::vector<int64_t> times;
  for (const auto& file : all->files) {
    times.push_back(file->time_range.empty() ? 0 : file->time_range.max.value);
  }
  EXPECT_EQ(times, (std::vector<int64_t>{0, 9, 7, 5, 3}));  // of unknown age first
  EXPECT_EQ(WithStaged(lake, {}), lake);
}

TEST_F(BufferTest, APartThatLacksRowsStopsTheProcess) {
  const Lsn lsn = Write(table_, {.rows = 100});
  EXPECT_DEATH(buffer_.Stage(table_->id, Part({lsn, lsn.Next()}, 99, {})), "rows");
}

TEST_F(BufferTest, SwappingHalfAPartStopsTheProcess) {
  const Lsn first = Write(table_, {.rows = 1});
  const Lsn last = Write(table_, {.first = 2});
  buffer_.Stage(table_->id, Part({first, last.Next()}, 2, {}));
  EXPECT_FALSE(buffer_.TrySwap(table_->id, first, files_));
  EXPECT_EQ(Of(table_)->staged.size(), 1u);
  EXPECT_DEATH(buffer_.Swap(table_->id, first, files_), "through");
}

TEST_F(BufferTest, SwappingHalfATransactionStopsTheProcess) {
  const std::vector<TableRows> rows = {{table_, MakeRows({})}};
  budget_.Charge(SegmentBytes(*rows[0].rows));
  buffer_.Apply({Lsn{1}, Lsn{4}}, rows);
  EXPECT_DEATH(buffer_.Swap(table_->id, Lsn{2}, files_), "through");
}

TEST_F(BufferTest, LsnsThatGoBackStopTheProcess) {
  Write(table_, {});
  EXPECT_DEATH(buffer_.Apply({Lsn{1}, Lsn{2}}, {}), "applied_");
}

}  // namespace
}  // namespace varve::buffer
