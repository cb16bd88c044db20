// Measures the log alone: commits and megabytes per second with their fdatasync, then the replay.
//
//   log_bench DIR [always|interval:MS|off] [SECONDS]
//
// First what making a record costs the committing thread: lz4 and the checksum, and the checksum
// alone (which is all that an incompressible payload of the same size would cost besides).
//
// Each line is one run on an empty log in DIR: so many clients, each committing batches of so many
// rows of 37 filled columns one after the other, as a connection does. The rows are encoded before
// the clock starts; compression and checksums are part of what is measured. What was committed is
// replayed and decoded afterwards and its row count compared.

#include <absl/strings/numbers.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/crc32c.h"
#include "io/posix/posix_file_system.h"
#include "log/local_log.h"
#include "log/record_codec.h"
#include "model/batch_codec.h"

namespace varve {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string HexId(std::mt19937_64& random) { return fmt::format("{:016x}", random()); }

// 37 columns: times, numbers, ids that do not repeat and texts that do, and one long body.
Batch MakeRows(uint32_t rows, std::mt19937_64& random) {
  constexpr int kNumbers = 8;
  constexpr int kIds = 3;
  constexpr int kTexts = 25;
  Batch batch;
  batch.rows = rows;
  uint32_t id = 0;
  const auto add = [&](ColumnBuilder& builder) {
    batch.ids.emplace_back(++id);
    batch.columns.push_back(builder.Finish());
  };
  ColumnBuilder number{Type(TypeKind::kInt64)};
  for (int column = 0; column < kNumbers; ++column) {
    for (uint32_t row = 0; row < rows; ++row) {
      number.AppendFixed<int64_t>(1'700'000'000'000'000 +
                                  static_cast<int64_t>(random() % 1'000'000));
    }
    add(number);
  }
  ColumnBuilder text{Type(TypeKind::kText)};
  for (int column = 0; column < kIds; ++column) {
    for (uint32_t row = 0; row < rows; ++row) text.AppendBytes(HexId(random));
    add(text);
  }
  for (int column = 0; column < kTexts; ++column) {
    std::vector<std::string> words;
    for (int i = 0; i < 24; ++i)
      words.push_back(fmt::format("service-{}-{:x}", i, random() % 4096));
    for (uint32_t row = 0; row < rows; ++row) text.AppendBytes(words[random() % words.size()]);
    add(text);
  }
  for (uint32_t row = 0; row < rows; ++row) {
    text.AppendBytes(fmt::format(
        "{{\"http.method\":\"GET\",\"http.route\":\"/api/v1/items/{}\",\"http.status\":200,"
        "\"user\":\"{}\"}}",
        random() % 200, HexId(random)));
  }
  add(text);
  return batch;
}

void MeasureEncoding() {
  std::printf("  rows  raw bytes  stored  lz4+crc MB/s  crc MB/s  batch MB/s\n");
  for (const uint32_t rows : {1u, 10u, 1000u, 10'000u}) {
    std::mt19937_64 random(1);
    const Batch batch = MakeRows(rows, random);
    const std::string payload = EncodeBatch(batch);
    const auto rate = [&](const std::function<size_t()>& once) {
      size_t rounds = 0;
      size_t kept = 0;
      const auto begin = std::chrono::steady_clock::now();
      for (; SecondsSince(begin) < 0.3; ++rounds) kept += once();
      VARVE_CHECK(kept > 0);
      return static_cast<double>(rounds * payload.size()) / SecondsSince(begin) / 1e6;
    };
    size_t stored = 0;
    const double encode = rate([&] {
      stored =
          log::EncodeRecord({log::RecordType::kRows, TableId(1), 1, payload}, true)->record_bytes();
      return stored;
    });
    const double crc = rate([&] { return size_t{Crc32c(payload)} | 1; });
    const double codec = rate([&] { return EncodeBatch(batch).size(); });
    std::printf("%6u %10zu %6.1f%% %13.0f %9.0f %11.0f\n", rows, payload.size(),
                100.0 * static_cast<double>(stored) / static_cast<double>(payload.size()), encode,
                crc, codec);
  }
}

struct Run {
  int clients = 1;
  uint32_t rows = 1;
};

class LogBench {
 public:
  LogBench(std::string dir, config::LogSync sync, double seconds) : seconds_(seconds) {
    options_.dir = std::move(dir);
    options_.sync = sync;
    options_.max_bytes = uint64_t{64} << 30;
  }

  void Measure(const Run& run) {
    std::filesystem::remove_all(options_.dir);
    std::mt19937_64 random(1);
    std::vector<std::string> payloads;
    for (int i = 0; i < 16; ++i) payloads.push_back(EncodeBatch(MakeRows(run.rows, random)));
    auto log = Open([](std::span<log::Record>) { return OkStatus(); });
    std::atomic<bool> stop = false;
    std::vector<std::thread> clients;
    const auto begin = std::chrono::steady_clock::now();
    for (int client = 0; client < run.clients; ++client) {
      clients.emplace_back([&, client] { Client(*log, payloads, client, stop); });
    }
    while (SecondsSince(begin) < seconds_)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop = true;
    for (std::thread& client : clients) client.join();
    const double seconds = SecondsSince(begin);
    const log::LogTelemetry telemetry = log->telemetry();
    log.reset();
    Print(run, seconds, telemetry);
    Replay(run, telemetry);
  }

 private:
  std::unique_ptr<log::LocalLog> Open(const log::ReplayFunction& replay) {
    auto log = log::OpenLocalLog(io::PosixFileSystem::Get(), options_, replay);
    if (!log.ok()) std::fprintf(stderr, "%s\n", log.status().ToString().c_str());
    VARVE_CHECK(log.ok());
    return *std::move(log);
  }

  static void Client(log::Log& log, const std::vector<std::string>& payloads, int client,
                     const std::atomic<bool>& stop) {
    for (size_t i = static_cast<size_t>(client); !stop; ++i) {
      log::Transaction transaction;
      transaction.records.push_back(
          {log::RecordType::kRows, TableId(1), 1, payloads[i % payloads.size()]});
      VARVE_CHECK(log.Commit(std::move(transaction)).ok());
    }
  }

  static void Print(const Run& run, double seconds, const log::LogTelemetry& telemetry) {
    const auto commits = static_cast<double>(telemetry.transactions);
    std::printf("%7d %6u %10.0f %11.0f %9.1f %9.1f %7.0f %8.2f %8.1f", run.clients, run.rows,
                commits / seconds, commits * run.rows / seconds,
                static_cast<double>(telemetry.raw_payload_bytes) / seconds / 1e6,
                static_cast<double>(telemetry.written_bytes) / seconds / 1e6,
                static_cast<double>(telemetry.syncs) / seconds,
                telemetry.syncs == 0 ? 0.0
                                     : static_cast<double>(telemetry.sync_us_total) /
                                           static_cast<double>(telemetry.syncs) / 1000,
                commits / static_cast<double>(telemetry.groups));
  }

  void Replay(const Run& run, const log::LogTelemetry& written) {
    uint64_t rows = 0;
    const auto begin = std::chrono::steady_clock::now();
    auto log = Open([&](std::span<log::Record> records) -> Status {
      for (const log::Record& record : records) {
        VARVE_ASSIGN_OR_RETURN(const Batch batch, DecodeBatch(record.payload));
        rows += batch.rows;
      }
      return OkStatus();
    });
    const double seconds = SecondsSince(begin);
    VARVE_CHECK(rows == written.transactions * run.rows);
    std::printf(" %8.2f %9.0f\n", seconds,
                static_cast<double>(written.raw_payload_bytes) / seconds / 1e6);
    std::fflush(stdout);
    log.reset();
    std::filesystem::remove_all(options_.dir);
  }

  log::LocalLogOptions options_;
  const double seconds_;
};

int Main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: log_bench DIR [always|interval:MS|off] [SECONDS]\n");
    return 2;
  }
  const auto sync = config::LogSync::Parse(argc > 2 ? argv[2] : "always");
  double seconds = 2;
  if (!sync.ok() || (argc > 3 && !absl::SimpleAtod(argv[3], &seconds))) return 2;
  MeasureEncoding();
  std::printf(
      "\nclients   rows  commits/s      rows/s  raw MB/s disk MB/s syncs/s  sync ms  tx/sync"
      "  replay s  replay MB/s\n");
  LogBench bench(std::string(argv[1]) + "/log_bench", *sync, seconds);
  for (const Run run :
       {Run{1, 1}, Run{16, 1}, Run{64, 1}, Run{1, 1000}, Run{4, 1000}, Run{16, 1000}}) {
    bench.Measure(run);
  }
  return 0;
}

}  // namespace
}  // namespace varve

int main(int argc, char** argv) { return varve::Main(argc, argv); }
