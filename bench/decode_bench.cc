// How fast the decoders alone are: no socket, no log, one core.
#include <benchmark/benchmark.h>

#include <string>

#include "base/check.h"
#include "ingest/copy_decoder.h"
#include "ingest/insert_decoder.h"
#include "otel_generator.h"

namespace varve::bench {
namespace {

constexpr int64_t kRows = 1000;

TypeKind KindOf(FieldKind kind) {
  switch (kind) {
    case FieldKind::kJson:
      return TypeKind::kJson;
    case FieldKind::kInteger:
      return TypeKind::kInt32;
    case FieldKind::kBigint:
      return TypeKind::kInt64;
    case FieldKind::kBool:
      return TypeKind::kBool;
    case FieldKind::kTimestamp:
      return TypeKind::kTimestampTz;
    case FieldKind::kDate:
      return TypeKind::kDate;
    default:
      return TypeKind::kText;
  }
}

TableRef OtelTable() {
  auto table = std::make_shared<TableDef>();
  table->name = {"public", kOtelTable};
  for (const ColumnInfo& column : OtelColumns()) {
    ColumnDef def;
    def.id = ColumnId(static_cast<uint32_t>(table->columns.size() + 1));
    def.name = column.name;
    def.type = column.kind == FieldKind::kTexts ? Type::List(Type(TypeKind::kText))
                                                : Type(KindOf(column.kind));
    table->columns.push_back(std::move(def));
  }
  table->time_column = 1;
  table->derived_date = 0;
  return table;
}

void Report(benchmark::State& state, size_t bytes) {
  state.SetItemsProcessed(state.iterations() * kRows);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

void LiteralInsert(benchmark::State& state) {
  TableRef table = OtelTable();
  const ingest::TableFinder find = [&table](const auto&, std::string_view) { return table; };
  std::string sql;
  OtelGenerator(1, 4'000'000).AppendInsert(0, kRows, sql);
  for (auto _ : state) {
    auto insert = ingest::DecodeInsert(sql, find, {});
    VARVE_CHECK(insert.ok() && insert->has_value() && (*insert)->rows == kRows);
    benchmark::DoNotOptimize(insert);
  }
  Report(state, sql.size());
}
BENCHMARK(LiteralInsert)->Unit(benchmark::kMicrosecond);

void Copy(benchmark::State& state, bool binary) {
  const TableRef table = OtelTable();
  const auto spec = ingest::ParseCopy(OtelGenerator::CopyStatement(binary));
  VARVE_CHECK(spec.ok() && spec->has_value());
  OtelGenerator generator(1, 4'000'000);
  std::string data = binary ? OtelGenerator::BinaryHeader() : "";
  binary ? generator.AppendCopyBinary(0, kRows, data) : generator.AppendCopyText(0, kRows, data);
  constexpr size_t kChunk = 65'536;
  for (auto _ : state) {
    auto decoder = ingest::CopyDecoder::Create(**spec, table, {});
    VARVE_CHECK(decoder.ok());
    for (size_t at = 0; at < data.size(); at += kChunk) {
      VARVE_CHECK((*decoder)->Feed(std::string_view(data).substr(at, kChunk)).ok());
    }
    VARVE_CHECK((*decoder)->Finish().ok() && (*decoder)->rows() == kRows);
    benchmark::DoNotOptimize((*decoder)->TakeBatches());
  }
  Report(state, data.size());
}
BENCHMARK_CAPTURE(Copy, Text, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Copy, Binary, true)->Unit(benchmark::kMicrosecond);

void Generate(benchmark::State& state) {
  OtelGenerator generator(1, 4'000'000);
  std::string out;
  for (auto _ : state) {
    out.clear();
    generator.AppendInsert(0, kRows, out);
    benchmark::DoNotOptimize(out);
  }
  Report(state, out.size());
}
BENCHMARK(Generate)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace varve::bench

BENCHMARK_MAIN();
