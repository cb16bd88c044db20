#include "ingest/committer.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "buffer/testing/rows.h"
#include "ingest/rows_record.h"
#include "model/batch_codec.h"

namespace varve::ingest {
namespace {

using buffer::testing::CountSegments;
using buffer::testing::FirstRows;
using buffer::testing::MakeRows;
using buffer::testing::MakeTable;
using std::chrono::milliseconds;

// Keeps transactions until the test lets them be durable or fail.
class HeldLog : public log::Log {
 public:
  void CommitAsync(log::Transaction transaction) override {
    bool at_once = false;
    {
      MutexLock lock(mu_);
      held_.push_back(std::move(transaction));
      at_once = at_once_;
    }
    if (at_once) LetGo();
  }
  bool TryCommitAsync(log::Transaction transaction) override {
    CommitAsync(std::move(transaction));
    return true;
  }
  Result<LsnRange> Commit(log::Transaction) override { return Internal("not used"); }
  Lsn durable() const override { return next_.Prev(); }
  Status TruncateThrough(Lsn) override { return OkStatus(); }
  uint64_t disk_bytes() const override { return 0; }

  void DurableAtOnce() {
    MutexLock lock(mu_);
    at_once_ = true;
  }
  // Ends all that is held, as the writer thread would.
  void LetGo(const Status& result = OkStatus()) {
    for (log::Transaction& transaction : Take()) {
      if (!result.ok()) {
        transaction.done(result);
        continue;
      }
      const LsnRange lsns{next_, Lsn(next_.value + transaction.records.size())};
      next_ = lsns.end;
      transaction.on_durable(lsns);
      transaction.done(lsns);
      answered_.push_back(std::move(transaction));
    }
  }
  std::vector<log::Transaction> Take() {
    MutexLock lock(mu_);
    return std::exchange(held_, {});
  }
  const std::vector<log::Transaction>& answered() const { return answered_; }

 private:
  Mutex mu_;
  std::vector<log::Transaction> held_ VARVE_GUARDED_BY(mu_);
  bool at_once_ VARVE_GUARDED_BY(mu_) = false;
  std::vector<log::Transaction> answered_;
  Lsn next_{1};
};

log::Record RecordOf(std::string payload) {
  log::Record record;
  record.lsn = Lsn{17};
  record.payload = std::move(payload);
  return record;
}

class CommitterTest : public ::testing::Test {
 protected:
  CommitterTest() {
    buffer_.AddTable(a_, std::make_shared<const FileSet>(), Lsn{0});
    buffer_.AddTable(b_, std::make_shared<const FileSet>(), Lsn{0});
  }
  void Start(WriteSet rows) {
    committer_.WriteAsync(std::move(rows), [this](Status status) {
      ++answers_;
      last_ = std::move(status);
    });
  }
  buffer::testing::Tally Visible(const TableRef& table) {
    return CountSegments(buffer_.Snapshot()->at(table->id)->segments)[1];
  }
  uint64_t BytesVisible() {
    uint64_t bytes = 0;
    const buffer::SnapshotRef snapshot = buffer_.Snapshot();
    for (const auto& [id, table] : *snapshot) {
      for (const buffer::SegmentRef& segment : table->segments) bytes += segment->bytes;
    }
    return bytes;
  }

  const TableRef a_ = MakeTable(TableId{1}, "a");
  const TableRef b_ = MakeTable(TableId{2}, "b");
  buffer::MemoryBudget budget_{1u << 20};
  buffer::Buffer buffer_{budget_};
  HeldLog log_;
  Committer committer_{log_, buffer_, budget_, milliseconds(20)};
  int answers_ = 0;
  Status last_ = Internal("no answer yet");
};

TEST_F(CommitterTest, RowsThatDependOnADecisionFollowIt) {
  log_.DurableAtOnce();
  const uint64_t used = budget_.used();
  const Status refused = committer_.WriteIf(41, {{a_, MakeRows({.rows = 10})}},
                                            [] { return SqlError("25001", "gone"); });
  EXPECT_EQ(SqlStateOf(refused), "25001");
  EXPECT_EQ(Visible(a_), FirstRows(0));
  EXPECT_EQ(budget_.used(), used);
  const log::RecordInput& first = log_.answered().at(0).records.at(0);
  EXPECT_EQ(first.type, log::RecordType::kDefinition);
  EXPECT_EQ(GetLittle<uint64_t>(first.payload.data()), 41u);
  bool seen_early = true;
  const Status accepted = committer_.WriteIf(42, {{a_, MakeRows({.rows = 10})}}, [&] {
    seen_early = Visible(a_) != FirstRows(0);
    return OkStatus();
  });
  EXPECT_TRUE(accepted.ok()) << accepted;
  EXPECT_FALSE(seen_early);
  EXPECT_EQ(Visible(a_), FirstRows(10));
}

TEST_F(CommitterTest, RowsAreVisibleWhenTheyAreDurableAndNotBefore) {
  Start({{a_, MakeRows({.rows = 10})}});
  EXPECT_EQ(answers_, 0);
  EXPECT_EQ(Visible(a_).count, 0);
  EXPECT_GT(budget_.used(), 0u);
  log_.LetGo();
  EXPECT_EQ(answers_, 1);
  EXPECT_TRUE(last_.ok());
  EXPECT_EQ(Visible(a_), FirstRows(10));
  EXPECT_EQ(budget_.used(), BytesVisible());  // the encoded form is given back
}

TEST_F(CommitterTest, AFailedLogLeavesNothingVisibleAndNothingReserved) {
  Start({{a_, MakeRows({.rows = 10})}, {b_, MakeRows({.rows = 5})}});
  log_.LetGo(SqlError(sqlstate::kDiskFull, "log full"));
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(SqlStateOf(last_), sqlstate::kDiskFull);
  EXPECT_EQ(Visible(a_).count + Visible(b_).count, 0);
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(CommitterTest, SeveralTablesAreOneTransaction) {
  Start(
      {{a_, MakeRows({.rows = 10})}, {b_, MakeRows({})}, {a_, MakeRows({.first = 11, .rows = 2})}});
  log_.LetGo();
  ASSERT_EQ(log_.answered().size(), 1u);
  EXPECT_EQ(log_.answered()[0].records.size(), 3u);
  EXPECT_EQ(Visible(a_), FirstRows(12));
  EXPECT_EQ(Visible(b_), FirstRows(1));
  EXPECT_EQ(buffer_.FlushedThrough(Lsn{3}), Lsn{0});
}

TEST_F(CommitterTest, NoRowsNeedNoLog) {
  Start({{a_, MakeRows({.rows = 0})}});
  EXPECT_TRUE(last_.ok());
  EXPECT_EQ(answers_, 1);
  EXPECT_TRUE(log_.Take().empty());
}

TEST_F(CommitterTest, ATransactionLargerThanTheBudgetIsRefusedWithTheLimit) {
  Start({{a_, MakeRows({.rows = 2000, .body_bytes = 1000})}});
  EXPECT_EQ(SqlStateOf(last_), sqlstate::kStatementTooComplex);
  EXPECT_NE(MessageOf(last_).find("1048576"), std::string_view::npos);
  EXPECT_TRUE(HintOf(last_).has_value());
  EXPECT_TRUE(log_.Take().empty());
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(CommitterTest, AFullBufferIsToldAfterTheWait) {
  budget_.Charge(1u << 20);
  Start({{a_, MakeRows({.rows = 10})}});
  EXPECT_EQ(SqlStateOf(last_), sqlstate::kOutOfMemory);
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(budget_.used(), 1u << 20);
}

TEST_F(CommitterTest, WriteWaitsForTheLog) {
  log_.DurableAtOnce();
  EXPECT_TRUE(committer_.Write({{a_, MakeRows({.rows = 10})}}).ok());
  EXPECT_EQ(Visible(a_), FirstRows(10));
}

TEST_F(CommitterTest, RowsOfATableThatIsDroppedOnTheWayAreLetGo) {
  Start({{a_, MakeRows({.rows = 10})}, {b_, MakeRows({.rows = 3})}});
  buffer_.DropTable(a_->id);
  log_.LetGo();
  EXPECT_TRUE(last_.ok());
  EXPECT_EQ(Visible(b_), FirstRows(3));
  EXPECT_EQ(budget_.used(), BytesVisible());
}

TEST(RowsRecordTest, WhatIsTooLargeForARecordBecomesSeveral) {
  const TableRef table = MakeTable(TableId{1});
  const BatchRef rows = MakeRows({.rows = 1000, .body_bytes = 100});
  std::vector<log::RecordInput> records;
  ASSERT_TRUE(AppendRowRecords({table, rows}, 10'000, records).ok());
  ASSERT_GT(records.size(), 5u);
  std::vector<BatchRef> back;
  for (const log::RecordInput& record : records) {
    EXPECT_LE(record.payload.size(), 10'000u);
    EXPECT_EQ(record.table, table->id);
    const auto batch = ReadRowRecord(*table, RecordOf(record.payload));
    ASSERT_TRUE(batch.ok()) << batch.status();
    back.push_back(*batch);
  }
  EXPECT_EQ(Concatenate(back), *rows);
}

TEST(RowsRecordTest, ARowThatNoRecordHoldsIsRefused) {
  const TableRef table = MakeTable(TableId{1}, "readings");
  std::vector<log::RecordInput> records;
  const Status refused =
      AppendRowRecords({table, MakeRows({.rows = 3, .body_bytes = 20'000})}, 10'000, records);
  EXPECT_EQ(SqlStateOf(refused), sqlstate::kStatementTooComplex);
  EXPECT_NE(MessageOf(refused).find("readings"), std::string_view::npos);
}

TEST(RowsRecordTest, RecordsMustFitTheirTable) {
  const TableRef table = MakeTable(TableId{1});
  log::Record record = RecordOf(EncodeBatch(*MakeRows({.rows = 4})));
  ASSERT_TRUE(ReadRowRecord(*table, record).ok());

  auto narrower = std::make_shared<TableDef>(*table);
  narrower->columns.pop_back();  // body was dropped
  const auto without_body = ReadRowRecord(*narrower, record);
  ASSERT_TRUE(without_body.ok());
  EXPECT_EQ((*without_body)->Find(buffer::testing::kBodyId), nullptr);
  EXPECT_EQ((*without_body)->columns.size(), 4u);

  auto other_type = std::make_shared<TableDef>(*table);
  other_type->columns[3].type = Type(TypeKind::kInt32);
  const Status mismatch = ReadRowRecord(*other_type, record).status();
  EXPECT_EQ(mismatch.code(), StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(mismatch).find("17"), std::string_view::npos);
  EXPECT_NE(MessageOf(mismatch).find("sequence"), std::string_view::npos);

  auto other_time = std::make_shared<TableDef>(*table);
  other_time->columns[0].id = ColumnId{9};
  EXPECT_EQ(ReadRowRecord(*other_time, record).status().code(), StatusCode::kDataLoss);

  Batch timeless = *MakeRows({.rows = 2});
  ColumnBuilder times{Type(TypeKind::kTimestampTz)};
  times.AppendFixed(int64_t{1});
  times.AppendNull();
  timeless.columns[0] = times.Finish();
  EXPECT_EQ(ReadRowRecord(*table, RecordOf(EncodeBatch(timeless))).status().code(),
            StatusCode::kDataLoss);

  record.payload.resize(record.payload.size() / 2);
  EXPECT_EQ(ReadRowRecord(*table, record).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace varve::ingest
