// How long queries take over a socket: statement overhead, the list page, look-ups and the shapes
// of dashboards, on rows in the lake and with the newest in the buffer. Answers are checked first.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "measure.h"
#include "otel_generator.h"
#include "pg_client.h"
#include "server_process.h"

namespace varve::bench {
namespace {

struct Options {
  std::string server = "build/release/varve";
  std::vector<std::string> server_options;
  int64_t rows = 1'000'000;
  int runs = 11;
  uint64_t seed = 1;
};

struct Shape {
  const char* name;
  std::string sql;
  int64_t rows;  // expected; -1: any
};

OtelTotals Load(PgClient& client, const Options& options) {
  OtelGenerator generator(options.seed, options.rows);
  OtelTotals totals;
  constexpr int64_t kRowsPerCopy = 20'000;
  for (int64_t begin = 0; begin < options.rows; begin += kRowsPerCopy) {
    const int64_t end = std::min(options.rows, begin + kRowsPerCopy);
    client.BeginCopy(OtelGenerator::CopyStatement(false));
    for (int64_t at = begin; at < end; at += 100) {
      std::string data;
      totals.Add(generator.AppendCopyText(at, std::min(end, at + 100), data));
      client.CopyData(data);
    }
    client.EndCopy();
    // The last tenth stays in the buffer, as the newest rows of a running server do.
    if (begin == options.rows / 10 * 9 / kRowsPerCopy * kRowsPerCopy) {
      client.Query("SELECT varve.flush('otel_logs_and_spans')");
    }
  }
  return totals;
}

void Check(PgClient& client, const OtelTotals& totals) {
  const Rows rows = client.Query(
      "SELECT count(*), count(*) FILTER (WHERE status_code = 'ERROR'), sum(duration)::bigint "
      "FROM otel_logs_and_spans");
  const std::vector<std::string> expected = {std::to_string(totals.rows),
                                             std::to_string(totals.errors),
                                             std::to_string(totals.duration_sum)};
  if (rows.at(0) != expected) {
    throw std::runtime_error(fmt::format("the totals are {} instead of {}",
                                         fmt::join(rows.at(0), ", "), fmt::join(expected, ", ")));
  }
}

std::vector<Shape> Shapes(const Options& options) {
  const OtelGenerator generator(options.seed, options.rows);
  const std::string from =
      " FROM otel_logs_and_spans WHERE project_id = 'shop' AND timestamp >= "
      "'2025-01-01' AND timestamp < '2025-01-08'";
  const std::string last_day =
      " FROM otel_logs_and_spans WHERE project_id = 'shop' AND timestamp "
      ">= '2025-01-07' AND timestamp < '2025-01-08'";
  const int64_t middle = options.rows / 2;
  return {
      {"SELECT 1", "SELECT 1", 1},
      {"matches nothing",
       "SELECT id, name FROM otel_logs_and_spans WHERE project_id = 'none' AND timestamp >= "
       "'2025-01-03' AND timestamp < '2025-01-04'",
       0},
      {"list page, 251 rows, all columns", "SELECT *" + from + " ORDER BY timestamp DESC LIMIT 251",
       251},
      {"look-up by id",
       "SELECT *" + from.substr(0, from.find("project_id")) + "id = '" + generator.IdOf(middle) +
           "'",
       1},
      {"look-up by trace",
       "SELECT id, name, duration" + from.substr(0, from.find("project_id")) +
           "context___trace_id = '" + generator.TraceOf(middle) + "'",
       8},
      {"count of 7 days", "SELECT count(*)" + from, 1},
      {"count per hour, 7 days",
       "SELECT time_bucket('1 hour', timestamp) AS t, count(*)" + from + " GROUP BY t ORDER BY t",
       168},
      {"errors per 5 min, last day",
       "SELECT time_bucket('5 minutes', timestamp) AS t, count(*) FILTER (WHERE status_code = "
       "'ERROR'), count(*)" +
           last_day + " GROUP BY t ORDER BY t",
       -1},
      {"p50, p95 of duration per hour, last day",
       "SELECT time_bucket('1 hour', timestamp) AS t, percentile_cont(0.5) WITHIN GROUP (ORDER BY "
       "duration), percentile_cont(0.95) WITHIN GROUP (ORDER BY duration)" +
           last_day + " GROUP BY t ORDER BY t",
       -1},
      {"top 10 services by errors",
       "SELECT resource___service___name, count(*) AS n" + from +
           " AND status_code = 'ERROR' GROUP BY 1 ORDER BY n DESC LIMIT 10",
       10},
      {"top 20 endpoints by p95",
       "SELECT name, count(*), percentile_cont(0.95) WITHIN GROUP (ORDER BY duration) AS p" +
           last_day + " GROUP BY name ORDER BY p DESC LIMIT 20",
       20},
      {"distinct users of 7 days", "SELECT count(DISTINCT attributes___user___id)" + from, 1},
  };
}

void Report(const char* name, const std::vector<double>& seconds) {
  const Spread spread = SpreadOf(seconds);
  fmt::print("{:<42} {:>10.3f} {:>10.3f} {:>10.3f}\n", name, spread.median * 1e3,
             spread.least * 1e3, spread.most * 1e3);
  std::fflush(stdout);
}

void Measure(PgClient& client, const Shape& shape, int runs) {
  const int64_t rows = client.CountRows(shape.sql);
  if (shape.rows >= 0 && rows != shape.rows) {
    throw std::runtime_error(
        fmt::format("{}: {} rows instead of {}", shape.name, rows, shape.rows));
  }
  std::vector<double> seconds;
  for (int run = 0; run < runs; ++run) {
    const double start = Seconds();
    client.CountRows(shape.sql);
    seconds.push_back(Seconds() - start);
  }
  Report(shape.name, seconds);
}

void MeasurePrepared(PgClient& client, const Shape& shape, int runs) {
  const std::string statement = "s" + std::to_string(shape.sql.size());
  client.Prepare(statement, shape.sql);
  std::vector<double> seconds;
  for (int run = 0; run < runs; ++run) {
    const double start = Seconds();
    client.ExecutePrepared(statement);
    seconds.push_back(Seconds() - start);
  }
  Report((std::string(shape.name) + ", prepared").c_str(), seconds);
}

void Run(const Options& options) {
  constexpr int kOverheadRuns = 501;
  ServerProcess server(options.server, options.server_options);
  PgClient client(server.pg_port());
  const OtelTotals totals = Load(client, options);
  Check(client, totals);
  fmt::print("{} rows, nine tenths of them in the lake ({} MiB), the rest in the buffer\n",
             totals.rows, server.DiskMiB("lake"));
  fmt::print("{:<42} {:>10} {:>10} {:>10}\n", "milliseconds", "median", "least", "most");
  const std::vector<Shape> shapes = Shapes(options);
  for (size_t i = 0; i < shapes.size(); ++i) {
    const bool overhead = i < 2;
    Measure(client, shapes[i], overhead ? kOverheadRuns : options.runs);
    if (overhead) MeasurePrepared(client, shapes[i], kOverheadRuns);
  }
  fmt::print("server: VmRSS {} MiB, VmHWM {} MiB\n", server.RssMiB(), server.PeakMiB());
  server.Stop();
}

}  // namespace
}  // namespace varve::bench

int main(int argc, char** argv) {
  varve::bench::Options options;
  CLI::App app("Measures queries of otel_logs_and_spans over the wire");
  app.add_option("--server", options.server);
  app.add_option("--server-option", options.server_options, "a further word for `varve serve`");
  app.add_option("--rows", options.rows);
  app.add_option("--runs", options.runs);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  try {
    varve::bench::Run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "varve_bench_query: {}\n", error.what());
    return 1;
  }
  return 0;
}
