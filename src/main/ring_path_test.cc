// The way of samples with its real parts: writer, log, rings, checkpoints, replay, truncation. Only
// the disk is in memory, so that it can lose power.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <random>
#include <thread>
#include <vector>

#include "buffer/buffer.h"
#include "ingest/replayer.h"
#include "ingest/ring_writer.h"
#include "io/testing/faulty_disk.h"
#include "log/local_log.h"

namespace varve {
namespace {

using io::testing::FaultyDisk;

constexpr size_t kWriters = 3;
constexpr uint32_t kSlots = 50;
constexpr uint32_t kOtherSlots = 20;

double ValueOf(int64_t ts) { return static_cast<double>(ts) + 0.25; }

// One server from start to stop or power cut.
class Node {
 public:
  explicit Node(FaultyDisk& disk) {
    auto rings = ring::RingStore::Open(disk, {.dir = "rings", .slab_bytes_max = 64 << 10});
    EXPECT_TRUE(rings.ok()) << rings.status();
    rings_ = *std::move(rings);
    ingest::Replayer replayer(buffer_, budget_, *rings_, TableId{1}, {}, [] { return OkStatus(); });
    log::LocalLogOptions options;
    options.dir = "log";
    options.segment_bytes = 4096;
    options.min_next_lsn = rings_->checkpoint_lsn().Next();
    auto log = log::OpenLocalLog(
        disk, options, [&](std::span<log::Record> records) { return replayer.Replay(records); });
    EXPECT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    replayed_ = replayer.report();
    writer_ = ingest::RingWriter::Create(*log_, *rings_, {{.step_seconds = 1, .slots = kSlots}});
  }
  ~Node() {
    writer_.reset();
    log_.reset();
  }

  Status Write(const std::string& name, int64_t first, int64_t last) {
    std::vector<ingest::SampleInput> samples;
    for (int64_t ts = first; ts <= last; ++ts) {
      ingest::SampleInput& sample = samples.emplace_back();
      sample.name = name;
      sample.ts = ts;
      sample.value = ValueOf(ts);
    }
    auto promise = std::make_shared<std::promise<Status>>();
    std::future<Status> answer = promise->get_future();
    writer_->WriteAsync(samples, [promise](const Result<ingest::RingWritten>& written) {
      promise->set_value(written.status());
    });
    return answer.get();
  }
  Status CheckpointAndCut() {
    VARVE_RETURN_IF_ERROR(rings_->Checkpoint());
    return log_->TruncateThrough(rings_->CheckpointedThrough(log_->durable()));
  }

  ring::RingStore& rings() { return *rings_; }
  ingest::RingWriter& writer() { return *writer_; }
  log::LocalLog& log() { return *log_; }
  const ingest::ReplayReport& replayed() const { return replayed_; }

 private:
  buffer::MemoryBudget budget_{1u << 20};
  buffer::Buffer buffer_{budget_};
  std::unique_ptr<ring::RingStore> rings_;
  std::unique_ptr<log::LocalLog> log_;
  std::unique_ptr<ingest::RingWriter> writer_;
  ingest::ReplayReport replayed_;
};

// What one writer's metric may look like: the last acknowledged state, or that after the change on
// its way.
struct Promise {
  struct State {
    int64_t last = 0;   // 0: there is no metric
    int64_t first = 1;  // since the metric was made, or its ring cut by a change of shape
    uint32_t slots = kSlots;

    std::vector<ring::Point> Points() const {
      std::vector<ring::Point> points;
      for (int64_t ts = std::max(first, last - slots + 1); ts <= last; ++ts) {
        points.push_back({ts, ValueOf(ts)});
      }
      return points;
    }
  };
  State acknowledged;
  State sent;

  std::string Settle(const ring::RingStore& rings, const std::string& name) {
    const ring::MetricRef metric = rings.Find(name, {});
    std::vector<ring::Point> points;
    if (metric != nullptr) {
      EXPECT_TRUE(rings.Read(metric->id, {}, points).ok());
    }
    for (const State& state : {acknowledged, sent}) {
      const bool there = state.last > 0;
      if (there != (metric != nullptr)) continue;
      if (there && (metric->shape.slots != state.slots || points != state.Points())) continue;
      acknowledged = sent = state;
      return "";
    }
    return fmt::format("{}: {}, {} points up to {}; acknowledged {} of {} slots, sent {} of {}",
                       name, metric == nullptr ? "gone" : "there", points.size(),
                       points.empty() ? 0 : points.back().ts, acknowledged.last, acknowledged.slots,
                       sent.last, sent.slots);
  }
};

// Changes until one fails; returns how that one ended.
Status ChangeUntilItFails(Node& node, Promise& promise, const std::string& name, int64_t& clock,
                          std::mt19937_64& random, const std::function<void()>& before_each) {
  while (true) {
    before_each();
    Promise::State& sent = promise.sent;
    const uint64_t dice = random() % 20;
    const ring::MetricRef metric = node.rings().Find(name, {});
    Status done;
    if (dice == 0 && metric != nullptr) {
      sent = {};
      done = node.writer().Drop(metric->id);
    } else if (dice <= 2 && metric != nullptr) {
      sent.first = std::max(sent.first, sent.last - sent.slots + 1);
      sent.slots = sent.slots == kSlots ? kOtherSlots : kSlots;
      if (sent.slots == kOtherSlots) {
        sent.first = std::max(sent.first, sent.last - sent.slots + 1);
      }
      done = node.writer().Reshape(metric->id, {.step_seconds = 1, .slots = sent.slots});
    } else {
      const int64_t first = clock + 1;
      clock += 1 + static_cast<int64_t>(random() % 30);
      if (sent.last == 0) sent = {.last = clock, .first = first};
      sent.last = clock;
      done = node.Write(name, first, clock);
    }
    VARVE_RETURN_IF_ERROR(done);
    promise.acknowledged = sent;
  }
}

TEST(RingPathTest, PowerMayGoAtAnyTimeAndRingsHoldWhatWasAcknowledged) {
  constexpr int kRounds = 40;
  FaultyDisk disk;
  std::array<Promise, kWriters> promises;
  std::array<int64_t, kWriters> clocks{};
  std::mt19937_64 random(20'261);
  uint64_t replayed = 0;
  uint64_t skipped = 0;
  for (int round = 0; round <= kRounds; ++round) {
    SCOPED_TRACE(::testing::Message() << "round " << round);
    disk.RestorePower();
    Node node(disk);
    replayed += node.replayed().ring_records;
    skipped += node.replayed().checkpointed_records;
    for (size_t w = 0; w < kWriters; ++w) {
      ASSERT_EQ(promises[w].Settle(node.rings(), "m" + std::to_string(w)), "");
      const int64_t last = promises[w].acknowledged.last;
      if (last > 0) clocks[w] = last;
    }
    const int changes = static_cast<int>(5 + random() % 150);
    std::atomic<int> started{0};
    std::atomic<bool> stop{false};
    std::thread checkpoints([&] {
      while (!stop) node.CheckpointAndCut().IgnoreError();
    });
    std::vector<std::thread> writers;
    for (size_t w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w, seed = random()] {
        std::mt19937_64 own(seed);
        const Status status =
            ChangeUntilItFails(node, promises[w], "m" + std::to_string(w), clocks[w], own, [&] {
              if (started.fetch_add(1) == changes) disk.CutPower(own);
            });
        EXPECT_FALSE(status.ok());  // the power is gone
      });
    }
    for (std::thread& writer : writers) writer.join();
    stop = true;
    checkpoints.join();
  }
  EXPECT_GT(replayed, 0u);
  EXPECT_GT(skipped, 0u);
}

TEST(RingPathTest, TheLogStaysSmallUnderSamplesAloneAndKeepsWhatTheRingsLack) {
  FaultyDisk disk;
  {
    Node node(disk);
    int64_t ts = 0;
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(node.Write("m", ts + 1, ts + 20).ok());
      ts += 20;
      if (i % 50 == 0) {
        ASSERT_TRUE(node.CheckpointAndCut().ok());
        EXPECT_LE(node.log().telemetry().segments, 2u);
      }
    }
    EXPECT_GT(node.log().telemetry().segments, 2u);
    EXPECT_EQ(node.rings().telemetry().samples, 6000u);
  }
  disk.LosePower();
  Node node(disk);
  EXPECT_EQ(node.replayed().ring_records, 49u);
  std::vector<ring::Point> points;
  ASSERT_TRUE(node.rings().Read(node.rings().Find("m", {})->id, {}, points).ok());
  EXPECT_EQ(points.size(), kSlots);
  EXPECT_EQ(points.back().ts, 6000);
}

// A log folder that is gone must not number new changes as old ones, which the rings would skip.
TEST(RingPathTest, ALogThatIsLostGoesOnBehindTheCheckpoint) {
  FaultyDisk disk;
  {
    Node node(disk);
    for (int64_t ts = 1; ts <= 10; ++ts) ASSERT_TRUE(node.Write("m", ts, ts).ok());
    ASSERT_TRUE(node.CheckpointAndCut().ok());
  }
  for (const std::string& name : disk.Names("log")) ASSERT_TRUE(disk.Remove("log/" + name).ok());
  for (int run = 0; run < 2; ++run) {
    Node node(disk);
    ASSERT_TRUE(node.Write("m", 11 + run, 11 + run).ok());
    std::vector<ring::Point> points;
    ASSERT_TRUE(node.rings().Read(node.rings().Find("m", {})->id, {}, points).ok());
    EXPECT_EQ(points.size(), 11u + static_cast<size_t>(run));
  }
}

}  // namespace
}  // namespace varve
