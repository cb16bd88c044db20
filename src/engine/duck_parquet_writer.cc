#include "engine/duck_parquet_writer.h"

#include <algorithm>
#include <filesystem>

#include "engine/duck_guard.h"

namespace varve::engine {

namespace {

// Row groups of DuckDB's own size at most, of one vector at least.
uint64_t RowGroupRows(const lake::ParquetSpec& spec, uint64_t row_bytes) {
  const uint64_t fitting = spec.row_group_bytes / std::max<uint64_t>(row_bytes, 1);
  const uint64_t vectors = std::clamp<uint64_t>(fitting / STANDARD_VECTOR_SIZE, 1, 60);
  return vectors * STANDARD_VECTOR_SIZE;
}

uint64_t RowBytes(const std::vector<lake::BatchSlice>& slices) {
  uint64_t bytes = 0;
  uint64_t rows = 0;
  for (const auto& slice : slices) {
    bytes += slice.batch->MemoryBytes();
    rows += slice.batch->rows;
  }
  return rows > 0 ? bytes / rows : 0;
}

std::string SelectList(const lake::ParquetSpec& spec) {
  std::string list;
  for (const auto index : spec.columns) {
    const auto& column = spec.table->columns.at(index);
    const std::string name = SqlName(column.name);
    if (!list.empty()) list += ", ";
    list += name;
    if (column.type.kind() == TypeKind::kUuid) list += fmt::format("::VARCHAR AS {}", name);
  }
  return list;
}

// The rows of the slices in the order of the file. Sorted here and not by the engine, which would
// copy all columns into rows and back for it: only numbers of rows move, and memory stays at one
// row group of the writer.
BatchSource SortedSource(const lake::ParquetSpec& spec,
                         const std::vector<lake::BatchSlice>& slices) {
  BatchSource source;
  source.table = spec.table;
  for (uint32_t s = 0; s < slices.size(); s++) {
    source.batches.push_back(slices[s].batch);
    if (slices[s].rows.empty()) {
      for (uint32_t row = 0; row < slices[s].batch->rows; row++) source.rows.push_back({s, row});
    }
    for (const uint32_t row : slices[s].rows) source.rows.push_back({s, row});
  }
  SortRows(*spec.table, spec.order, source.batches, source.rows);
  return source;
}

// A full disk is told by the system's words only.
Status WithDiskFull(Status status) {
  if (MessageOf(status).find("No space left on device") == std::string_view::npos) return status;
  return SqlError(sqlstate::kDiskFull, std::string(MessageOf(status)));
}

std::string CopySql(const lake::ParquetSpec& spec, const std::string& from, const std::string& path,
                    uint64_t row_bytes) {
  const uint64_t row_group_rows = RowGroupRows(spec, row_bytes);
  const auto& columns = spec.table->columns;
  const bool has_bloom =
      std::any_of(columns.begin(), columns.end(), [](const auto& c) { return c.bloom; });
  std::string options = fmt::format(
      "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {}, "
      "ROW_GROUP_SIZE {}",
      spec.zstd_level, row_group_rows);
  if (has_bloom) options += fmt::format(", DICTIONARY_SIZE_LIMIT {}", row_group_rows);
  return fmt::format("COPY (SELECT {} FROM {}) TO {} ({})", SelectList(spec), from,
                     SqlLiteral(path), options);
}

}  // namespace

Result<lake::ParquetResult> DuckParquetWriter::Write(const lake::ParquetSpec& spec,
                                                     const std::vector<lake::BatchSlice>& slices,
                                                     const std::string& path) {
  const auto lease = sources_.Add(SortedSource(spec, slices));
  const auto generation = database_.current();
  auto connection = generation->Connect();
  return Run(connection, generation, CopySql(spec, lease->from(), path, RowBytes(slices)), path);
}

Result<lake::ParquetResult> DuckParquetWriter::Copy(const lake::ParquetSpec& spec,
                                                    const FileCopy& copy, const std::string& path) {
  const auto lease = kept_.Add(copy.file);
  const auto generation = database_.current();
  auto connection = generation->Connect();
  copy.running(&connection);
  auto written =
      Run(connection, generation, CopySql(spec, lease->from(), path, copy.row_bytes), path);
  copy.running(nullptr);
  return written;
}

Result<lake::ParquetResult> DuckParquetWriter::Run(duckdb::Connection& connection,
                                                   const GenerationRef& generation,
                                                   const std::string& sql,
                                                   const std::string& path) {
  auto copied = RunInternal(connection, sql);
  if (!copied.ok()) {
    database_.RenewIfSpoilt(generation, sql).IgnoreError();
    return WithDiskFull(copied.status());
  }
  lake::ParquetResult result;
  result.rows = (*copied)->GetValue(0, 0).GetValue<int64_t>();
  std::error_code error;
  result.bytes = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (error) return SqlErrorf(sqlstate::kIoError, "cannot stat {}: {}", path, error.message());
  return result;
}

}  // namespace varve::engine
