// Rows per second that the server acknowledges durably, over a socket: literal INSERTs of 1,000
// rows, COPY text and COPY binary, each on several connections; and memory while many rows go in.
// Before a figure counts, the server must hold exactly the rows that were sent.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <thread>

#include "measure.h"
#include "otel_generator.h"
#include "pg_client.h"
#include "server_process.h"

namespace varve::bench {
namespace {

constexpr int64_t kRowsPerStatement = 1000;
constexpr size_t kCopyChunk = 65'536;

struct Options {
  std::string server = "build/release/varve";
  std::vector<std::string> server_options;
  int64_t rows = 400'000;
  int64_t memory_rows = 4'000'000;
  int connections = 4;
  int runs = 3;
  uint64_t seed = 1;
};

enum class Way { kInsert, kCopyText, kCopyBinary };

void Expect(std::string_view what, const std::string& got, int64_t expected) {
  if (got == std::to_string(expected)) return;
  throw std::runtime_error(fmt::format("{}: {} instead of {}", what, got, expected));
}

// The answers that prove that every row is there once.
void CheckTotals(uint16_t port, const OtelTotals& totals) {
  PgClient client(port);
  const Rows rows = client.Query(
      "SELECT count(*), count(*) FILTER (WHERE status_code = 'ERROR'), "
      "sum(duration)::bigint, count(DISTINCT id) FROM otel_logs_and_spans");
  Expect("rows", rows.at(0).at(0), totals.rows);
  Expect("errors", rows.at(0).at(1), totals.errors);
  Expect("sum of durations", rows.at(0).at(2), totals.duration_sum);
  Expect("distinct ids", rows.at(0).at(3), totals.rows);
  for (size_t i = 0; i < kProjects.size(); ++i) {
    const Rows one = client.Query(fmt::format(
        "SELECT count(*) FROM otel_logs_and_spans WHERE project_id = '{}'", kProjects[i]));
    Expect(kProjects[i], one.at(0).at(0), totals.rows_of_project[i]);
  }
}

// What one connection sends, made before the clock runs.
struct Load {
  std::vector<std::string> messages;
  OtelTotals totals;
};

Load MakeLoad(Way way, const Options& options, int connection) {
  OtelGenerator generator(options.seed, options.rows);
  const int64_t share = options.rows / options.connections / kRowsPerStatement * kRowsPerStatement;
  Load load;
  for (int64_t begin = connection * share; begin < (connection + 1) * share;
       begin += kRowsPerStatement) {
    std::string data;
    const int64_t end = begin + kRowsPerStatement;
    switch (way) {
      case Way::kInsert:
        load.totals.Add(generator.AppendInsert(begin, end, data));
        load.messages.push_back(PgClient::QueryMessage(data));
        continue;
      case Way::kCopyText:
        load.totals.Add(generator.AppendCopyText(begin, end, data));
        break;
      case Way::kCopyBinary:
        load.totals.Add(generator.AppendCopyBinary(begin, end, data));
        break;
    }
    load.messages.push_back(std::move(data));
  }
  return load;
}

void SendLoad(Way way, const Load& load, PgClient& client) {
  if (way == Way::kInsert) {
    for (const std::string& message : load.messages) client.SendQuery(message);
    return;
  }
  client.BeginCopy(OtelGenerator::CopyStatement(way == Way::kCopyBinary));
  if (way == Way::kCopyBinary) client.CopyData(OtelGenerator::BinaryHeader());
  for (const std::string& data : load.messages) {
    for (size_t at = 0; at < data.size(); at += kCopyChunk) {
      client.CopyData(std::string_view(data).substr(at, kCopyChunk));
    }
  }
  if (way == Way::kCopyBinary) client.CopyData(OtelGenerator::BinaryTrailer());
  Expect("rows of COPY", std::to_string(client.EndCopy()), load.totals.rows);
}

// Runs `work(connection)` on a thread each and passes on what they throw.
template <typename Work>
void OnThreads(int count, Work work) {
  std::vector<std::exception_ptr> failures(static_cast<size_t>(count));
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([i, &work, &failures] {
      try {
        work(i);
      } catch (...) {
        failures[static_cast<size_t>(i)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

struct Outcome {
  double rows_per_second = 0;
  double cpu_us_per_row = 0;  // of the server
};

Outcome RunOnce(Way way, const Options& options, const std::vector<Load>& loads) {
  ServerProcess server(options.server, options.server_options);
  std::vector<std::unique_ptr<PgClient>> clients;
  OtelTotals totals;
  for (const Load& load : loads) {
    clients.push_back(std::make_unique<PgClient>(server.pg_port()));
    totals.Add(load.totals);
  }
  const double cpu = server.CpuSeconds();
  const double start = Seconds();
  OnThreads(static_cast<int>(loads.size()), [&](int i) {
    SendLoad(way, loads[static_cast<size_t>(i)], *clients[static_cast<size_t>(i)]);
  });
  const double elapsed = Seconds() - start;
  const double used = server.CpuSeconds() - cpu;
  clients.clear();
  // The destructor kills it: a stop would flush all rows to the lake first, which is not measured.
  CheckTotals(server.pg_port(), totals);
  const auto rows = static_cast<double>(totals.rows);
  return {rows / elapsed, used / rows * 1e6};
}

void Measure(const char* name, Way way, const Options& base, int connections) {
  Options options = base;
  options.connections = connections;
  std::vector<Load> loads;
  for (int i = 0; i < connections; ++i) loads.push_back(MakeLoad(way, options, i));
  std::vector<double> rates;
  std::vector<double> cpu;
  for (int run = 0; run < options.runs; ++run) {
    const Outcome outcome = RunOnce(way, options, loads);
    rates.push_back(outcome.rows_per_second);
    cpu.push_back(outcome.cpu_us_per_row);
  }
  const Spread rate = SpreadOf(rates);
  fmt::print("{:<28} {:>11} {:>12.0f} {:>12.0f} {:>12.0f} {:>14.2f}\n", name, connections,
             rate.median, rate.least, rate.most, SpreadOf(cpu).median);
  std::fflush(stdout);
}

// COPY in transactions of 20,000 rows, made while they are sent; memory is read after each tenth.
void MeasureMemory(const Options& options) {
  constexpr int64_t kRowsPerCopy = 20'000;
  ServerProcess server(options.server, options.server_options);
  fmt::print(
      "\nmemory while {} rows go in by COPY text (MiB)\n{:>12} {:>10} {:>10} {:>10} {:>10}\n",
      options.memory_rows, "rows", "VmRSS", "VmHWM", "log/", "lake/");
  OtelGenerator generator(options.seed, options.memory_rows);
  PgClient client(server.pg_port());
  OtelTotals totals;
  int64_t next_report = options.memory_rows / 10;
  const double start = Seconds();
  for (int64_t begin = 0; begin < options.memory_rows; begin += kRowsPerCopy) {
    client.BeginCopy(OtelGenerator::CopyStatement(false));
    for (int64_t at = begin; at < begin + kRowsPerCopy; at += 100) {
      std::string data;
      totals.Add(generator.AppendCopyText(at, at + 100, data));
      client.CopyData(data);
    }
    client.EndCopy();
    if (totals.rows < next_report) continue;
    next_report += options.memory_rows / 10;
    fmt::print("{:>12} {:>10} {:>10} {:>10} {:>10}\n", totals.rows, server.RssMiB(),
               server.PeakMiB(), server.DiskMiB("log"), server.DiskMiB("lake"));
    std::fflush(stdout);
  }
  fmt::print("{:.0f} s with the making of the rows on one core\n", Seconds() - start);
  CheckTotals(server.pg_port(), totals);
  server.Stop();
}

}  // namespace
}  // namespace varve::bench

int main(int argc, char** argv) {
  using namespace varve::bench;  // NOLINT(google-build-using-namespace)
  Options options;
  std::string only;
  CLI::App app("Measures ingest of otel_logs_and_spans over the wire");
  app.add_option("--server", options.server);
  app.add_option("--server-option", options.server_options, "a further word for `varve serve`");
  app.add_option("--rows", options.rows, "rows of one run");
  app.add_option("--memory-rows", options.memory_rows, "0: leave the memory table out");
  app.add_option("--connections", options.connections);
  app.add_option("--runs", options.runs);
  app.add_option("--seed", options.seed);
  app.add_option("--only", only)->check(CLI::IsMember({"insert", "text", "binary", "memory"}));
  CLI11_PARSE(app, argc, argv);
  try {
    fmt::print("{:<28} {:>11} {:>12} {:>12} {:>12} {:>14}\n", "rows/s acknowledged", "connections",
               "median", "least", "most", "server us/row");
    const auto wanted = [&only](std::string_view name) { return only.empty() || only == name; };
    if (wanted("insert")) {
      Measure("INSERT of 1,000 rows", Way::kInsert, options, 1);
      Measure("INSERT of 1,000 rows", Way::kInsert, options, options.connections);
    }
    if (wanted("text")) Measure("COPY text", Way::kCopyText, options, 2);
    if (wanted("binary")) Measure("COPY binary", Way::kCopyBinary, options, 2);
    if (wanted("memory") && options.memory_rows > 0) MeasureMemory(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "varve_bench_ingest: {}\n", error.what());
    return 1;
  }
  return 0;
}
