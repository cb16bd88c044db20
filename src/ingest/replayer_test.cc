#include "ingest/replayer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "buffer/testing/rows.h"
#include "io/testing/faulty_disk.h"
#include "model/batch_codec.h"

namespace varve::ingest {
namespace {

using buffer::testing::CountSegments;
using buffer::testing::FirstRows;
using buffer::testing::MakeRows;
using buffer::testing::MakeTable;
using buffer::testing::RowsSpec;

class ReplayerTest : public ::testing::Test {
 protected:
  static constexpr TableId kHighest{10};

  void AddTables(Lsn flushed_a, Lsn flushed_b) {
    buffer_.AddTable(a_, std::make_shared<const FileSet>(), flushed_a);
    buffer_.AddTable(b_, std::make_shared<const FileSet>(), flushed_b);
    OpenRings();
    replayer_.emplace(buffer_, budget_, *rings_, kHighest, std::set<uint64_t>{7}, [this] {
      ++asked_for_room_;
      return make_room_();
    });
  }
  void OpenRings() {
    Result<std::unique_ptr<ring::RingStore>> opened =
        ring::RingStore::Open(disk_, {.dir = "rings"});
    ASSERT_TRUE(opened.ok()) << opened.status();
    rings_ = *std::move(opened);
  }
  log::Record RecordOf(const ring::RingChange& change) {
    log::Record record;
    record.type = log::RecordType::kRingSamples;
    record.lsn = next_;
    record.transaction = TransactionId(next_.value);
    ring::EncodeChange(change, record.payload);
    next_ = next_.Next();
    return record;
  }
  static ring::RingChange NewMetric(uint32_t id, const std::string& name) {
    ring::RingChange change;
    ring::Metric& metric = change.created.emplace_back();
    metric.id = ring::MetricId(id);
    metric.name = name;
    return change;
  }
  std::vector<ring::Point> Points(uint32_t id) {
    std::vector<ring::Point> points;
    EXPECT_TRUE(rings_->Read(ring::MetricId(id), {}, points).ok());
    return points;
  }
  log::Record RecordOf(TableId table, const RowsSpec& spec) {
    log::Record record;
    record.lsn = next_;
    record.transaction = TransactionId(next_.value);
    record.table = table;
    record.payload = EncodeBatch(*MakeRows(spec));
    next_ = next_.Next();
    return record;
  }
  Status Replay(std::vector<log::Record> records) { return replayer_->Replay(records); }
  Status ReplayOne(TableId table, const RowsSpec& spec) { return Replay({RecordOf(table, spec)}); }
  buffer::TableSnapshotRef Of(const TableRef& table) { return buffer_.Snapshot()->at(table->id); }
  buffer::testing::Tally Rows(const TableRef& table) {
    return CountSegments(Of(table)->segments)[1];
  }

  const TableRef a_ = MakeTable(TableId{1}, "a");
  const TableRef b_ = MakeTable(TableId{2}, "b");
  buffer::MemoryBudget budget_{64u << 20};
  buffer::Buffer buffer_{budget_};
  std::function<Status()> make_room_ = [] { return OkStatus(); };
  int asked_for_room_ = 0;
  io::testing::FaultyDisk disk_;
  std::unique_ptr<ring::RingStore> rings_;
  std::optional<Replayer> replayer_;
  Lsn next_{1};
};

TEST_F(ReplayerTest, EveryRowIsBackAndMayBeFlushedAndCut) {
  AddTables(Lsn{0}, Lsn{0});
  for (int64_t i = 1; i <= 100; ++i) ASSERT_TRUE(ReplayOne(a_->id, {.first = i}).ok());
  ASSERT_TRUE(
      Replay({RecordOf(a_->id, {.first = 101, .rows = 10}), RecordOf(b_->id, {.rows = 7})}).ok());
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_EQ(Rows(a_), FirstRows(110));
  EXPECT_EQ(Rows(b_), FirstRows(7));
  EXPECT_EQ(replayer_->report().rows, 117u);
  EXPECT_EQ(replayer_->report().transactions, 101u);
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{102}), Lsn{0});
  EXPECT_EQ(buffer_.Freeze(a_->id).through, Lsn{102});
  uint64_t held = 0;
  for (const TableRef& table : {a_, b_}) {
    for (const buffer::SegmentRef& segment : Of(table)->segments) held += segment->bytes;
  }
  EXPECT_EQ(budget_.used(), held);
}

TEST_F(ReplayerTest, WhatTheLakeHasIsSkippedPerTable) {
  AddTables(Lsn{3}, Lsn{1});
  for (int64_t i = 1; i <= 6; ++i) {
    ASSERT_TRUE(ReplayOne(i % 2 == 0 ? b_->id : a_->id, {.first = i}).ok());
  }
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_EQ(Rows(a_), (buffer::testing::Tally{1, 5, 5}));  // 1 and 3 are in the lake
  EXPECT_EQ(Rows(b_), (buffer::testing::Tally{3, 6, 2 + 4 + 6}));
  EXPECT_EQ(replayer_->report().flushed_records, 2u);
  // No segment may begin at or below what the files of its table reach.
  EXPECT_LT(Lsn{3}, Of(a_)->segments.at(0)->lsns.begin);
  EXPECT_LT(Lsn{1}, Of(b_)->segments.at(0)->lsns.begin);
}

// One step for each transaction copied the list of all before it: a start took hours.
TEST_F(ReplayerTest, RowsOfAnUnreadableTableStayApartAndComeInFewSteps) {
  auto unreadable = std::make_shared<FileSet>();
  unreadable->unreadable = "the bucket is down";
  buffer_.AddTable(b_, std::move(unreadable), Lsn{0});
  buffer_.AddTable(a_, std::make_shared<const FileSet>(), Lsn{0});
  OpenRings();
  replayer_.emplace(buffer_, budget_, *rings_, kHighest, std::set<uint64_t>{}, make_room_);
  int steps = 0;
  size_t seen = 0;
  constexpr int64_t kTransactions = 5'000;
  for (int64_t i = 1; i <= kTransactions; ++i) {
    ASSERT_TRUE(ReplayOne(b_->id, {.first = i}).ok());
    if (i % 10 == 0) {
      ASSERT_TRUE(ReplayOne(a_->id, {.first = i / 10}).ok());
    }
    if (Of(b_)->segments.size() != seen) ++steps;
    seen = Of(b_)->segments.size();
  }
  EXPECT_LT(steps, 20);
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_EQ(Rows(a_), FirstRows(kTransactions / 10));
  EXPECT_EQ(Rows(b_), FirstRows(kTransactions));
  EXPECT_EQ(Of(b_)->segments.size(), static_cast<size_t>(kTransactions));
  EXPECT_TRUE(buffer_.TrySwap(b_->id, Lsn{777}, std::make_shared<const FileSet>()));
}

TEST_F(ReplayerTest, ALogThatTheLakeHasWhollyCanBeCut) {
  AddTables(Lsn{3}, Lsn{3});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ReplayOne(a_->id, {}).ok());
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_TRUE(Of(a_)->segments.empty());
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{3}), Lsn{3});
}

TEST_F(ReplayerTest, AnEmptyLogIsFine) {
  AddTables(Lsn{3}, Lsn{0});
  EXPECT_TRUE(replayer_->Finish().ok());
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{9}), Lsn{9});
}

TEST_F(ReplayerTest, DroppedTablesAreSkippedAndCounted) {
  AddTables(Lsn{0}, Lsn{0});
  ASSERT_TRUE(Replay({RecordOf(kHighest, {.rows = 5}), RecordOf(a_->id, {})}).ok());
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_EQ(replayer_->report().dropped_records, 1u);
  EXPECT_EQ(Rows(a_), FirstRows(1));
}

TEST_F(ReplayerTest, ATableThatWasNeverMadeIsDamage) {
  AddTables(Lsn{0}, Lsn{0});
  const Status refused = ReplayOne(TableId{11}, {});
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(refused).find("11"), std::string_view::npos);
}

TEST_F(ReplayerTest, RowsBehindADefinitionCountOnlyIfItWasCommitted) {
  AddTables(Lsn{0}, Lsn{0});
  for (const uint64_t number : {7, 8}) {
    log::Record definition = RecordOf(TableId{0}, {});
    definition.type = log::RecordType::kDefinition;
    definition.payload.clear();
    AppendLittle(definition.payload, number);
    log::Record rows = RecordOf(a_->id, {.first = static_cast<int64_t>(number)});
    ASSERT_TRUE(Replay({definition, rows}).ok());
  }
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_EQ(Rows(a_), (buffer::testing::Tally{1, 7, 7}));
  EXPECT_EQ(replayer_->report().committed, std::set<uint64_t>{7});
  EXPECT_EQ(replayer_->report().undone_records, 2u);
  EXPECT_EQ(buffer_.Freeze(a_->id).through,
            Lsn{4});  // the rows left out are behind us all the same
}

TEST_F(ReplayerTest, ATransactionWhoseBeginningWasCutHasNothingLeftToReplay) {
  AddTables(Lsn{0}, Lsn{0});
  log::Record rest = RecordOf(a_->id, {});
  rest.lsn = next_;  // the record of the definition before it was in the segment that was cut
  ASSERT_TRUE(Replay({rest}).ok());
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_TRUE(Of(a_)->segments.empty());
}

TEST_F(ReplayerTest, UnknownRecordTypesAreDamage) {
  AddTables(Lsn{0}, Lsn{0});
  log::Record record = RecordOf(a_->id, {});
  record.type = static_cast<log::RecordType>(9);
  EXPECT_EQ(Replay({record}).code(), StatusCode::kDataLoss);
}

TEST_F(ReplayerTest, ChangesOfRingsAreAppliedBesideRows) {
  AddTables(Lsn{0}, Lsn{0});
  ring::RingChange change = NewMetric(1, "cpu");
  change.samples = {{ring::MetricId(1), 10, 1.5}, {ring::MetricId(1), 11, 2.5}};
  ASSERT_TRUE(Replay({RecordOf(change)}).ok());
  ASSERT_TRUE(ReplayOne(a_->id, {}).ok());
  change = {};
  change.samples = {{ring::MetricId(1), 11, 3.5}};
  ASSERT_TRUE(Replay({RecordOf(change)}).ok());
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_EQ(Points(1), (std::vector<ring::Point>{{10, 1.5}, {11, 3.5}}));
  EXPECT_EQ(Rows(a_), FirstRows(1));
  EXPECT_EQ(replayer_->report().ring_records, 2u);
  EXPECT_EQ(replayer_->report().ring_samples, 3u);
  EXPECT_EQ(replayer_->report().transactions, 3u);
}

TEST_F(ReplayerTest, WhatTheRingsHaveIsSkipped) {
  AddTables(Lsn{0}, Lsn{0});
  const log::Record made = RecordOf(NewMetric(1, "cpu"));
  ASSERT_TRUE(Replay({made}).ok());
  ASSERT_TRUE(rings_->Checkpoint().ok());
  rings_.reset();
  OpenRings();
  replayer_.emplace(buffer_, budget_, *rings_, kHighest, std::set<uint64_t>{}, make_room_);
  // Made a second time it would be a contradiction.
  ASSERT_TRUE(Replay({made}).ok());
  ring::RingChange change;
  change.samples = {{ring::MetricId(1), 10, 1.5}};
  ASSERT_TRUE(Replay({RecordOf(change)}).ok());
  EXPECT_EQ(Points(1), (std::vector<ring::Point>{{10, 1.5}}));
  EXPECT_EQ(replayer_->report().checkpointed_records, 1u);
  EXPECT_EQ(replayer_->report().ring_records, 1u);
}

TEST_F(ReplayerTest, AChangeOfRingsThatCannotBeIsDamage) {
  AddTables(Lsn{0}, Lsn{0});
  log::Record cut = RecordOf(NewMetric(1, "cpu"));
  cut.payload.pop_back();
  const Status refused = Replay({cut});
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(refused).find("log record 1"), std::string_view::npos) << refused;
  ASSERT_TRUE(Replay({RecordOf(NewMetric(1, "cpu"))}).ok());
  EXPECT_EQ(Replay({RecordOf(NewMetric(1, "mem"))}).code(), StatusCode::kDataLoss);
}

TEST_F(ReplayerTest, WithoutRoomForTheRingsTheStartIsRefused) {
  AddTables(Lsn{0}, Lsn{0});
  disk_.SetCapacity(1);
  ring::RingChange change = NewMetric(1, "cpu");
  change.samples = {{ring::MetricId(1), 10, 1.5}};
  EXPECT_EQ(SqlStateOf(Replay({RecordOf(change)})), sqlstate::kDiskFull);
}

TEST_F(ReplayerTest, FilesThatEndWithinATransactionAreDamage) {
  AddTables(Lsn{1}, Lsn{0});
  const auto first = RecordOf(a_->id, {});
  EXPECT_EQ(Replay({first, RecordOf(b_->id, {})}).code(), StatusCode::kDataLoss);
}

TEST_F(ReplayerTest, BatchesOfOneTransactionAreNotJoinedBeyondWhatABatchMayHold) {
  AddTables(Lsn{0}, Lsn{0});
  constexpr int64_t kRows = kBatchRowsMax / 2 + 1;
  ASSERT_TRUE(Replay({RecordOf(a_->id, {.rows = kRows}),
                      RecordOf(a_->id, {.first = kRows + 1, .rows = kRows})})
                  .ok());
  ASSERT_TRUE(replayer_->Finish().ok());
  for (const buffer::SegmentRef& segment : Of(a_)->segments) {
    EXPECT_LE(segment->rows->rows, kBatchRowsMax);
  }
  EXPECT_EQ(Rows(a_), FirstRows(2 * kRows));
}

TEST_F(ReplayerTest, ReplayMakesRoomAboveTheSoftLimit) {
  AddTables(Lsn{0}, Lsn{0});
  make_room_ = [&] {
    const auto frozen = buffer_.Freeze(a_->id);
    buffer_.Swap(a_->id, frozen.through, std::make_shared<const FileSet>());
    return OkStatus();
  };
  uint64_t most = 0;
  for (int64_t i = 0; i < 400; ++i) {
    ASSERT_TRUE(ReplayOne(a_->id, {.first = i * 1000, .rows = 1000, .body_bytes = 1000}).ok());
    most = std::max(most, budget_.used());
  }
  ASSERT_TRUE(replayer_->Finish().ok());
  EXPECT_GT(asked_for_room_, 3);
  EXPECT_LE(most, budget_.hard_bytes());
}

TEST_F(ReplayerTest, WithoutRoomItGoesOnToTheHardLimitAndThenRefuses) {
  AddTables(Lsn{0}, Lsn{0});
  make_room_ = [] { return Unavailable("the store is down"); };
  Status status;
  while (status.ok()) {
    ASSERT_LE(budget_.used(), budget_.hard_bytes());
    status = ReplayOne(a_->id, {.rows = 1000, .body_bytes = 1000});
  }
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(MessageOf(status).find("the store is down"), std::string_view::npos);
  EXPECT_GT(asked_for_room_, 1);
  EXPECT_LT(asked_for_room_, 10);
}

}  // namespace
}  // namespace varve::ingest
