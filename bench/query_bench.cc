// How long queries take over a socket: statement overhead, the list page, look-ups and the shapes
// of dashboards; first with the newest rows in the buffer, then with all of them in the lake beside
// plain DuckDB on the same files. Answers are checked first.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "duckdb_peer.h"
#include "measure.h"
#include "otel_generator.h"
#include "pg_client.h"
#include "server_process.h"

namespace varve::bench {
namespace {

struct Options {
  std::string server = "build/release/varve";
  std::vector<std::string> server_options;
  // Words for a second server with the same rows: with them the two are compared, shape by shape.
  std::vector<std::string> beside_options;
  int64_t rows = 1'000'000;
  int runs = 11;
  uint64_t seed = 1;
};

// The first shapes measure what a statement costs whatever it does.
constexpr size_t kOverheadShapes = 2;

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
       "SELECT time_bucket(INTERVAL '1 hour', timestamp) AS t, count(*)" + from +
           " GROUP BY t ORDER BY t",
       168},
      {"errors per 5 min, last day",
       "SELECT time_bucket(INTERVAL '5 minutes', timestamp) AS t, count(*) FILTER (WHERE "
       "status_code = "
       "'ERROR'), count(*)" +
           last_day + " GROUP BY t ORDER BY t",
       -1},
      {"p50, p95 of duration per hour, last day",
       "SELECT time_bucket(INTERVAL '1 hour', timestamp) AS t, percentile_cont(0.5) WITHIN GROUP "
       "(ORDER BY "
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
      {"spans of one service per day",
       "SELECT time_bucket(INTERVAL '1 day', timestamp) AS t, count(*), max(duration)" + from +
           " AND resource___service___name = 'checkout' GROUP BY t ORDER BY t",
       -1},
      {"mean duration by service and day",
       "SELECT date, resource___service___name, avg(duration)" + from +
           " GROUP BY 1, 2 ORDER BY 1, 2",
       -1},
      {"newest 50 errors",
       "SELECT timestamp, id, name, status_message" + from +
           " AND status_code = 'ERROR' ORDER BY timestamp DESC LIMIT 50",
       50},
      {"distinct users of 7 days", "SELECT count(DISTINCT attributes___user___id)" + from, 1},
  };
}

// Runs `once` a number of times; the milliseconds of each.
template <typename Once>
Spread Time(int runs, Once once) {
  std::vector<double> milliseconds;
  for (int run = 0; run < runs; ++run) {
    const double start = Seconds();
    once();
    milliseconds.push_back((Seconds() - start) * 1e3);
  }
  return SpreadOf(milliseconds);
}

void Report(const std::string& name, const Spread& spread) {
  fmt::print("{:<42} {:>9.3f} {:>9.3f} {:>9.3f}\n", name, spread.median, spread.least, spread.most);
  std::fflush(stdout);
}

void ExpectRows(const Shape& shape, int64_t rows) {
  if (shape.rows < 0 || rows == shape.rows) return;
  throw std::runtime_error(fmt::format("{}: {} rows instead of {}", shape.name, rows, shape.rows));
}

void MeasureBuffered(PgClient& client, const std::vector<Shape>& shapes, int runs) {
  constexpr int kOverheadRuns = 501;
  fmt::print("{:<42} {:>9} {:>9} {:>9}\n", "milliseconds", "median", "least", "most");
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Shape& shape = shapes[i];
    const bool overhead = i < kOverheadShapes;
    ExpectRows(shape, client.CountRows(shape.sql));
    Report(shape.name, Time(overhead ? kOverheadRuns : runs, [&] { client.CountRows(shape.sql); }));
    if (!overhead) continue;
    const std::string statement = "s" + std::to_string(i);
    client.Prepare(statement, shape.sql);
    Report(std::string(shape.name) + ", prepared",
           Time(kOverheadRuns, [&] { client.ExecutePrepared(statement); }));
  }
}

std::vector<std::string> FilesOf(PgClient& client, const ServerProcess& server) {
  std::vector<std::string> files;
  for (const auto& row : client.Query(
           "SELECT t.location, f.path FROM varve.files f JOIN varve.tables t USING (schema_name, "
           "table_name) WHERE f.table_name = 'otel_logs_and_spans'")) {
    files.push_back(server.LakePath(row.at(0), row.at(1)));
  }
  return files;
}

// Both in turn for each shape, so that what else the machine does meets both.
void MeasureBesideDuckDb(PgClient& client, const ServerProcess& server,
                         const std::vector<Shape>& shapes, int runs) {
  client.Query("SELECT varve.flush('otel_logs_and_spans')");
  const std::vector<std::string> files = FilesOf(client, server);
  DuckDbPeer peer("otel_logs_and_spans", files, 2);
  fmt::print("\nall rows in the lake, {} files, beside plain DuckDB on them\n", files.size());
  fmt::print("{:<42} {:>9} {:>9} {:>9}\n", "milliseconds, median", "Varve", "DuckDB", "ratio");
  for (size_t i = kOverheadShapes; i < shapes.size(); ++i) {
    const Shape& shape = shapes[i];
    const int64_t rows = client.CountRows(shape.sql);
    ExpectRows(shape, rows);
    if (peer.CountRows(shape.sql) != rows) {
      throw std::runtime_error(fmt::format("{}: DuckDB has other rows", shape.name));
    }
    std::vector<double> ours;
    std::vector<double> theirs;
    for (int run = 0; run < runs; ++run) {
      ours.push_back(Time(1, [&] { client.CountRows(shape.sql); }).median);
      theirs.push_back(Time(1, [&] { peer.CountRows(shape.sql); }).median);
    }
    const double varve = SpreadOf(ours).median;
    const double duckdb = SpreadOf(theirs).median;
    fmt::print("{:<42} {:>9.3f} {:>9.3f} {:>9.2f}\n", shape.name, varve, duckdb, varve / duckdb);
    std::fflush(stdout);
  }
}

// The same rows in a second server, all of them in the lake of both; each shape in turn, warm.
void RunBeside(const Options& options) {
  ServerProcess server(options.server, options.server_options);
  ServerProcess other(options.server, options.beside_options);
  PgClient client(server.pg_port());
  PgClient peer(other.pg_port());
  for (PgClient* loaded : {&client, &peer}) {
    Check(*loaded, Load(*loaded, options));
    loaded->Query("SELECT varve.flush('otel_logs_and_spans')");
  }
  fmt::print("{:<42} {:>9} {:>9} {:>9}\n", "milliseconds, median", "server", "beside", "ratio");
  const std::vector<Shape> shapes = Shapes(options);
  for (size_t i = kOverheadShapes; i < shapes.size(); ++i) {
    const Shape& shape = shapes[i];
    ExpectRows(shape, client.CountRows(shape.sql));
    ExpectRows(shape, peer.CountRows(shape.sql));
    std::vector<double> ours;
    std::vector<double> theirs;
    for (int run = 0; run < options.runs; ++run) {
      ours.push_back(Time(1, [&] { client.CountRows(shape.sql); }).median);
      theirs.push_back(Time(1, [&] { peer.CountRows(shape.sql); }).median);
    }
    const double first = SpreadOf(ours).median;
    const double second = SpreadOf(theirs).median;
    fmt::print("{:<42} {:>9.3f} {:>9.3f} {:>9.2f}\n", shape.name, first, second, second / first);
    std::fflush(stdout);
  }
  for (const auto& row : peer.Query("SELECT tier, entries, hits, misses FROM varve.cache")) {
    fmt::print("cache beside: {} {} entries, {} hits, {} misses\n", row.at(0), row.at(1), row.at(2),
               row.at(3));
  }
  server.Stop();
  other.Stop();
}

// What the data files take against the same rows as lines of JSON without their NULLs, by a sample.
void PrintSize(PgClient& client, const char* when) {
  const Rows files = client.Query(
      "SELECT file_bytes, file_rows, files FROM varve.tables "
      "WHERE table_name = 'otel_logs_and_spans'");
  const Rows json = client.Query(
      "SELECT avg(strlen(regexp_replace(to_json(t)::varchar, '\"[a-zA-Z0-9_]+\":null,?', '', "
      "'g'))) "
      "FROM (SELECT * FROM otel_logs_and_spans LIMIT 20000) t");
  const double bytes = std::stod(files.at(0).at(0)) / std::stod(files.at(0).at(1));
  const double json_bytes = std::stod(json.at(0).at(0)) + 1;
  fmt::print(
      "size {}: {} files, {:.1f} bytes a row, 1/{:.1f} of {:.0f} bytes of JSON (floor 1/10)\n",
      when, files.at(0).at(2), bytes, json_bytes / bytes, json_bytes);
}

void Run(const Options& options) {
  ServerProcess server(options.server, options.server_options);
  PgClient client(server.pg_port());
  const OtelTotals totals = Load(client, options);
  Check(client, totals);
  fmt::print("{} rows, nine tenths of them in the lake ({} MiB), the rest in the buffer\n",
             totals.rows, server.DiskMiB("lake"));
  PrintSize(client, "as flushed");
  const std::vector<Shape> shapes = Shapes(options);
  MeasureBuffered(client, shapes, options.runs);
  MeasureBesideDuckDb(client, server, shapes, options.runs);
  client.Query("SELECT varve.compact('otel_logs_and_spans')");
  PrintSize(client, "compacted");
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
  app.add_option("--beside-option", options.beside_options,
                 "a word for a second `varve serve`, with a bucket for instance; the two are "
                 "compared instead");
  app.add_option("--rows", options.rows);
  app.add_option("--runs", options.runs);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  try {
    options.beside_options.empty() ? varve::bench::Run(options) : varve::bench::RunBeside(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "varve_bench_query: {}\n", error.what());
    return 1;
  }
  return 0;
}
