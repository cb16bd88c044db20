// Servers that were away for longer than the log keeps its versions.
#include <gmock/gmock.h>

#include "lake/delta_table_test.h"

namespace varve::lake {
namespace {

constexpr int64_t kMonthUs = int64_t{31} * 24 * 3600 * 1'000'000;

class LateClock final : public Clock {
 public:
  int64_t NowUs() const override { return System().NowUs() + late_us; }
  int64_t MonotonicUs() const override { return System().MonotonicUs(); }
  std::atomic<int64_t> late_us{0};
};

// Stops once before it writes a version.
class PausingCommits final : public CommitStore {
 public:
  explicit PausingCommits(CommitStore& commits) : commits_(commits) {}
  Status Put(const std::string& location, int64_t version, std::string_view content) override {
    if (const auto pause = std::exchange(pause_, nullptr)) pause();
    return commits_.Put(location, version, content);
  }
  Status Settle(const std::string& location) override { return commits_.Settle(location); }
  std::function<void()> pause_;

 private:
  CommitStore& commits_;
};

class DeltaPauseTest : public DeltaTableFixture {
 protected:
  DeltaPauseTest() {
    late_ = *DeltaTable::Create(LateContext(), events_);
    EXPECT_TRUE(late_->Append({File("l1", kTime)}, "late/7", 1).ok());
  }
  DeltaTable::Context LateContext() {
    DeltaTable::Context context = Context();
    context.clock = &clock_;
    context.commits = &pausing_;
    return context;
  }
  // Others write on, and the log is cleaned up to its checkpoint.
  void AMonthGoesBy() {
    const auto other = *Open();
    for (int64_t v = 2; v <= 12; ++v) {
      ASSERT_TRUE(other->Append({File(fmt::format("o{}", v), kTime)}, "other/7", v).ok());
    }
    for (int64_t v = 0; v < 10; ++v) ASSERT_TRUE(store_->Delete(CommitName("events", v)).ok());
    clock_.late_us = kMonthUs;
  }
  void ExpectAllRows(size_t files) {
    const auto table = *Open();
    EXPECT_EQ(table->files()->files.size(), files);
    EXPECT_EQ(table->txn_version("late/7"), 2);
  }

  LateClock clock_;
  PausingCommits pausing_{*commits_};
  std::unique_ptr<DeltaTable> late_;
};

TEST_F(DeltaPauseTest, AnIdleServerLooksBeforeItCommits) {
  AMonthGoesBy();
  ASSERT_TRUE(late_->Append({File("l2", kTime)}, "late/7", 2).ok());
  EXPECT_EQ(late_->files()->version, 13);
  ExpectAllRows(13);
}

TEST_F(DeltaPauseTest, ACommitThatComesTooLateIsNoSuccess) {
  pausing_.pause_ = [this] { AMonthGoesBy(); };
  EXPECT_EQ(late_->Append({File("l2", kTime)}, "late/7", 2).status().code(),
            StatusCode::kUnavailable);
  ASSERT_TRUE(store_->Head(CommitName("events", 2)).ok());  // what it wrote is in nobody's way
  ASSERT_TRUE(late_->Append({File("l2", kTime)}, "late/7", 2).ok());
  ExpectAllRows(13);
}

TEST_F(DeltaPauseTest, ALongCommitIsASuccessWhenNobodyElseWrote) {
  pausing_.pause_ = [this] { clock_.late_us = kMonthUs; };
  ASSERT_TRUE(late_->Append({File("l2", kTime)}, "late/7", 2).ok());
  EXPECT_EQ(late_->files()->version, 2);
}

// A server was killed while its commit was on its way; it starts again before that comes to the
// store, or after.
TEST_F(DeltaPauseTest, AFenceKeepsOutWhatIsStillUnderWay) {
  const auto restarted = *Open();
  ASSERT_TRUE(restarted->Fence().ok());
  EXPECT_EQ(restarted->txn_version("late/7"), 1);
  EXPECT_EQ(commits_->Put("events", 2, "it was to be version 2").code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ((*Open())->files()->files.size(), 1u);
}

TEST_F(DeltaPauseTest, AFenceKnowsWhatHasCome) {
  const auto restarted = *Open();
  ASSERT_TRUE(late_->Append({File("l2", kTime)}, "late/7", 2).ok());
  ASSERT_TRUE(restarted->Fence().ok());
  EXPECT_EQ(restarted->txn_version("late/7"), 2);
  EXPECT_EQ(restarted->files()->version, 3);
  EXPECT_EQ(restarted->files()->files.size(), 2u);
}

TEST_F(DeltaPauseTest, NothingIsCommittedToALogThatIsGone) {
  for (int64_t v = 0; v < 2; ++v) ASSERT_TRUE(store_->Delete(CommitName("events", v)).ok());
  EXPECT_EQ(SqlStateOf(late_->Append({File("l2", kTime)}, "late/7", 2).status()), "55000");
  EXPECT_TRUE(store_->List("events/_delta_log/")->empty());
  // Another table that takes its place, with fewer versions, is not mistaken for it.
  ASSERT_TRUE(Create().ok());
  EXPECT_EQ(SqlStateOf(late_->Append({File("l2", kTime)}, "late/7", 2).status()), "55000");
  EXPECT_EQ(store_->List("events/_delta_log/")->size(), 1u);
  clock_.late_us = kMonthUs;
  EXPECT_EQ(SqlStateOf(late_->Refresh().status()), "55000");
}

TEST_F(DeltaPauseTest, ALogThatCameBackIsGoneOnWith) {
  const std::string content = *store_->Get(CommitName("events", 1));
  ASSERT_TRUE(store_->Delete(CommitName("events", 1)).ok());
  EXPECT_EQ(SqlStateOf(late_->Append({File("l2", kTime)}, "late/7", 2).status()), "55000");
  ASSERT_TRUE(store_->Put(CommitName("events", 1), content).ok());
  ASSERT_TRUE(late_->Append({File("l2", kTime)}, "late/7", 2).ok());
  ExpectAllRows(2);
}

}  // namespace
}  // namespace varve::lake
