// Measures what a sample costs from the decoded request to the ring: look-up, checks, record, slot.
//
// The log answers at once and keeps nothing, so that what is measured is one thread's own work.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ingest/ring_writer.h"
#include "io/posix/posix_file_system.h"
#include "ring/ring_store.h"

namespace varve {
namespace {

constexpr size_t kBatch = 1000;
constexpr size_t kTags = 3;

class NoLog : public log::Log {
 public:
  void CommitAsync(log::Transaction transaction) override {
    const LsnRange lsns{next_, next_.Next()};
    next_ = lsns.end;
    bytes_ += transaction.records[0].payload.size();
    if (transaction.on_durable) transaction.on_durable(lsns);
    if (transaction.done) transaction.done(lsns);
  }
  bool TryCommitAsync(log::Transaction transaction) override {
    CommitAsync(std::move(transaction));
    return true;
  }
  Result<LsnRange> Commit(log::Transaction transaction) override {
    CommitAsync(std::move(transaction));
    return LsnRange{next_.Prev(), next_};
  }
  Lsn durable() const override { return next_.Prev(); }
  Status TruncateThrough(Lsn /*through*/) override { return OkStatus(); }
  uint64_t disk_bytes() const override { return bytes_; }

 private:
  Lsn next_{1};
  uint64_t bytes_ = 0;
};

// Metrics with three tags, written in turn, each second once.
struct Feed {
  explicit Feed(size_t metrics) {
    for (size_t i = 0; i < metrics; ++i) {
      const std::string number = std::to_string(i);
      texts.push_back({"http_requests_of_the_service",
                       "host-" + std::to_string(i / 50) + ".example", "/api/v1/resource/" + number,
                       "200"});
    }
    for (const auto& text : texts) {
      tags.push_back({ingest::TagInput{"code", text[3]}, ingest::TagInput{"host", text[1]},
                      ingest::TagInput{"path", text[2]}});
    }
  }
  // The next batch; `ids` empty: by name and tags.
  std::vector<ingest::SampleInput> Next(const std::vector<ring::MetricId>& ids) {
    std::vector<ingest::SampleInput> batch(kBatch);
    for (ingest::SampleInput& sample : batch) {
      if (ids.empty()) {
        sample.name = texts[at][0];
        sample.tags = tags[at];
      } else {
        sample.metric = ids[at];
      }
      sample.ts = ts;
      sample.value = static_cast<double>(at);
      if (++at == texts.size()) {
        at = 0;
        ++ts;
      }
    }
    return batch;
  }

  std::vector<std::array<std::string, 1 + kTags>> texts;
  std::vector<std::array<ingest::TagInput, kTags>> tags;
  size_t at = 0;
  int64_t ts = 1'000'000;
};

void Write(benchmark::State& state, bool by_id) {
  const std::string dir = std::filesystem::temp_directory_path() / "varve-ring-bench";
  std::filesystem::remove_all(dir);
  io::PosixFileSystem files;
  auto rings = ring::RingStore::Open(files, {.dir = dir});
  if (!rings.ok()) return state.SkipWithError(rings.status().ToString().c_str());
  {
    NoLog log;
    const auto writer =
        ingest::RingWriter::Create(log, **rings, {.shape = {.step_seconds = 1, .slots = 600}});
    Feed feed(static_cast<size_t>(state.range(0)));
    // Makes the metrics. Answers come in any order of requests, but in order within each.
    std::vector<ring::MetricId> ids;
    while (ids.size() < feed.texts.size()) {
      const auto batch = feed.Next({});
      std::vector<ring::MetricId> made;
      std::atomic<bool> came{false};
      writer->WriteAsync(batch, [&](Result<ingest::RingWritten> written) {
        if (written.ok()) made = std::move(written->metrics);
        came = true;
        came.notify_one();
      });
      came.wait(false);
      if (made.empty()) return state.SkipWithError("not made");
      ids.insert(ids.end(), made.begin(), made.end());
    }
    std::vector<std::vector<ingest::SampleInput>> batches;
    for (size_t i = 0; i < 100; ++i) batches.push_back(feed.Next(by_id ? ids : decltype(ids)()));
    size_t next = 0;
    uint64_t accepted = 0;
    for (auto _ : state) {
      writer->WriteAsync(batches[next], [&accepted](const Result<ingest::RingWritten>& written) {
        if (written.ok()) accepted += written->accepted;
      });
      if (++next == batches.size()) next = 0;
    }
    if (accepted == 0) state.SkipWithError("nothing was accepted");
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBatch));
  }
  rings->reset();
  std::filesystem::remove_all(dir);
}

void ById(benchmark::State& state) { Write(state, true); }
void ByName(benchmark::State& state) { Write(state, false); }
BENCHMARK(ById)->Arg(1000)->Arg(100'000);
BENCHMARK(ByName)->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace varve

BENCHMARK_MAIN();
