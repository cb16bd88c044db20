// The whole write path with its real parts: committer, log, buffer, replay, flush. Only the disk is
// in memory, so that it can lose power, and the lake, so that it can fail.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "buffer/testing/rows.h"
#include "flush/background.h"
#include "flush/flusher.h"
#include "flush/job_runner.h"
#include "flush/testing/fake_lake.h"
#include "ingest/committer.h"
#include "ingest/replayer.h"
#include "ingest/ring_writer.h"
#include "io/testing/faulty_disk.h"
#include "log/local_log.h"

namespace varve {
namespace {

using buffer::testing::FirstRows;
using buffer::testing::MakeRows;
using buffer::testing::MakeTable;
using buffer::testing::Tallies;
using flush::testing::DeltaLog;
using flush::testing::FakeDelta;
using std::chrono::milliseconds;

constexpr int64_t kWriters = 3;
const char* const kNodeId = "node-1";

// What outlives a server: the disk and the bucket.
struct World {
  World() { EXPECT_TRUE(disk.MakeDirs("staged").ok()); }

  io::testing::FaultyDisk disk;
  flush::testing::MemoryStore bucket{disk};
  const std::array<TableRef, 2> tables = {MakeTable(TableId{1}, "a"), MakeTable(TableId{2}, "b")};
  const std::array<std::shared_ptr<DeltaLog>, 2> delta_logs = {std::make_shared<DeltaLog>(),
                                                               std::make_shared<DeltaLog>()};
};

struct NodeSettings {
  uint64_t budget_bytes = 16u << 20;
  milliseconds flush_interval{3};
  milliseconds ring_checkpoint_interval{5};
  uint64_t log_segment_bytes = 256u << 10;
};

// One server from start to stop, wired as main wires it.
class Node {
 public:
  Node(World& world, const NodeSettings& settings) : world_(world), budget_(settings.budget_bytes) {
    Lsn newest{0};
    for (size_t i = 0; i < world.tables.size(); ++i) {
      const TableRef& table = world.tables[i];
      deltas_[i] = std::make_shared<FakeDelta>(world.delta_logs[i]);
      tables_.Put(table->id, deltas_[i]);
      const Lsn flushed(static_cast<uint64_t>(
          deltas_[i]->txn_version(flush::TxnAppId(kNodeId, table->id)).value_or(0)));
      newest = std::max(newest, flushed);
      buffer_.AddTable(table, deltas_[i]->files(), flushed);
    }
    auto rings = ring::RingStore::Open(world.disk, {.dir = "rings", .slab_bytes_max = 64 << 10});
    EXPECT_TRUE(rings.ok()) << rings.status();
    rings_ = *std::move(rings);
    newest = std::max(newest, rings_->checkpoint_lsn());
    ingest::Replayer replayer(buffer_, budget_, *rings_, TableId{2}, {},
                              [this] { return stager_.Relieve(); });
    log::LocalLogOptions options;
    options.dir = "log";
    options.segment_bytes = settings.log_segment_bytes;
    options.min_next_lsn = newest.Next();
    auto opened = log::OpenLocalLog(world.disk, options, [&](std::span<log::Record> records) {
      return replayer.Replay(records);
    });
    EXPECT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
    EXPECT_TRUE(replayer.Finish().ok());
    replayed_ = replayer.report();
    committer_.emplace(*log_, buffer_, budget_, milliseconds(2000));
    work_.emplace(flush::BackgroundWork::Parts{buffer_, budget_, *log_, *rings_, stager_, flusher_,
                                               runner_, local_runner_},
                  flush::BackgroundWork::Settings{
                      .flush_interval = settings.flush_interval,
                      .ring_checkpoint_interval = settings.ring_checkpoint_interval});
    ring_writer_ = ingest::RingWriter::Create(*log_, *rings_, {});
    runner_.Start(2);
    local_runner_.Start(2);
  }
  ~Node() {
    StopJobs();
    ring_writer_.reset();
    log_.reset();  // answers what waits
  }

  catalog::TableWriter& writer() { return *committer_; }
  flush::BackgroundWork& work() { return *work_; }
  void StopJobs() {
    local_runner_.Stop();
    runner_.Stop();
  }
  flush::testing::TallyWriter& parquet() { return parquet_; }
  FakeDelta& delta(size_t table) { return *deltas_[table]; }
  log::LocalLog& log() { return *log_; }
  const buffer::MemoryBudget& budget() const { return budget_; }
  const ingest::ReplayReport& replayed() const { return replayed_; }

  // The same rows to both tables, as one transaction; many rows as several batches.
  Status WriteBoth(int64_t writer, int64_t first, uint32_t rows) {
    constexpr uint32_t kRowsPerBatch = 1000;
    WriteSet writes;
    for (uint32_t done = 0; done < rows; done += kRowsPerBatch) {
      const BatchRef batch = MakeRows({.writer = writer,
                                       .first = first + done,
                                       .rows = std::min(rows - done, kRowsPerBatch),
                                       .body_bytes = 40,
                                       .project = "%"});
      for (const TableRef& table : world_.tables) writes.push_back({table, batch});
    }
    return committer_->Write(std::move(writes));
  }
  // The rows of both tables in one snapshot.
  std::array<Tallies, 2> Count() {
    const buffer::SnapshotRef snapshot = buffer_.Snapshot();
    std::array<Tallies, 2> counts;
    for (size_t i = 0; i < counts.size(); ++i) {
      counts[i] = flush::testing::CountTable(world_.bucket, *snapshot->at(world_.tables[i]->id));
    }
    return counts;
  }

 private:
  World& world_;
  buffer::MemoryBudget budget_;
  buffer::Buffer buffer_{budget_};
  lake::TableSet tables_;
  std::array<std::shared_ptr<FakeDelta>, 2> deltas_;
  flush::testing::TallyWriter parquet_{world_.disk};
  flush::Stager stager_{{buffer_, budget_, parquet_, world_.disk, Clock::System()},
                        {.dir = "staged"}};
  flush::Flusher flusher_{{buffer_, stager_, tables_, world_.bucket, Clock::System()}, kNodeId};
  std::unique_ptr<log::LocalLog> log_;
  std::optional<ingest::Committer> committer_;
  flush::JobRunner runner_{Clock::System(), {}};
  flush::JobRunner local_runner_{Clock::System(), {}};
  std::optional<flush::BackgroundWork> work_;
  std::unique_ptr<ring::RingStore> rings_;
  std::unique_ptr<ingest::RingWriter> ring_writer_;
  ingest::ReplayReport replayed_;
};

// Sequence numbers per writer: what was sent and what was acknowledged.
struct Ledger {
  std::array<std::atomic<int64_t>, kWriters> sent{};
  std::array<std::atomic<int64_t>, kWriters> acknowledged{};

  // Empty when the counts are right: the first rows of each writer, each once, the same in both
  // tables, all that were acknowledged before the count and none that was not sent.
  std::string Check(const std::array<Tallies, 2>& counts,
                    const std::array<int64_t, kWriters>& acknowledged_before) {
    for (int64_t w = 0; w < kWriters; ++w) {
      const auto of = [&](const Tallies& tallies) {
        const auto at = tallies.find(w);
        return at == tallies.end() ? buffer::testing::Tally{} : at->second;
      };
      const buffer::testing::Tally a = of(counts[0]);
      if (a == FirstRows(a.max) && a == of(counts[1]) && a.max >= acknowledged_before[w] &&
          a.max <= sent[w]) {
        continue;
      }
      return fmt::format(
          "writer {}: a has {} rows up to {} (sum {}), b has {} up to {}; acknowledged {}, sent {}",
          w, a.count, a.max, a.sum, of(counts[1]).count, of(counts[1]).max, acknowledged_before[w],
          sent[w].load());
    }
    return "";
  }
  std::array<int64_t, kWriters> Acknowledged() const {
    std::array<int64_t, kWriters> now{};
    for (int64_t w = 0; w < kWriters; ++w) now[w] = acknowledged[w];
    return now;
  }
};

// Writes transactions of mixed sizes until `more` says no or one fails; returns how that one ended.
Status WriteUntil(Node& node, Ledger& ledger, int64_t w, const std::function<bool()>& more) {
  std::mt19937_64 random(static_cast<uint64_t>(w) + 1);
  while (more()) {
    const int64_t first = ledger.sent[w] + 1;
    const auto rows =
        static_cast<uint32_t>(random() % 20 == 0 ? 1 + random() % 3000 : 1 + random() % 4);
    ledger.sent[w] = first + rows - 1;
    Status written = node.WriteBoth(w, first, rows);
    // A full buffer has taken nothing, as its error promises: a client tries again, and so do we.
    while (SqlStateOf(written) == sqlstate::kOutOfMemory && more()) {
      written = node.WriteBoth(w, first, rows);
    }
    VARVE_RETURN_IF_ERROR(written);
    ledger.acknowledged[w] = first + rows - 1;
  }
  return OkStatus();
}

TEST(WritePathTest, EverySnapshotIsRightWhileWritesFlushesAndFailuresGoOn) {
  constexpr int64_t kSnapshots = 3'000;
  constexpr int64_t kFlushes = 100;  // of one of the tables, the failed ones not counted
  World world;
  Ledger ledger;
  NodeSettings settings;
  settings.budget_bytes = 2u << 20;  // small: flushes of a part of a table are needed too
  settings.flush_interval = milliseconds(50);
  Node node(world, settings);
  std::atomic<int64_t> snapshots{0};
  std::atomic<bool> stop{false};
  Mutex mu;
  std::string wrong;

  std::vector<std::thread> threads;
  for (int64_t w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      const Status status = WriteUntil(node, ledger, w, [&] { return !stop; });
      if (stop) return;  // the last one may have met a full buffer
      ADD_FAILURE() << status;
      stop = true;  // without writers the flushes that we wait for never come
    });
  }
  threads.emplace_back([&] {  // things that fail, and flushes on request
    std::mt19937_64 random(7);
    while (!stop) {
      using Commit = FakeDelta::Commit;
      const Commit how[] = {Commit::kRefused, Commit::kLost, Commit::kDoneButNoAnswer};
      node.delta(random() % 2).SetNextCommit(how[random() % 3]);
      if (random() % 4 == 0) node.parquet().FailWrite(1, Internal("writer failed (test)"));
      if (random() % 4 == 0) world.bucket.FailPutFile(0, Unavailable("down (test)"), random() % 2);
      node.work().Flush(world.tables[random() % 2]).status().IgnoreError();
      node.work().Flush(world.tables[random() % 2]).status().IgnoreError();
    }
  });
  for (int r = 0; r < 2; ++r) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto before = ledger.Acknowledged();
        const std::string finding = ledger.Check(node.Count(), before);
        if (++snapshots >= kSnapshots && node.delta(0).files()->version >= kFlushes) stop = true;
        if (finding.empty()) continue;
        MutexLock lock(mu);
        wrong = finding;
        stop = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(mu);
  ASSERT_EQ(wrong, "");

  // All of it reaches the lake, and the log and the memory are given back.
  node.StopJobs();
  for (size_t i = 0; i < 2; ++i) node.delta(i).SetNextCommit(FakeDelta::Commit::kFine);
  world.bucket.FailPutFile(1 << 30, OkStatus());
  node.parquet().FailWrite(1 << 30, OkStatus());
  // Also tables that failed a moment ago, which a shutdown would leave to the log.
  for (const TableRef& table : world.tables) ASSERT_TRUE(node.work().Flush(table).ok());
  ASSERT_TRUE(node.work().FlushForShutdown().ok());
  EXPECT_EQ(ledger.Check(node.Count(), ledger.Acknowledged()), "");
  EXPECT_EQ(node.budget().used(), 0u);
  EXPECT_EQ(node.log().telemetry().segments, 1u);
  EXPECT_GE(node.delta(0).files()->version, kFlushes);
}

// Each round: start, check what came back, write and flush, lose power at some moment.
TEST(WritePathTest, PowerMayGoAtAnyTimeAndEveryAcknowledgedRowIsThereOnce) {
  constexpr int kRounds = 25;
  World world;
  Ledger ledger;
  std::mt19937_64 random(20'260);
  uint64_t replayed_rows = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(::testing::Message() << "round " << round);
    NodeSettings settings;
    settings.flush_interval = milliseconds(1 + random() % 30);
    world.disk.RestorePower();
    Node node(world, settings);
    const auto counts = node.Count();
    ASSERT_EQ(ledger.Check(counts, ledger.Acknowledged()), "");
    replayed_rows += node.replayed().rows;
    // A transaction without an answer may have come through or not; go on from what is there.
    for (int64_t w = 0; w < kWriters; ++w) {
      const auto at = counts[0].find(w);
      ledger.sent[w] = at == counts[0].end() ? 0 : at->second.max;
      ledger.acknowledged[w] = ledger.sent[w].load();
    }
    const int64_t writes = 5 + static_cast<int64_t>(random() % 60);
    std::atomic<int64_t> started{0};
    std::vector<std::thread> writers;
    for (int64_t w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        const Status status = WriteUntil(node, ledger, w, [&] {
          if (started.fetch_add(1) == writes) world.disk.CutPower(random);
          return true;
        });
        EXPECT_FALSE(status.ok());  // the power is gone
      });
    }
    for (std::thread& writer : writers) writer.join();
    ASSERT_GE(started, writes);
  }
  world.disk.RestorePower();
  Node node(world, {});
  EXPECT_EQ(ledger.Check(node.Count(), ledger.Acknowledged()), "");
  EXPECT_GT(replayed_rows, 0u);
}

TEST(WritePathTest, AFailedLogEndsWritesAndKeepsWhatWasAcknowledged) {
  World world;
  Ledger ledger;
  {
    NodeSettings settings;
    settings.flush_interval = std::chrono::hours(1);  // a flush would take the failed sync
    Node node(world, settings);
    world.disk.FailNext(io::testing::FaultyDisk::Op::kDataSync, 20);
    EXPECT_FALSE(WriteUntil(node, ledger, 0, [] { return true; }).ok());
    EXPECT_GT(ledger.acknowledged[0], 0);
    EXPECT_FALSE(node.WriteBoth(1, 1, 1).ok());
    const auto counts = node.Count();
    EXPECT_EQ(counts[0].at(0), FirstRows(ledger.acknowledged[0]));
  }
  world.disk.LosePower();
  Node node(world, {});
  EXPECT_EQ(ledger.Check(node.Count(), ledger.Acknowledged()), "");
}

}  // namespace
}  // namespace varve
