// How fast the ring store alone is with 200,000 metrics of 3,600 slots: no socket, no log.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "io/posix/posix_file_system.h"
#include "ring/ring_store.h"

namespace varve::bench {
namespace {

using ring::MetricId;
using ring::RingChange;
using ring::RingStore;
using ring::TagView;

constexpr uint32_t kMetrics = 200'000;
constexpr uint32_t kSamples = 1000;

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  int64_t shared = 0;
  file >> total >> resident >> shared;
  return (resident - shared) * 4096;
}

std::string Host(uint32_t i) { return fmt::format("host-{:05}", i % 5000); }
std::string Name(uint32_t i) { return fmt::format("metric_{:02}", i / 5000); }

// One for all benchmarks: 40 names on 5,000 hosts.
struct Fixture {
  Fixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "varve-ring-XXXXXX").string();
    dir = mkdtemp(pattern.data());
    Open();
    const int64_t before = ResidentBytes();
    for (uint32_t i = 0; i < kMetrics;) {
      RingChange change;
      for (uint32_t end = i + kSamples; i < end; ++i) {
        const MetricId id = store->TakeId();
        change.created.push_back({id,
                                  Name(i),
                                  {{"host", Host(i)},
                                   {"region", fmt::format("eu-{}", i % 7)},
                                   {"service", fmt::format("service-{}", i % 90)}},
                                  {},
                                  {1, 3600}});
        change.samples.push_back({id, now, 1.5});
      }
      Commit(change);
    }
    memory = ResidentBytes() - before;
    VARVE_CHECK(store->Checkpoint().ok());
  }
  ~Fixture() {
    store.reset();
    std::filesystem::remove_all(dir);
  }
  void Open() {
    auto opened = RingStore::Open(io::PosixFileSystem::Get(), {.dir = dir + "/rings"});
    VARVE_CHECK(opened.ok());
    store = *std::move(opened);
  }
  void Commit(const RingChange& change) {
    VARVE_CHECK(store->Reserve(change).ok());
    lsn = lsn.Next();
    VARVE_CHECK(store->Apply(lsn, change).ok());
  }

  std::string dir;
  std::unique_ptr<RingStore> store;
  Lsn lsn;
  int64_t now = 1'800'000'000;
  int64_t memory = 0;
};

Fixture& Shared() {
  static Fixture fixture;
  return fixture;
}

void ReserveAndApply(benchmark::State& state) {
  Fixture& fixture = Shared();
  uint32_t next = 0;
  for (auto _ : state) {
    RingChange change;
    for (uint32_t i = 0; i < kSamples; ++i, next = (next + 1) % kMetrics) {
      if (next == 0) ++fixture.now;
      change.samples.push_back({MetricId(next + 1), fixture.now, 2.5});
    }
    fixture.Commit(change);
  }
  state.SetItemsProcessed(state.iterations() * kSamples);
  state.counters["memory_per_metric"] = static_cast<double>(fixture.memory) / kMetrics;
}
BENCHMARK(ReserveAndApply);

void FindByNameAndTags(benchmark::State& state) {
  const Fixture& fixture = Shared();
  std::mt19937 random(1);
  const std::string name = Name(7 * 5000);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::array<std::string, 3>> values;
    for (uint32_t i = 0; i < kSamples; ++i) {
      const uint32_t metric = 7 * 5000 + static_cast<uint32_t>(random() % 5000);
      values.push_back(
          {Host(metric), fmt::format("eu-{}", metric % 7), fmt::format("service-{}", metric % 90)});
    }
    state.ResumeTiming();
    fixture.store->WithMetrics([&](const ring::MetricFinder& finder) {
      for (const auto& value : values) {
        const TagView tags[] = {{"host", value[0]}, {"region", value[1]}, {"service", value[2]}};
        VARVE_CHECK(finder.Find(name, tags) != nullptr);
      }
    });
  }
  state.SetItemsProcessed(state.iterations() * kSamples);
}
BENCHMARK(FindByNameAndTags);

void LookupByNameAndTag(benchmark::State& state) {
  const Fixture& fixture = Shared();
  uint32_t i = 0;
  for (auto _ : state) {
    const auto found =
        fixture.store->Lookup({Name(i % kMetrics), {{"host", Host(i % kMetrics)}}}, 200);
    VARVE_CHECK(found.size() == 1);
    i += 7919;
  }
}
BENCHMARK(LookupByNameAndTag);

// The worst two conditions: both common, nothing in common.
void LookupOfNothing(benchmark::State& state) {
  const Fixture& fixture = Shared();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        fixture.store->Lookup({{}, {{"region", "eu-1"}, {"service", "service-7"}}}, 2000));
  }
}
BENCHMARK(LookupOfNothing);

void ReadARing(benchmark::State& state) {
  Fixture& fixture = Shared();
  for (int64_t second = 1; second <= 3600; ++second) {
    RingChange change;
    change.samples.push_back({MetricId(1), fixture.now + second, 1});
    fixture.Commit(change);
  }
  for (auto _ : state) {
    std::vector<ring::Point> points;
    VARVE_CHECK(fixture.store->Read(MetricId(1), {}, points).ok());
    VARVE_CHECK(points.size() == 3600);
  }
  state.SetItemsProcessed(state.iterations() * 3600);
}
BENCHMARK(ReadARing);

void ReadOnePointOfEach(benchmark::State& state) {
  const Fixture& fixture = Shared();
  for (auto _ : state) {
    std::vector<ring::Point> points;
    for (const ring::MetricRef& metric : fixture.store->All()) {
      VARVE_CHECK(fixture.store->Read(metric->id, {fixture.now - 5, fixture.now}, points).ok());
    }
  }
  state.SetItemsProcessed(state.iterations() * kMetrics);
}
BENCHMARK(ReadOnePointOfEach)->Unit(benchmark::kMillisecond);

void OpenTheStore(benchmark::State& state) {
  Fixture& fixture = Shared();
  VARVE_CHECK(fixture.store->Checkpoint().ok());
  for (auto _ : state) {
    state.PauseTiming();
    fixture.store.reset();
    state.ResumeTiming();
    fixture.Open();
  }
}
BENCHMARK(OpenTheStore)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace varve::bench

BENCHMARK_MAIN();
