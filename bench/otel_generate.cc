// Writes generated rows to standard output as INSERT statements, COPY text or COPY binary, for use
// with psql and other clients.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "otel_generator.h"

int main(int argc, char** argv) {
  using varve::bench::OtelGenerator;
  int64_t rows = 10'000;
  int64_t total = 4'000'000;
  int64_t per_statement = 1000;
  uint64_t seed = 1;
  std::string format = "insert";
  CLI::App app("Generates rows of otel_logs_and_spans");
  app.add_option("--rows", rows, "how many to write");
  app.add_option("--total", total, "how many the 7 days hold");
  app.add_option("--seed", seed);
  app.add_option("--per-statement", per_statement, "rows of one INSERT");
  app.add_option("--format", format)->check(CLI::IsMember({"insert", "text", "binary"}));
  CLI11_PARSE(app, argc, argv);

  OtelGenerator generator(seed, total);
  std::string out = format == "binary" ? OtelGenerator::BinaryHeader() : "";
  for (int64_t begin = 0; begin < rows; begin += per_statement) {
    const int64_t end = std::min(rows, begin + per_statement);
    if (format == "insert") {
      generator.AppendInsert(begin, end, out);
      out += ";\n";
    } else if (format == "text") {
      generator.AppendCopyText(begin, end, out);
    } else {
      generator.AppendCopyBinary(begin, end, out);
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
    out.clear();
  }
  if (format == "binary") out = OtelGenerator::BinaryTrailer();
  std::fwrite(out.data(), 1, out.size(), stdout);
  return std::ferror(stdout) != 0 ? 1 : 0;
}
