// Measures what the in-memory half of a write costs: the buffer alone, and committer with log.
//
// Rows have 35 filled columns, about 1 KB, as the OpenTelemetry rows that the server is made for.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "buffer/buffer.h"
#include "ingest/committer.h"
#include "io/posix/posix_file_system.h"
#include "log/local_log.h"

namespace varve {
namespace {

constexpr uint32_t kTextColumns = 24;
constexpr uint32_t kNumberColumns = 10;

TableRef MakeTable() {
  auto table = std::make_shared<TableDef>();
  table->id = TableId{1};
  table->name = {"public", "wide"};
  const auto add = [&](std::string name, TypeKind kind) {
    table->columns.push_back({ColumnId(static_cast<uint32_t>(table->columns.size() + 1)),
                              std::move(name), Type(kind), true, false, ""});
  };
  add("timestamp", TypeKind::kTimestampTz);
  for (uint32_t i = 0; i < kTextColumns; ++i) add("text" + std::to_string(i), TypeKind::kText);
  for (uint32_t i = 0; i < kNumberColumns; ++i) add("n" + std::to_string(i), TypeKind::kInt64);
  return table;
}

BatchRef MakeRows(const TableDef& table, uint32_t rows) {
  auto batch = std::make_shared<Batch>();
  batch->rows = rows;
  for (const ColumnDef& column : table.columns) {
    ColumnBuilder builder(column.type);
    builder.Reserve(rows);
    for (uint32_t row = 0; row < rows; ++row) {
      if ((row + column.id.value) % 7 == 0 && column.id.value != 1) {
        builder.AppendNull();
      } else if (column.type.kind() == TypeKind::kText) {
        builder.AppendBytes("a value of some forty bytes, number " + std::to_string(row % 1000));
      } else {
        builder.AppendFixed<int64_t>(row);
      }
    }
    batch->ids.push_back(column.id);
    batch->columns.push_back(builder.Finish());
  }
  return batch;
}

// Everything up to the last row is taken out now and then, as a flush would.
void EmptyAbove(buffer::Buffer& buffer, const buffer::MemoryBudget& budget, TableId table) {
  if (budget.used() < budget.soft_bytes()) return;
  buffer.Swap(table, buffer.Freeze(table).through, std::make_shared<const FileSet>());
}

void BufferApply(benchmark::State& state) {
  const TableRef table = MakeTable();
  const auto rows = static_cast<uint32_t>(state.range(0));
  const BatchRef batch = MakeRows(*table, rows);
  buffer::MemoryBudget budget(1u << 30);
  buffer::Buffer buffer(budget);
  buffer.AddTable(table, std::make_shared<const FileSet>(), Lsn{0});
  Lsn next{1};
  for (auto _ : state) {
    const TableRows part{table, batch};
    budget.Charge(buffer::SegmentBytes(*batch));
    buffer.Apply({next, next.Next()}, {&part, 1});
    next = next.Next();
    while (buffer.MergeLarge()) {
    }
    EmptyAbove(buffer, budget, table->id);
  }
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(BufferApply)->Arg(1)->Arg(100)->Arg(1000)->Arg(10'000);

// Each thread is a client that waits for its answer; one sync is shared by all that wait.
void CommitterWrite(benchmark::State& state) {
  struct Parts {
    explicit Parts(const std::string& folder) : budget(uint64_t{2} << 30) {
      log::LocalLogOptions options;
      options.dir = folder;
      options.max_bytes = uint64_t{64} << 30;
      log = *log::OpenLocalLog(io::PosixFileSystem::Get(), options,
                               [](std::span<log::Record>) { return OkStatus(); });
      buffer.AddTable(table, std::make_shared<const FileSet>(), Lsn{0});
      committer.emplace(*log, buffer, budget, std::chrono::milliseconds(1000));
    }
    buffer::MemoryBudget budget;
    buffer::Buffer buffer{budget};
    const TableRef table = MakeTable();
    std::unique_ptr<log::LocalLog> log;
    std::optional<ingest::Committer> committer;
  };
  static std::unique_ptr<Parts> parts;
  static std::string folder;
  if (state.thread_index() == 0) {
    char name[] = "/tmp/varve-bench-XXXXXX";
    folder = mkdtemp(name);
    parts = std::make_unique<Parts>(folder);
  }
  const auto rows = static_cast<uint32_t>(state.range(0));
  const BatchRef batch = MakeRows(*MakeTable(), rows);
  for (auto _ : state) {
    const Status written = parts->committer->Write({{parts->table, batch}});
    if (!written.ok()) state.SkipWithError(std::string(MessageOf(written)).c_str());
    if (state.thread_index() != 0) continue;
    EmptyAbove(parts->buffer, parts->budget, parts->table->id);
    parts->log->TruncateThrough(parts->buffer.FlushedThrough(parts->log->durable())).IgnoreError();
  }
  state.SetItemsProcessed(state.iterations() * rows);
  if (state.thread_index() != 0) return;
  parts->log.reset();
  parts.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(CommitterWrite)->Arg(1)->Arg(1000)->Threads(1)->Threads(16)->UseRealTime();

}  // namespace
}  // namespace varve

BENCHMARK_MAIN();
