// Random schedules of writes, flushes, outages, late commits, full disks, compactions and crashes
// over the real write path without its threads: after every step each table has exactly the rows
// that were acknowledged, for those who read now and for those who began to read long ago.
// VARVE_SCHEDULES=<n> runs more of them; a failure names its seed.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>
#include <vector>

#include "base/clock.h"
#include "buffer/testing/rows.h"
#include "flush/flusher.h"
#include "flush/stager.h"
#include "flush/testing/fake_lake.h"
#include "ingest/committer.h"
#include "ingest/replayer.h"
#include "io/testing/faulty_disk.h"
#include "log/local_log.h"

namespace varve {
namespace {

using buffer::testing::FirstRows;
using buffer::testing::MakeRows;
using buffer::testing::MakeTable;
using buffer::testing::Tally;
using flush::testing::DeltaLog;
using flush::testing::FakeDelta;

constexpr size_t kTables = 2;
constexpr uint64_t kBudgetBytes = 1u << 20;
const char* const kNodeId = "node-1";

class SteppedClock : public Clock {
 public:
  int64_t NowUs() const override { return now_us_; }
  int64_t MonotonicUs() const override { return now_us_; }
  void Advance(int64_t us) { now_us_ += us; }

 private:
  int64_t now_us_ = 1'000'000;
};

// What outlives a server.
struct World {
  io::testing::FaultyDisk disk;
  flush::testing::MemoryStore bucket{disk};
  SteppedClock clock;
  const std::array<TableRef, kTables> tables = {MakeTable(TableId{1}, "a"),
                                                MakeTable(TableId{2}, "b")};
  const std::array<std::shared_ptr<DeltaLog>, kTables> delta_logs = {std::make_shared<DeltaLog>(),
                                                                     std::make_shared<DeltaLog>()};
};

// One server from start to crash, wired as main wires it, every job called by hand.
struct Node {
  explicit Node(World& w) : world(w) {
    EXPECT_TRUE(world.disk.MakeDirs("staged").ok());
    for (const std::string& name : world.disk.Names("staged")) {
      EXPECT_TRUE(world.disk.Remove("staged/" + name).ok());
    }
    Lsn newest{0};
    for (size_t i = 0; i < kTables; ++i) {
      const TableRef& table = world.tables[i];
      deltas[i] = std::make_shared<FakeDelta>(world.delta_logs[i]);
      delta_tables.Put(table->id, deltas[i]);
      const Lsn flushed(static_cast<uint64_t>(
          deltas[i]->txn_version(flush::TxnAppId(kNodeId, table->id)).value_or(0)));
      newest = std::max(newest, flushed);
      buffer.AddTable(table, deltas[i]->files(), flushed);
    }
    auto opened_rings = ring::RingStore::Open(world.disk, {.dir = "rings"});
    EXPECT_TRUE(opened_rings.ok()) << opened_rings.status();
    rings = *std::move(opened_rings);
    ingest::Replayer replayer(buffer, budget, *rings, TableId{kTables}, {},
                              [this] { return stager.Relieve(); });
    log::LocalLogOptions options;
    options.dir = "log";
    options.segment_bytes = 64u << 10;
    options.min_next_lsn = newest.Next();
    auto opened = log::OpenLocalLog(world.disk, options, [&](std::span<log::Record> records) {
      return replayer.Replay(records);
    });
    EXPECT_TRUE(opened.ok()) << opened.status();
    log = *std::move(opened);
    EXPECT_TRUE(replayer.Finish().ok());
    committer.emplace(*log, buffer, budget, std::chrono::milliseconds(0));
  }

  World& world;
  buffer::MemoryBudget budget{kBudgetBytes};
  buffer::Buffer buffer{budget};
  lake::TableSet delta_tables;
  std::array<std::shared_ptr<FakeDelta>, kTables> deltas;
  flush::testing::TallyWriter parquet{world.disk};
  flush::Stager stager{{buffer, budget, parquet, world.disk, world.clock}, {.dir = "staged"}};
  flush::Flusher flusher{{buffer, stager, delta_tables, world.bucket, world.clock}, kNodeId};
  std::unique_ptr<ring::RingStore> rings;
  std::unique_ptr<log::LocalLog> log;
  std::optional<ingest::Committer> committer;
};

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : random_(seed), node_(std::make_unique<Node>(world_)) {}

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step();
      Check();
      if (::testing::Test::HasFatalFailure()) return;
    }
    DrainAll();
  }

 private:
  struct Reader {
    buffer::SnapshotRef snapshot;
    std::array<int64_t, kTables> rows;
  };

  uint64_t Dice(uint64_t sides) { return random_() % sides; }
  size_t AnyTable() { return Dice(kTables); }

  void Step() {
    switch (Dice(24)) {
      case 0:
        return SetDown(!down_);
      case 1:
        return node_->deltas[AnyTable()]->SetNextCommit(
            static_cast<FakeDelta::Commit>(1 + Dice(4)));
      case 2:
        world_.delta_logs[AnyTable()]->LandLate();
        return;
      case 3:
        return node_->parquet.FailWrite(static_cast<int>(Dice(3)),
                                        SqlError(sqlstate::kDiskFull, "disk full (test)"));
      case 4:
        return world_.bucket.FailPutFile(static_cast<int>(Dice(5)), Unavailable("lost (test)"),
                                         Dice(2) == 0);
      case 5:
        return Crash();
      case 6:
        return Compact(AnyTable());
      case 7:
        return readers_.push_back({node_->buffer.Snapshot(), rows_});
      case 8:
        if (!readers_.empty()) readers_.erase(readers_.begin() + Dice(readers_.size()));
        return;
      case 9:
        return world_.clock.Advance(
            static_cast<int64_t>(Dice(20) == 0 ? 3'600'000'000 : Dice(5'000'000)));
      case 10:
      case 11:
        return Flush(AnyTable());
      case 12:
      case 13:
        return node_->flusher.FlushPending().IgnoreError();
      case 14:
        return node_->flusher.FlushAll(/*skip_backing_off=*/true).IgnoreError();
      case 15:
        return node_->stager.Relieve().IgnoreError();
      case 16:
        return node_->stager.Stage(world_.tables[AnyTable()]->id, Dice(100'000))
            .status()
            .IgnoreError();
      case 17:
        EXPECT_TRUE(
            node_->log->TruncateThrough(node_->buffer.FlushedThrough(node_->log->durable())).ok());
        return;
      default:
        return Write();
    }
  }

  void SetDown(bool down) {
    down_ = down;
    const Status error = down ? Unavailable("the store is down (test)") : OkStatus();
    world_.bucket.SetDown(error);
    for (const auto& delta : world_.delta_logs) delta->SetDown(error);
  }

  // To one table or both, as one transaction.
  void Write() {
    const bool both = Dice(3) == 0;
    const size_t only = AnyTable();
    const auto rows = static_cast<uint32_t>(1 + (Dice(4) == 0 ? Dice(400) : Dice(5)));
    WriteSet writes;
    for (size_t i = 0; i < kTables; ++i) {
      if (!both && i != only) continue;
      writes.push_back({world_.tables[i], MakeRows({.first = rows_[i] + 1,
                                                    .rows = rows,
                                                    .body_bytes = 200,
                                                    .project = Dice(2) == 0 ? "%" : "p1"})});
    }
    Status written = node_->committer->Write(writes);
    if (SqlStateOf(written) == sqlstate::kOutOfMemory) {
      readers_.clear();  // they may hold all of the memory
      const Status room = node_->stager.Relieve();
      if (!room.ok()) {  // the disk; never the store
        EXPECT_EQ(SqlStateOf(room), sqlstate::kDiskFull) << room;
        return;
      }
      written = node_->committer->Write(writes);
    }
    ASSERT_TRUE(written.ok()) << written;
    for (size_t i = 0; i < kTables; ++i) rows_[i] += both || i == only ? rows : 0;
  }

  void Flush(size_t i) {
    if (!node_->flusher.Flush(world_.tables[i]->id).ok()) return;
    const auto table = node_->buffer.Snapshot()->at(world_.tables[i]->id);
    EXPECT_EQ(Of(flush::testing::CountFiles(world_.bucket, *table->table, *table->files)),
              FirstRows(rows_[i]))
        << "a flush said that the rows are in the lake";
  }

  // Two files become one, as another part of the server would do it.
  void Compact(size_t i) {
    if (down_) return;
    const TableRef& table = world_.tables[i];
    const Result<FileSetRef> now = node_->deltas[i]->Refresh();
    ASSERT_TRUE(now.ok());
    if ((*now)->files.size() < 2) return;
    FileSet chosen;
    lake::FileChange change{.operation = "OPTIMIZE", .removed = {}, .added = {}, .data_change = {}};
    for (size_t k = 0; k < 2; ++k) {
      chosen.files.push_back((*now)->files[k]);
      change.removed.push_back((*now)->files[k]->path);
    }
    const Tally tally = Of(flush::testing::CountFiles(world_.bucket, *table, chosen));
    DataFile& file = change.added.emplace_back();
    file.path = "compacted-" + std::to_string(next_file_++);
    std::ostringstream text;
    text << "1 " << tally.count << " " << tally.max << " " << tally.sum << "\n";
    ASSERT_TRUE(world_.bucket.Put(table->location + "/" + file.path, text.str()).ok());
    const Result<FileSetRef> changed = node_->deltas[i]->Replace(std::move(change));
    ASSERT_TRUE(changed.ok()) << changed.status();
    const Status shown = node_->flusher.ShowFiles(table->id, *changed);
    EXPECT_TRUE(shown.ok()) << shown;
  }

  void Crash() {
    readers_.clear();
    if (Dice(2) == 0) {
      world_.disk.LosePower();
      node_.reset();
    } else {  // a kill: what the disk has stays
      node_.reset();
    }
    for (const auto& delta : world_.delta_logs) {
      if (Dice(2) == 0) delta->LandLate();
      MutexLock lock(delta->mu);
      delta->late.clear();
    }
    SetDown(false);  // a start reads the tables' logs
    node_ = std::make_unique<Node>(world_);
    if (Dice(2) == 0) SetDown(true);
  }

  static Tally Of(const buffer::testing::Tallies& tallies) {
    const auto at = tallies.find(1);
    return at == tallies.end() ? Tally{} : at->second;
  }

  void CheckSnapshot(const buffer::SnapshotMap& snapshot,
                     const std::array<int64_t, kTables>& rows) {
    for (size_t i = 0; i < kTables; ++i) {
      const auto& table = snapshot.at(world_.tables[i]->id);
      ASSERT_EQ(Of(flush::testing::CountTable(world_.bucket, *table)), FirstRows(rows[i]));
    }
  }
  void Check() {
    CheckSnapshot(*node_->buffer.Snapshot(), rows_);
    for (const Reader& reader : readers_) CheckSnapshot(*reader.snapshot, reader.rows);
    ASSERT_LE(node_->budget.used(), kBudgetBytes + kBudgetBytes / 4);  // merges count twice
  }

  void DrainAll() {
    SetDown(false);
    readers_.clear();
    for (size_t i = 0; i < kTables; ++i) {
      node_->deltas[i]->SetNextCommit(FakeDelta::Commit::kFine);
    }
    node_->parquet.FailWrite(1 << 30, OkStatus());
    world_.bucket.FailPutFile(1 << 30, OkStatus());
    // A late commit that comes during the first flush makes it fail once.
    for (int i = 0; i < 2; ++i) node_->flusher.FlushAll(/*skip_backing_off=*/false).IgnoreError();
    for (size_t i = 0; i < kTables; ++i) Flush(i);
    Check();
    for (const auto& [id, table] : *node_->buffer.Snapshot()) {
      EXPECT_TRUE(table->staged.empty() && table->segments.empty());
    }
    EXPECT_EQ(world_.disk.Names("staged").size(), 0u);
    EXPECT_EQ(node_->budget.used(), 0u);
    const Lsn durable = node_->log->durable();
    EXPECT_EQ(node_->buffer.FlushedThrough(durable), durable);
  }

  std::mt19937_64 random_;
  World world_;
  std::unique_ptr<Node> node_;
  std::array<int64_t, kTables> rows_{};  // acknowledged
  std::vector<Reader> readers_;
  bool down_ = false;
  int next_file_ = 0;
};

TEST(StagedFlushTest, EveryRowIsReadOnceUnderAnySchedule) {
  const char* more = std::getenv("VARVE_SCHEDULES");
  const int schedules = more == nullptr ? 60 : std::atoi(more);
  for (int seed = 1; seed <= schedules; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Schedule(static_cast<uint64_t>(seed)).Run(300);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace varve
