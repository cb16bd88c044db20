// Races of DynamoCommits: writers and finishers that pause between two steps, and many at once.
#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

#include "lake/dynamo_commits_test.h"

namespace varve::lake {
namespace {

constexpr int64_t kTime = 1'741'514'400'000'000;

class DynamoRacesTest : public DynamoCommitsFixture {
 protected:
  // Pauses the writer before it makes a version file.
  static void PauseBeforePlacing(Writer& writer, Gate& gate) {
    writer.store.SetBefore("put_if_absent", [&gate](auto) {
      gate.Pass();
      return OkStatus();
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Keys, DynamoRacesTest, ::testing::Values(OwnKeys(), DeltaKeys()),
                         [](const auto& keys) {
                           return keys.param == OwnKeys() ? "Own" : "Delta";
                         });

TEST_P(DynamoRacesTest, APausedWriterFindsItsCommitFinishedByAnother) {
  const auto paused = NewWriter();
  const auto other = NewWriter();
  Gate gate;
  PauseBeforePlacing(*paused, gate);
  Status put;
  std::thread thread([&] { put = paused->commits->Put(kTable, 0, "paused"); });
  gate.AwaitReached();
  // It delays nobody and loses nothing.
  EXPECT_EQ(other->commits->Put(kTable, 0, "other").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(0), "paused");
  EXPECT_TRUE(other->commits->Put(kTable, 1, "other").ok());
  gate.Open();
  thread.join();
  EXPECT_TRUE(put.ok()) << put;
  EXPECT_EQ(Version(0), "paused");
  EXPECT_EQ(Version(1), "other");
  EXPECT_EQ(Complete(0), "true");
  EXPECT_EQ(TemporaryFiles(), 0u);
}

TEST_P(DynamoRacesTest, AWriterThatPausedBeforeItsItemLosesTheVersion) {
  const auto paused = NewWriter();
  Gate gate;
  paused->store.SetBefore("put", [&gate](auto) {
    gate.Pass();
    return OkStatus();
  });
  Status put;
  std::thread thread([&] { put = paused->commits->Put(kTable, 0, "paused"); });
  gate.AwaitReached();
  EXPECT_TRUE(NewWriter()->commits->Put(kTable, 0, "other").ok());
  // A day later the item of that commit has expired, so ours can be made.
  ASSERT_TRUE(db_.Delete(KeyOf(0), {}).ok());
  gate.Open();
  thread.join();
  EXPECT_EQ(put.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(0), "other");
  EXPECT_EQ(Complete(0), "true");
  EXPECT_EQ(TemporaryFiles(), 0u);
}

// The copy is repeated when everybody else is done with the version and the log was cleaned.
TEST_P(DynamoRacesTest, ACopyThatComesAfterTheCleanUpChangesNothing) {
  const auto paused = NewWriter();
  Gate gate;
  paused->store.SetBefore("put_if_absent", [&gate](std::string_view name) {
    if (name.ends_with("01.json")) gate.Pass();
    return OkStatus();
  });
  const auto other = NewWriter();
  const auto table = *DeltaTable::Create(ContextOf(*other), events_);
  std::thread thread([&] {
    const auto late = *DeltaTable::Open(ContextOf(*paused), events_);
    EXPECT_TRUE(late->Append({File("late", kTime)}, "late/7", 1).ok());
  });
  gate.AwaitReached();
  for (int64_t v = 1; v < 12; ++v) {
    ASSERT_TRUE(table->Append({File(fmt::format("f{}", v), kTime)}, "n/7", v).ok());
  }
  for (int64_t v = 0; v < 10; ++v) {  // version 10 is a checkpoint
    ASSERT_TRUE(store_->Delete(CommitName(kTable, v)).ok());
  }
  gate.Open();
  thread.join();
  EXPECT_NE(Version(1), "");  // what the late copy left
  const auto third = NewWriter();
  const auto reader = *DeltaTable::Open(ContextOf(*third), events_);
  EXPECT_EQ(reader->files()->version, 12);
  EXPECT_EQ(reader->files()->files.size(), 12u);
  EXPECT_EQ(reader->txn_version("late/7"), 1);
}

// delta-rs may take an item back; one who was about to finish it must not put it over the next.
TEST_P(DynamoRacesTest, AFinisherThatPausedDoesNotOverwriteTheNextWriter) {
  const auto killed = NewWriter();
  killed->store.SetBefore("put_if_absent", [](auto) { return Unavailable("killed"); });
  ASSERT_FALSE(killed->commits->Put(kTable, 0, "taken back").ok());
  const auto finisher = NewWriter();
  Gate gate;
  PauseBeforePlacing(*finisher, gate);
  std::thread thread([&] { EXPECT_TRUE(finisher->commits->Settle(kTable).ok()); });
  gate.AwaitReached();
  ASSERT_TRUE(db_.Delete(KeyOf(0), {}).ok());
  EXPECT_TRUE(NewWriter()->commits->Put(kTable, 0, "next").ok());
  gate.Open();
  thread.join();
  EXPECT_EQ(Version(0), "next");
  EXPECT_EQ(Complete(0), "true");
}

TEST_P(DynamoRacesTest, ACommitOfUnknownOutcomeIsNotDoubled) {
  const auto writer = NewWriter();
  const auto table = *DeltaTable::Create(ContextOf(*writer), events_);
  // The item is made, but its answer is lost for good.
  std::atomic<int> lost{1};
  db_.SetAfter(Op::kPut, [&] { return lost-- > 0 ? Unavailable("timeout") : OkStatus(); });
  const auto first = table->Append({File("a", kTime)}, "n/7", 5);
  EXPECT_EQ(first.status().code(), StatusCode::kUnavailable);
  const auto again = table->Append({File("a2", kTime)}, "n/7", 6);
  EXPECT_EQ(again.status().code(), StatusCode::kUnavailable);  // it has arrived late
  EXPECT_EQ(table->txn_version("n/7"), 5);
  ASSERT_TRUE(table->Append({File("b", kTime)}, "n/7", 6).ok());
  EXPECT_EQ(table->files()->files.size(), 2u);
}

TEST_P(DynamoRacesTest, ANewColumnThatIsNotedOnlyIsSeen) {
  const auto killed = NewWriter();
  const auto table = *DeltaTable::Create(ContextOf(*killed), events_);
  TableDef wider = *events_;
  wider.columns.push_back(MakeColumn(5, "extra", Type(TypeKind::kText)));
  killed->store.SetBefore("put_if_absent", [](auto) { return Unavailable("killed"); });
  ASSERT_FALSE(table->UpdateSchema(std::make_shared<const TableDef>(wider)).ok());
  const auto writer = NewWriter();
  ASSERT_TRUE(DeltaTable::Open(ContextOf(*writer), std::make_shared<const TableDef>(wider)).ok());
  EXPECT_THAT(Version(1), ::testing::HasSubstr("extra"));
  EXPECT_EQ(Version(2), "");
}

// Writers in parallel while stores and lock table fail at random: a call that fails ends its
// writer, as a kill does, and a new one takes over. One's store pays no heed to conditions.
TEST_P(DynamoRacesTest, EachCommitIsThereOnceThoughWritersDie) {
  constexpr int kWriters = 4;
  constexpr int kCommits = 25;
  const auto creator = NewWriter();
  ASSERT_TRUE(DeltaTable::Create(ContextOf(*creator), events_).ok());
  const auto fail = [](std::string_view) {
    thread_local std::mt19937 random(std::hash<std::thread::id>()(std::this_thread::get_id()));
    return random() % 25 == 0 ? Unavailable("killed (test)") : OkStatus();
  };
  for (const Op op : {Op::kGet, Op::kPut, Op::kUpdate, Op::kQuery}) {
    db_.SetBefore(op, [&] { return fail(""); });
    db_.SetAfter(op, [&] { return fail(""); });
  }
  std::atomic<int> deaths{0};
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      const std::string app = fmt::format("node{}/7", w);
      for (int c = 1; c <= kCommits;) {
        const auto writer = NewWriter();
        for (const char* op : {"get", "head", "put", "put_if_absent", "list", "delete"}) {
          writer->store.SetBefore(op, fail);
        }
        writer->store.conditional = w != 0;
        const auto table = DeltaTable::Open(ContextOf(*writer), events_);
        if (!table.ok()) {
          ASSERT_EQ(table.status().code(), StatusCode::kUnavailable) << table.status();
          continue;
        }
        // What a restart does: go on after what the table has.
        c = static_cast<int>((*table)->txn_version(app).value_or(0)) + 1;
        for (; c <= kCommits; ++c) {
          const auto set = (*table)->Append({File(fmt::format("w{}-c{}-", w, c), kTime)}, app, c);
          if (set.ok()) continue;
          ASSERT_EQ(set.status().code(), StatusCode::kUnavailable) << set.status();
          ++deaths;
          break;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Op op : {Op::kGet, Op::kPut, Op::kUpdate, Op::kQuery}) {
    db_.SetBefore(op, nullptr);
    db_.SetAfter(op, nullptr);
  }
  EXPECT_GT(deaths, 0);
  const auto last = NewWriter();
  const auto table = *DeltaTable::Open(ContextOf(*last), events_);
  EXPECT_EQ(table->files()->version, kWriters * kCommits);
  const std::vector<std::string> paths = Paths(table->files());
  EXPECT_EQ(std::set(paths.begin(), paths.end()).size(), paths.size());
  EXPECT_EQ(paths.size(), static_cast<size_t>(kWriters * kCommits));
  for (int64_t v = 0; v <= kWriters * kCommits; ++v) EXPECT_NE(Version(v), "") << v;
}

}  // namespace
}  // namespace varve::lake
