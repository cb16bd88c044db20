// Reads, changes and checkpoints at once, on the real disk: for the thread sanitizer, and for what
// one call must see whole.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "io/posix/posix_file_system.h"
#include "ring/ring_store.h"

namespace varve::ring {
namespace {

class RingThreadsTest : public ::testing::Test {
 protected:
  RingThreadsTest() {
    std::string pattern = ::testing::TempDir() + "varve_rings_XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  ~RingThreadsTest() override { std::filesystem::remove_all(dir_); }
  std::unique_ptr<RingStore> Open() {
    auto opened = RingStore::Open(io::PosixFileSystem::Get(), {.dir = dir_ + "/rings"});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }

  std::string dir_;
};

constexpr uint32_t kSlots = 600;

// Two samples for each metric, of equal value; now and then a metric goes and another one comes.
RingChange NextChange(RingStore& store, std::vector<MetricId>& metrics, int turn) {
  RingChange change;
  if (turn % 5 == 0 || metrics.empty()) {
    const MetricId id = store.TakeId();
    change.created.push_back({id, fmt::format("m{}", id.value), {{"k", "v"}}, {}, {1, kSlots}});
    metrics.push_back(id);
  }
  for (const MetricId id : metrics) {
    change.samples.push_back({id, turn, static_cast<double>(turn)});
    change.samples.push_back({id, turn + 300, static_cast<double>(turn)});
  }
  if (metrics.size() > 20) {
    change.dropped.push_back({metrics.front()});
    metrics.erase(metrics.begin());
  }
  if (turn % 7 == 0 && !metrics.empty()) {
    change.reshaped.push_back({metrics[0], {1, kSlots + static_cast<uint32_t>(turn % 2)}});
  }
  return change;
}

void ReadUntil(const RingStore& store, const std::atomic<bool>& stop, std::atomic<int>& torn) {
  while (!stop) {
    for (const MetricRef& metric : store.Lookup({{}, {{"k", "v"}}}, 100)) {
      std::vector<Point> points;
      if (!store.Read(metric->id, SecondsRange(), points).ok() || points.empty()) continue;
      // The newest sample was applied together with the one 300 seconds before it.
      const Point newest = points.back();
      for (const Point& point : points) {
        if (point.ts == newest.ts - 300 && point.value != newest.value) ++torn;
      }
    }
    static_cast<void>(store.TagValues("m1"));
    static_cast<void>(store.Names());
    static_cast<void>(store.telemetry());
  }
}

TEST_F(RingThreadsTest, OneCallSeesAChangeWholeOrNotAtAll) {
  std::unique_ptr<RingStore> store = Open();
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { ReadUntil(*store, stop, torn); });
  }
  threads.emplace_back([&] {
    while (!stop) EXPECT_TRUE(store->Checkpoint().ok());
  });
  std::vector<MetricId> metrics;
  for (int turn = 1; turn <= 250; ++turn) {
    const RingChange change = NextChange(*store, metrics, turn);
    ASSERT_TRUE(store->Reserve(change).ok());
    const Result<Applied> applied = store->Apply(Lsn(static_cast<uint64_t>(turn)), change);
    ASSERT_TRUE(applied.ok()) << applied.status();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  ASSERT_TRUE(store->Checkpoint().ok());
  std::vector<Point> before;
  ASSERT_TRUE(store->Read(metrics.back(), SecondsRange(), before).ok());
  store.reset();
  store = Open();
  std::vector<Point> after;
  ASSERT_TRUE(store->Read(metrics.back(), SecondsRange(), after).ok());
  EXPECT_EQ(after, before);
  EXPECT_EQ(store->All().size(), metrics.size());
}

}  // namespace
}  // namespace varve::ring
