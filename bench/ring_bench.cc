// Samples per second that the server acknowledges durably over HTTP, and how long its answers take:
// batches of 1,000, single samples on 16 connections, series, lookups among many metrics; then what
// many sparse rings take on disk, and a restart with them. Before a figure counts, the rings must
// hold exactly the samples that were sent.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "http_client.h"
#include "measure.h"
#include "server_process.h"

namespace varve::bench {
namespace {

constexpr int64_t kStart = 1'700'000'000;
constexpr int64_t kBatch = 1000;
constexpr int64_t kSlots = 3600;

struct Options {
  std::string server = "build/release/varve";
  std::vector<std::string> server_options;
  int64_t batches = 600;  // of each connection
  int batch_connections = 4;
  int64_t singles = 100'000;
  int single_connections = 16;
  int64_t metrics = 200'000;
  int64_t answers = 200;  // whose median is taken
  int runs = 3;
};

void Expect(std::string_view what, const std::string& got, const std::string& expected) {
  if (got == expected) return;
  throw std::runtime_error(fmt::format("{}: {} instead of {}", what, got, expected));
}

// What /query says of all samples of the metrics with this name, up to 500 of them.
void CheckSums(HttpClient& client, const std::string& name, int64_t count, int64_t sum) {
  const std::string body =
      fmt::format(R"({{"selectors":[{{"metric":"{}"}}],"start_ts":0,"end_ts":4000000000,)"
                  R"("sql":"SELECT count(*) AS n, sum(value)::bigint AS total FROM samples"}})",
                  name);
  Expect(name, client.Call(HttpClient::Post("/query", body)),
         fmt::format(R"({{"rows":[{{"n":{},"total":{}}}],"count":1}})", count, sum));
}

void Print(const char* what, const char* unit, const std::vector<double>& values) {
  const Spread spread = SpreadOf(values);
  fmt::print("| {} | {} | {:.2f} | {:.2f} | {:.2f} |\n", what, unit, spread.median, spread.least,
             spread.most);
  std::fflush(stdout);
}

// Batches of one connection: its 100 metrics, ten seconds a batch. `by_name`: else by id.
std::vector<std::string> MakeBatches(const std::string& name, int connection, int64_t count,
                                     const std::vector<int64_t>& ids) {
  std::vector<std::string> batches;
  for (int64_t b = 0; b < count; ++b) {
    std::string body = R"({"samples":[)";
    for (int64_t i = 0; i < kBatch; ++i) {
      const int64_t metric = i % 100;
      const int64_t ts = kStart + b * 10 + i / 100;
      if (i > 0) body += ',';
      if (ids.empty()) {
        body += fmt::format(
            R"({{"name":"{}","tags":{{"host":"host-{:03}","connection":"{}"}},"ts":{},"value":{}}})",
            name, metric, connection, ts, i % 7);
      } else {
        body += fmt::format(R"({{"metric_id":{},"ts":{},"value":{}}})", ids[metric], ts, i % 7);
      }
    }
    batches.push_back(HttpClient::Post("/ingest/batch", body + "]}"));
  }
  return batches;
}

int64_t SumOfBatch() {
  int64_t sum = 0;
  for (int64_t i = 0; i < kBatch; ++i) sum += i % 7;
  return sum;
}

std::vector<int64_t> IdsOf(HttpClient& client, const std::string& name, int connection) {
  const std::string body =
      fmt::format(R"({{"name":"{}","tags":{{"connection":"{}"}}}})", name, connection);
  const std::string answer = client.Call(HttpClient::Post("/metrics/lookup", body));
  constexpr std::string_view kKey = "\"metric_id\":";
  std::vector<int64_t> ids;
  for (size_t at = answer.find(kKey); at != answer.npos; at = answer.find(kKey, at + 1)) {
    ids.push_back(std::stoll(answer.substr(at + kKey.size(), 20)));
  }
  return ids;
}

double RunBatches(uint16_t port, const std::vector<std::vector<std::string>>& loads) {
  std::vector<std::thread> threads;
  std::atomic<bool> failed{false};
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (size_t i = 0; i < loads.size(); ++i) clients.push_back(std::make_unique<HttpClient>(port));
  const double begin = Seconds();
  for (size_t i = 0; i < loads.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        for (const std::string& batch : loads[i]) clients[i]->Call(batch);
      } catch (const std::exception& error) {
        fmt::print(stderr, "{}\n", error.what());
        failed = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failed) throw std::runtime_error("a connection failed");
  double samples = 0;
  for (const auto& load : loads) samples += static_cast<double>(load.size() * kBatch);
  return samples / (Seconds() - begin);
}

void BenchBatches(const Options& options) {
  std::vector<double> by_name;
  std::vector<double> by_id;
  for (int run = 0; run < options.runs; ++run) {
    ServerProcess server(options.server, options.server_options);
    HttpClient client(server.http_port());
    for (const bool named : {true, false}) {
      const std::string name = named ? "by_name" : "by_id";
      std::vector<std::vector<std::string>> loads;
      const int64_t per_ring = std::min(options.batches, kSlots / 10);
      for (int c = 0; c < options.batch_connections; ++c) {
        const std::string metric = fmt::format("{}_{}", name, c);
        client.Call(MakeBatches(metric, c, 1, {}).front());
        const auto ids = named ? std::vector<int64_t>() : IdsOf(client, metric, c);
        loads.push_back(MakeBatches(metric, c, per_ring, ids));
      }
      (named ? by_name : by_id).push_back(RunBatches(server.http_port(), loads));
      for (int c = 0; c < options.batch_connections; ++c) {
        CheckSums(client, fmt::format("{}_{}", name, c), per_ring * kBatch,
                  per_ring * SumOfBatch());
      }
    }
    server.Stop();
  }
  Print("/ingest/batch of 1,000, by name and tags", "samples/s", by_name);
  Print("/ingest/batch of 1,000, by metric_id", "samples/s", by_id);
}

// One thread drives all connections: the clients must not take the server's processor.
double RunSingles(std::vector<std::unique_ptr<HttpClient>>& clients, int64_t total) {
  const int poll = ::epoll_create1(0);
  // The same number from each, so that none goes around its ring.
  const int64_t each = total / static_cast<int64_t>(clients.size());
  std::vector<int64_t> next(clients.size(), 0);
  const auto send = [&](size_t c) {
    const int64_t ts = kStart + 1 + next[c]++;
    clients[c]->Send(HttpClient::Post(
        "/ingest/gauge",
        fmt::format(R"({{"name":"single","tags":{{"agent":"{}"}},"ts":{},"value":{}}})", c, ts,
                    ts % 5)));
  };
  const double begin = Seconds();
  for (size_t c = 0; c < clients.size(); ++c) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = c;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, clients[c]->socket(), &event);
    send(c);
  }
  for (int64_t received = 0; received < total;) {
    epoll_event events[64];
    const int ready = ::epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < ready; ++i) {
      clients[events[i].data.u64]->Receive();
      ++received;
      if (next[events[i].data.u64] < each) send(events[i].data.u64);
    }
  }
  const double seconds = Seconds() - begin;
  ::close(poll);
  return static_cast<double>(total) / seconds;
}

void BenchSingles(const Options& options) {
  std::vector<double> rates;
  for (int run = 0; run < options.runs; ++run) {
    ServerProcess server(options.server, options.server_options);
    std::vector<std::unique_ptr<HttpClient>> clients;
    for (int c = 0; c < options.single_connections; ++c) {
      clients.push_back(std::make_unique<HttpClient>(server.http_port()));
      clients.back()->Call(HttpClient::Post(
          "/ingest/gauge",
          fmt::format(R"({{"name":"single","tags":{{"agent":"{}"}},"ts":{},"value":0}})", c,
                      kStart)));
    }
    // As many as fit into the rings once, so that each can be counted.
    const int64_t each = std::min(options.singles / options.single_connections, kSlots - 1);
    const int64_t total = each * options.single_connections;
    rates.push_back(RunSingles(clients, total));
    const std::string answer = clients[0]->Call(HttpClient::Post(
        "/query", R"({"selectors":[{"metric":"single"}],"start_ts":0,"end_ts":4000000000,)"
                  R"("sql":"SELECT count(*) AS n FROM samples"})"));
    Expect("single samples", answer,
           fmt::format(R"({{"rows":[{{"n":{}}}],"count":1}})", total + options.single_connections));
    server.Stop();
  }
  Print("/ingest/gauge, 16 connections", "samples/s", rates);
}

std::vector<double> Milliseconds(HttpClient& client, const std::vector<std::string>& requests,
                                 std::string_view expected) {
  std::vector<double> times;
  for (const std::string& request : requests) {
    const double begin = Seconds();
    const std::string answer = client.Call(request);
    times.push_back((Seconds() - begin) * 1000);
    if (answer.find(expected) == answer.npos) throw std::runtime_error(answer);
  }
  return times;
}

void BenchSeries(const Options& options) {
  ServerProcess server(options.server, options.server_options);
  HttpClient client(server.http_port());
  std::string body = R"({"samples":[)";
  for (int64_t i = 0; i < kSlots; ++i) {
    body += fmt::format(R"({}{{"name":"series","ts":{},"value":{}.25}})", i > 0 ? "," : "",
                        kStart + i, i);
  }
  client.Call(HttpClient::Post("/ingest/batch", body + "]}"));
  const std::string request = HttpClient::Get("/metrics/1/series?bucket=1");
  const std::vector<std::string> requests(static_cast<size_t>(options.answers), request);
  const std::string last =
      fmt::format(R"({{"bucket":{},"value":{}.25}}]}})", kStart + kSlots - 1, kSlots - 1);
  Print("/metrics/{id}/series of 3,600 points", "ms", Milliseconds(client, requests, last));
  server.Stop();
}

void MakeMetrics(HttpClient& client, int64_t metrics) {
  for (int64_t first = 0; first < metrics; first += kBatch) {
    std::string body = R"({"samples":[)";
    for (int64_t i = first; i < std::min(first + kBatch, metrics); ++i) {
      body += fmt::format(
          R"({}{{"name":"metric-{}","tags":{{"host":"host-{}","dc":"{}"}},"ts":{},"value":{}}})",
          i > first ? "," : "", i % 100, i / 100, i % 3, kStart, i);
    }
    client.Call(HttpClient::Post("/ingest/batch", body + "]}"));
  }
}

void BenchManyMetrics(const Options& options) {
  ServerProcess server(options.server, options.server_options);
  double begin = Seconds();
  std::vector<std::string> requests;
  for (int64_t i = 0; i < options.answers; ++i) {
    const int64_t metric = i * 997 % options.metrics;
    requests.push_back(HttpClient::Post(
        "/metrics/lookup", fmt::format(R"({{"name":"metric-{}","tags":{{"host":"host-{}"}}}})",
                                       metric % 100, metric / 100)));
  }
  {
    HttpClient client(server.http_port());
    MakeMetrics(client, options.metrics);
    Print("metrics made", "metrics/s",
          {static_cast<double>(options.metrics) / (Seconds() - begin)});
    Print("/metrics/lookup by name and tags", "ms",
          Milliseconds(client, requests, R"("hit_limit":false)"));
  }
  server.Stop();
  Print("disk of the rings after one sample each", "MiB",
        {static_cast<double>(server.DiskUsedBytes("rings")) / (1 << 20)});
  std::vector<double> starts;
  for (int run = 0; run < options.runs; ++run) {
    begin = Seconds();
    server.Start();
    starts.push_back(Seconds() - begin);
    HttpClient client(server.http_port());
    Milliseconds(client, {requests.front()}, R"("hit_limit":false)");
    server.Stop();
  }
  Print("restart until ready", "s", starts);
}

int Run(const Options& options) {
  fmt::print("| what | unit | median | least | most |\n|---|---|---|---|---|\n");
  BenchBatches(options);
  BenchSingles(options);
  BenchSeries(options);
  BenchManyMetrics(options);
  return 0;
}

}  // namespace
}  // namespace varve::bench

int main(int argc, char** argv) {
  varve::bench::Options options;
  CLI::App app("Load on the HTTP calls of rings.");
  app.add_option("--server", options.server);
  app.add_option("--server-option", options.server_options);
  app.add_option("--batches", options.batches);
  app.add_option("--singles", options.singles);
  app.add_option("--metrics", options.metrics);
  app.add_option("--runs", options.runs);
  CLI11_PARSE(app, argc, argv);
  try {
    return varve::bench::Run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "varve_bench_rings: {}\n", error.what());
    return 1;
  }
}
