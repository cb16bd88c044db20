#include "log/local_log.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "log/log_test_support.h"
#include "log/record_codec.h"

namespace varve::log {
namespace {

using io::testing::FaultyDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Op = FaultyDisk::Op;

using LocalLogTest = LogOnFaultyDisk;

TEST_F(LocalLogTest, CommittedTransactionsComeBackInOrder) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->durable(), Lsn(0));
  const auto one = Commit({"a"});
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->begin, Lsn(1));
  EXPECT_EQ(one->end, Lsn(2));
  const auto three = Commit({"b", "", std::string(2'000, 'c')});
  ASSERT_TRUE(three.ok());
  EXPECT_EQ(three->begin, Lsn(2));
  EXPECT_EQ(three->end, Lsn(5));
  EXPECT_EQ(log_->durable(), Lsn(4));

  ASSERT_TRUE(Open().ok());
  ASSERT_EQ(replayed_.transactions.size(), 2u);
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("a", "b", "", std::string(2'000, 'c')));
  const Record& last = replayed_.transactions[1][2];
  EXPECT_EQ(last.lsn, Lsn(4));
  EXPECT_EQ(last.transaction, TransactionId(2));
  EXPECT_TRUE(last.last_of_transaction);
  EXPECT_FALSE(replayed_.transactions[1][1].last_of_transaction);
  EXPECT_EQ(last.table, TableId(7));
  EXPECT_EQ(last.schema_version, 3u);
  EXPECT_EQ(log_->durable(), Lsn(4));
  EXPECT_EQ(Commit({"d"})->begin, Lsn(5));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(replayed_.transactions.size(), 3u);
}

TEST_F(LocalLogTest, CallbacksRunInOrderAfterTheSyncAndBeforeTheAnswer) {
  ASSERT_TRUE(Open().ok());
  std::vector<std::string> events;
  disk_.SetHook(Op::kDataSync, [&] { events.push_back("sync"); });
  Transaction transaction = TransactionOf({"a", "b"});
  transaction.on_durable = [&](LsnRange lsns) {
    EXPECT_EQ(lsns.begin, Lsn(1));
    EXPECT_EQ(lsns.end, Lsn(3));
    EXPECT_EQ(log_->durable(), Lsn(0)) << "durable() must not run ahead of on_durable";
    events.push_back("durable");
  };
  std::atomic<bool> done = false;
  transaction.done = [&](const Result<LsnRange>& lsns) {
    EXPECT_TRUE(lsns.ok());
    EXPECT_EQ(log_->durable(), Lsn(2));
    events.push_back("done");
    done = true;
    done.notify_all();
  };
  log_->CommitAsync(std::move(transaction));
  done.wait(false);
  Close();  // The writer thread may still be about to leave the callback.
  EXPECT_THAT(events, ElementsAre("sync", "durable", "done"));
}

TEST_F(LocalLogTest, BadTransactionsAreRefusedAndSpendNoLsn) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Commit({}).status().code(), StatusCode::kInvalidArgument);
  Transaction skip = TransactionOf({"12345678"});
  skip.records[0].type = RecordType::kSkip;
  EXPECT_EQ(log_->Commit(std::move(skip)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Commit({"a"})->begin, Lsn(1));
}

TEST_F(LocalLogTest, RecordsFillSegmentsExactlyAndThenGoToTheNext) {
  ASSERT_TRUE(Open().ok());
  // Two records fill a segment to the last byte.
  const std::string noise = Noise(kTestSegmentBytes / 2 - kRecordHeaderBytes);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Commit({noise}).ok());
  EXPECT_EQ(log_->telemetry().segments, 2u);
  EXPECT_THAT(disk_.Names("log"), ElementsAre("000000000001.log", "000000000003.log"));
  ASSERT_TRUE(Commit({"x"}).ok());
  EXPECT_EQ(log_->telemetry().segments, 3u);
  EXPECT_EQ(log_->disk_bytes(), 3 * kTestSegmentBytes);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(replayed_.Payloads().size(), 5u);
}

TEST_F(LocalLogTest, SealedSegmentsGiveTheirRestBack) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"short"}).ok());
  ASSERT_TRUE(Commit({std::string(kTestSegmentBytes - 60, '\0') + "0123456789"}).ok());
  ASSERT_EQ(log_->telemetry().segments, 1u) << "compressed, it fits";
  ASSERT_TRUE(Open().ok());
  EXPECT_LT(disk_.Contents(PathOf(1)).size(), 500u);
}

TEST_F(LocalLogTest, TransactionsSpanSegmentsAndRecordsMayBeLargerThanOne) {
  ASSERT_TRUE(Open().ok());
  std::mt19937_64 random(5);
  std::vector<std::string> payloads;
  for (const size_t size : {3'000, 3'000, 20'000, 1, 5'000}) {
    std::string payload(size, '\0');
    for (char& byte : payload) byte = static_cast<char>(random());
    payloads.push_back(std::move(payload));
  }
  ASSERT_TRUE(Commit(payloads).ok());
  ASSERT_TRUE(Commit({std::string(payloads[2])}).ok());
  EXPECT_GE(log_->telemetry().segments, 5u);
  ASSERT_TRUE(Open().ok());
  ASSERT_EQ(replayed_.transactions.size(), 2u);
  EXPECT_EQ(replayed_.transactions[0].size(), 5u);
  payloads.push_back(payloads[2]);
  EXPECT_EQ(replayed_.Payloads(), payloads);
}

TEST_F(LocalLogTest, ARecordLargerThanASegmentMayComeFirst) {
  ASSERT_TRUE(Open().ok());
  std::mt19937_64 random(6);
  std::string payload(3 * kTestSegmentBytes, '\0');
  for (char& byte : payload) byte = static_cast<char>(random());
  ASSERT_TRUE(Commit({payload}).ok());
  EXPECT_EQ(disk_.Count(Op::kGrow), 1);
  disk_.LosePower();
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre(payload));
}

TEST_F(LocalLogTest, AFreshLogBeginsAtTheLowerBound) {
  options_.min_next_lsn = Lsn(77);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->durable(), Lsn(76));
  EXPECT_EQ(Commit({"a"})->begin, Lsn(77));
  EXPECT_THAT(disk_.Names("log"), ElementsAre("000000000077.log"));
}

TEST_F(LocalLogTest, AnOlderLogSkipsToTheLowerBoundAndStaysReadable) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"a"}).ok());
  options_.min_next_lsn = Lsn(50);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Commit({"b"})->begin, Lsn(50));
  options_.min_next_lsn = Lsn(51);  // What the log says itself changes nothing.
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("a", "b"));
  EXPECT_EQ(Commit({"c"})->begin, Lsn(51));
  disk_.LosePower();
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("a", "b", "c"));
}

TEST_F(LocalLogTest, RestartsWithoutWritesLeaveOneEmptySegment) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"a"}).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Open().ok());
  EXPECT_THAT(disk_.Names("log"), ElementsAre("000000000001.log", "000000000002.log"));
}

TEST_F(LocalLogTest, TruncationDeletesOnlyWholeSegmentsAndNeverTheActiveOne) {
  ASSERT_TRUE(Open().ok());
  const std::string noise = Noise(3'000);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Commit({noise, "x"}).ok());  // one segment each
  ASSERT_EQ(log_->telemetry().segments, 5u);
  ASSERT_TRUE(log_->TruncateThrough(Lsn(3)).ok());
  EXPECT_EQ(disk_.Names("log").front(), SegmentName(Lsn(3))) << "Lsn 4 is still needed";
  ASSERT_TRUE(log_->TruncateThrough(Lsn(4)).ok());
  EXPECT_EQ(disk_.Names("log").front(), SegmentName(Lsn(5)));
  const uint64_t bytes = log_->disk_bytes();
  ASSERT_TRUE(log_->TruncateThrough(Lsn(1'000'000)).ok());
  EXPECT_LT(log_->disk_bytes(), bytes);
  EXPECT_THAT(disk_.Names("log"), ElementsAre(SegmentName(Lsn(9))));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(replayed_.transactions.size(), 1u);
  EXPECT_EQ(Commit({"y"})->begin, Lsn(11)) << "the numbers go on";
}

TEST_F(LocalLogTest, NumbersGoOnWhenEverythingWasDeleted) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"a", "b"}).ok());
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(log_->TruncateThrough(Lsn(2)).ok());
  EXPECT_THAT(disk_.Names("log"), ElementsAre(SegmentName(Lsn(3))));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.transactions, IsEmpty());
  EXPECT_EQ(Commit({"c"})->begin, Lsn(3));
}

// The first table of a transaction was flushed and its segment deleted; the second table's records
// must still come back.
TEST_F(LocalLogTest, TheRestOfATruncatedTransactionIsReplayed) {
  ASSERT_TRUE(Open().ok());
  const std::string noise = Noise(4'000);
  ASSERT_TRUE(Commit({noise, "second"}).ok());
  ASSERT_TRUE(log_->TruncateThrough(Lsn(1)).ok());
  ASSERT_EQ(log_->telemetry().segments, 1u);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("second"));
}

TEST_F(LocalLogTest, AFullLogRefusesAndWritesNothing) {
  options_.max_bytes = 4 * kTestSegmentBytes;
  ASSERT_TRUE(Open().ok());
  const std::string noise = Noise(3'000);
  Status full;
  int accepted = 0;
  while (accepted < 100) {
    const Result<LsnRange> lsns = Commit({noise});
    if (!lsns.ok()) {
      full = lsns.status();
      break;
    }
    ++accepted;
  }
  EXPECT_EQ(SqlStateOf(full), sqlstate::kDiskFull);
  EXPECT_THAT(MessageOf(full), HasSubstr("log is full"));
  EXPECT_THAT(HintOf(full).value_or(""), HasSubstr("log-max-mb"));
  // Four sealed segments of one record each, which gave their rest back, and the active one.
  EXPECT_EQ(accepted, 5);
  EXPECT_LE(log_->disk_bytes(), options_.max_bytes);
  const uint64_t written = log_->telemetry().written_bytes;
  EXPECT_EQ(SqlStateOf(Commit({noise, noise}).status()), sqlstate::kDiskFull);
  EXPECT_EQ(log_->telemetry().written_bytes, written);
  EXPECT_EQ(log_->telemetry().rejected_full, 2u);
  ASSERT_TRUE(Commit({"small"}).ok()) << "what fits into the active segment is taken";
  ASSERT_TRUE(log_->TruncateThrough(Lsn(1)).ok());
  EXPECT_TRUE(Commit({noise}).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(replayed_.transactions.size(), static_cast<size_t>(accepted) + 1);
}

TEST_F(LocalLogTest, OpensOnADiskWithoutRoomForAWholeSegment) {
  options_.segment_bytes = 1 << 20;
  disk_.SetCapacity(100'000);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->disk_bytes(), 65'536u);
  ASSERT_TRUE(Commit({"small"}).ok());
  EXPECT_EQ(SqlStateOf(Commit({Noise(90'000)}).status()), sqlstate::kDiskFull);
  disk_.SetCapacity(8 << 20);
  ASSERT_TRUE(Commit({Noise(90'000)}).ok());
  EXPECT_GT(log_->disk_bytes(), 200'000u) << "the next segment has its whole size again";
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(replayed_.transactions.size(), 2u);
}

TEST_F(LocalLogTest, AFullDiskRefusesUntilThereIsRoomAgain) {
  ASSERT_TRUE(Open().ok());
  const std::string noise = Noise(3'000);
  ASSERT_TRUE(Commit({noise}).ok());
  disk_.SetCapacity(kTestSegmentBytes + 100);
  EXPECT_EQ(SqlStateOf(Commit({"x", noise}).status()), sqlstate::kDiskFull);
  ASSERT_TRUE(Commit({"y"}).ok()) << "a full disk does not poison the log";
  disk_.SetCapacity(1 << 20);
  ASSERT_TRUE(Commit({noise}).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre(noise, "y", noise));
  EXPECT_EQ(log_->recovery().dropped_records, 1u) << "the x of the refused transaction";
}

// A failed write or sync: the first error for everybody, for ever, and on_fatal once.
class PoisonTest : public LogOnFaultyDisk, public ::testing::WithParamInterface<Op> {};

TEST_P(PoisonTest, TheFirstFailureIsFinal) {
  if (testing::Test::HasFatalFailure()) return;
  std::atomic<int> fatal = 0;
  options_.on_fatal = [&](const Status&) { ++fatal; };
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"kept"}).ok());
  disk_.FailNext(GetParam());
  const Status first = Commit({"lost"}).status();
  EXPECT_EQ(first.code(), StatusCode::kUnavailable);
  EXPECT_EQ(fatal, 1);
  EXPECT_EQ(log_->durable(), Lsn(1));
  const int appends = disk_.Count(Op::kAppend);
  const int syncs = disk_.Count(Op::kDataSync);
  EXPECT_EQ(Commit({"more"}).status(), first) << "the disk is well again; the log must not be";
  EXPECT_EQ(disk_.Count(Op::kAppend), appends);
  Close();
  EXPECT_EQ(disk_.Count(Op::kDataSync), syncs) << "a failed sync is never tried again";
  EXPECT_EQ(fatal, 1);
  disk_.LosePower();
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("kept"));
}

INSTANTIATE_TEST_SUITE_P(Calls, PoisonTest, ::testing::Values(Op::kAppend, Op::kDataSync));

TEST_F(LocalLogTest, AFailedRotationIsFinal) {
  const std::string noise = Noise(3'000);
  for (const Op op : {Op::kDataSync, Op::kSyncDir, Op::kCreate, Op::kTruncate}) {
    options_.dir = fmt::format("log{}", static_cast<int>(op));
    ASSERT_TRUE(Open().ok());
    ASSERT_TRUE(Commit({noise}).ok());
    // Even ENOSPC: a sync that failed for want of space is as unknown as any other.
    disk_.FailNext(
        op, 0,
        op == Op::kCreate ? Unavailable("no") : SqlError(sqlstate::kDiskFull, "no space (test)"));
    const Status first = Commit({noise}).status();
    EXPECT_EQ(first.code(), StatusCode::kUnavailable) << static_cast<int>(op);
    EXPECT_EQ(Commit({"x"}).status(), first);
  }
}

TEST_F(LocalLogTest, WaitingTransactionsShareOneWriteAndOneSync) {
  ASSERT_TRUE(Open().ok());
  std::atomic<bool> hold = true;
  std::atomic<bool> held = false;
  disk_.SetHook(Op::kDataSync, [&] {
    held = true;
    held.notify_all();
    hold.wait(true);
  });
  constexpr int kWaiting = 20;
  std::atomic<int> done = 0;
  const auto submit = [&](std::string text) {
    Transaction transaction = TransactionOf({std::move(text)});
    transaction.done = [&](const Result<LsnRange>& lsns) {
      EXPECT_TRUE(lsns.ok());
      ++done;
      done.notify_all();
    };
    log_->CommitAsync(std::move(transaction));
  };
  submit("first");
  held.wait(false);
  const int appends = disk_.Count(Op::kAppend);
  const int syncs = disk_.Count(Op::kDataSync);
  for (int i = 0; i < kWaiting; ++i) submit(fmt::format("{}", i));
  EXPECT_EQ(done, 0) << "nobody is answered before the sync has returned";
  hold = false;
  hold.notify_all();
  for (int now = done; now != kWaiting + 1; now = done) done.wait(now);
  EXPECT_EQ(disk_.Count(Op::kAppend), appends + 1);
  EXPECT_EQ(disk_.Count(Op::kDataSync), syncs + 1);
  EXPECT_EQ(log_->telemetry().group_transactions_max, 20u);
  EXPECT_EQ(log_->telemetry().groups, 2u);
  disk_.SetHook(Op::kDataSync, {});
  Close();
}

TEST_F(LocalLogTest, ManyThreadsCommitAndEachRecordIsThereOnceInOrder) {
  options_.segment_bytes = 1 << 16;
  options_.max_bytes = 64 << 20;
  ASSERT_TRUE(Open().ok());
  constexpr int kThreads = 8;
  constexpr int kCommits = 300;
  std::vector<uint64_t> durable_order;  // Written on the log's thread only.
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) {
        Transaction transaction = TransactionOf({fmt::format("{}:{}", t, i), std::string(i, 'x')});
        transaction.on_durable = [&](LsnRange lsns) {
          durable_order.push_back(lsns.begin.value);
          durable_order.push_back(lsns.end.value);
        };
        const Result<LsnRange> lsns = log_->Commit(std::move(transaction));
        ASSERT_TRUE(lsns.ok()) << lsns.status();
        ASSERT_GE(log_->durable(), lsns->end.Prev());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const LogTelemetry telemetry = log_->telemetry();
  EXPECT_EQ(telemetry.transactions, uint64_t{kThreads * kCommits});
  EXPECT_EQ(telemetry.records, uint64_t{2 * kThreads * kCommits});
  EXPECT_EQ(telemetry.acknowledged, Lsn(2 * kThreads * kCommits));
  EXPECT_EQ(telemetry.queue_bytes, 0u);
  EXPECT_LE(telemetry.groups, telemetry.transactions);
  ASSERT_EQ(durable_order.size(), size_t{2 * kThreads * kCommits});
  EXPECT_EQ(durable_order.front(), 1u);
  for (size_t i = 2; i < durable_order.size(); i += 2) {
    ASSERT_EQ(durable_order[i], durable_order[i - 1]);
  }
  disk_.LosePower();
  ASSERT_TRUE(Open().ok());
  std::vector<int> next(kThreads, 0);
  ASSERT_EQ(replayed_.transactions.size(), size_t{kThreads * kCommits});
  for (const auto& transaction : replayed_.transactions) {
    const std::string& text = transaction[0].payload;
    const int thread = text[0] - '0';
    EXPECT_EQ(text, fmt::format("{}:{}", thread, next[thread]++));
  }
}

TEST_F(LocalLogTest, TheQueueIsBoundedByBytes) {
  options_.segment_bytes = 64 << 20;
  options_.max_bytes = uint64_t{1} << 32;
  ASSERT_TRUE(Open().ok());
  std::atomic<bool> hold = true;
  std::atomic<bool> held = false;
  disk_.SetHook(Op::kAppend, [&] {
    held = true;
    held.notify_all();
    hold.wait(true);
  });
  std::string noise(kQueueBytesMax / 4, '\0');
  uint64_t state = 1;
  for (size_t at = 0; at + 8 <= noise.size(); at += 8) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::memcpy(noise.data() + at, &state, sizeof(state));
  }
  std::atomic<int> submitted = 0;
  std::thread client([&] {
    for (int i = 0; i < 6; ++i) {
      log_->CommitAsync(TransactionOf({noise}));
      ++submitted;
    }
  });
  held.wait(false);
  // The fourth does not fit beside three and their headers.
  while (submitted < 4 && !(submitted == 3 && log_->telemetry().blocked_commits == 1)) {
    std::this_thread::yield();
  }
  EXPECT_EQ(submitted, 3);
  EXPECT_LE(log_->telemetry().queue_bytes, kQueueBytesMax);
  std::atomic<int> answers = 0;
  const auto try_commit = [&](std::string payload) {
    Transaction transaction = TransactionOf({std::move(payload)});
    transaction.done = [&](const Result<LsnRange>& lsns) {
      EXPECT_TRUE(lsns.ok()) << lsns.status();
      ++answers;
    };
    return log_->TryCommitAsync(std::move(transaction));
  };
  EXPECT_FALSE(try_commit(noise)) << "there is no room for it";
  EXPECT_TRUE(try_commit("small"));
  hold = false;
  hold.notify_all();
  client.join();
  disk_.SetHook(Op::kAppend, {});
  ASSERT_TRUE(Commit({"end"}).ok());
  EXPECT_EQ(log_->durable(), Lsn(8));
  EXPECT_EQ(answers, 1);
  EXPECT_TRUE(try_commit(noise));
  ASSERT_TRUE(Commit({"end"}).ok());
  EXPECT_EQ(answers, 2);
}

TEST_F(LocalLogTest, ModeOffAcknowledgesBeforeTheSyncAndSyncsAtTheEnd) {
  options_.sync = *config::LogSync::Parse("off");
  ASSERT_TRUE(Open().ok());
  const int syncs = disk_.Count(Op::kDataSync);
  ASSERT_TRUE(Commit({"a"}).ok());
  ASSERT_TRUE(Commit({"b"}).ok());
  EXPECT_EQ(disk_.Count(Op::kDataSync), syncs);
  EXPECT_EQ(log_->telemetry().acknowledged, Lsn(2));
  EXPECT_EQ(log_->telemetry().synced, Lsn(0));
  Close();
  EXPECT_EQ(disk_.Count(Op::kDataSync), syncs + 1);
  disk_.LosePower();
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("a", "b"));
}

TEST_F(LocalLogTest, ModeIntervalSyncsByItself) {
  options_.sync = *config::LogSync::Parse("interval:1");
  ASSERT_TRUE(Open().ok());
  std::atomic<int> syncs = 0;
  disk_.SetHook(Op::kDataSync, [&] {
    ++syncs;
    syncs.notify_all();
  });
  ASSERT_TRUE(Commit({"a"}).ok());
  syncs.wait(0);
  Close();
  disk_.LosePower();
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("a"));
}

TEST_F(LocalLogTest, OptionsThatMakeNoSenseAreRefused) {
  options_.max_bytes = 4096;
  EXPECT_EQ(Open().code(), StatusCode::kInvalidArgument);
  options_.max_bytes = 1 << 20;
  options_.segment_bytes = 100;
  EXPECT_EQ(Open().code(), StatusCode::kInvalidArgument);
}

TEST_F(LocalLogTest, AnErrorOfReplayEndsTheOpening) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"a"}).ok());
  Close();
  const auto opened =
      OpenLocalLog(disk_, options_, [](std::span<Record>) { return Internal("no thanks"); });
  EXPECT_EQ(MessageOf(opened.status()), "no thanks");
}

}  // namespace
}  // namespace varve::log
