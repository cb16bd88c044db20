#include "engine/duck_file_rewriter.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/uuid.h"
#include "engine/database.h"
#include "engine/duck_guard.h"
#include "engine/sorted_merge.h"
#include "engine/type_mapping.h"
#include "io/scratch_file.h"

namespace varve::engine {

namespace {

constexpr int kRowGroupRowsMax = 122880;
// Of a run of the external sort: how much of the inputs is sorted at once, and how many rows each
// reader of a run holds.
constexpr int64_t kRunBytes = 32 << 20;
constexpr int kRunRowGroupRows = 2048;
constexpr int kRunRowGroupBytes = 8 << 20;
// Runs that are read side by side. Each took 40 MB when rows of a kilobyte were read, most of it
// outside of DuckDB's limit.
constexpr size_t kRunsAtOnce = 3;
// Of what is sorted on disk, a row group may take this part of the memory: readers of runs need
// theirs, and DuckDB's writer takes about twice its row group, not all of it within its limit.
constexpr uint64_t kRowGroupShare = 8;

// jsonb and uuid are strings in files, as Delta has them.
duckdb::LogicalType FileType(const Type& type) {
  const bool is_text = type.kind() == TypeKind::kJson || type.kind() == TypeKind::kUuid;
  return is_text ? duckdb::LogicalType(duckdb::LogicalType::VARCHAR) : ToDuck(type);
}

class Rewriting {
 public:
  Rewriting(const lake::RewriteSpec& spec, duckdb::DuckDB& instance, std::string scratch)
      : spec_(spec),
        table_(*spec.format.table),
        instance_(instance),
        scratch_(std::move(scratch)),
        connection_(instance) {}

  Status Prepare();
  Result<int64_t> Merge(bool& unsorted);
  Result<int64_t> Sort();
  std::vector<std::set<std::string>> TakeAbsent() { return std::move(absent_); }

 private:
  Result<std::string> SelectListOf(const lake::RewriteInput& input);
  std::string SortKey() const;
  std::string OrderBy() const;
  struct Target {
    std::string path;
    bool is_run = false;           // of the external sort, else the result
    uint64_t row_group_bytes = 0;  // of the result
  };
  std::string CopyInto(const std::string& from, const Target& target) const;
  SortedMerge::Columns Columns() const;
  Result<int64_t> MergeStreams(std::vector<MergeStream> streams, const Target& target,
                               bool& unsorted);
  std::string RowsOf(size_t input) const;
  MergeStream StreamOf(size_t input, int64_t newest_us) const;
  Status CopySorted(size_t input, const std::string& path);
  Status SortInto(size_t begin, size_t end, const std::string& path);
  Status AddRuns(size_t begin, size_t end, std::vector<std::string>& runs);
  Result<int64_t> MergeRuns(const std::vector<std::string>& runs, const Target& target);
  std::string NewRunPath() const;
  Result<int64_t> Run(const std::string& sql);

  const lake::RewriteSpec& spec_;
  const TableDef& table_;
  duckdb::DuckDB& instance_;
  const std::string scratch_;
  duckdb::Connection connection_;
  int merges_ = 0;
  std::vector<std::string> select_lists_;  // by input
  std::vector<std::set<std::string>> absent_;
};

// The table's columns as the file has them, and NULL for those that it does not have.
Result<std::string> Rewriting::SelectListOf(const lake::RewriteInput& input) {
  auto prepared = connection_.Prepare(
      fmt::format("FROM read_parquet({}, hive_partitioning = false)", SqlLiteral(input.path)));
  if (prepared->HasError()) return StatusFromDuck(prepared->error);
  const auto& names = prepared->GetNames();
  const auto& types = prepared->GetTypes();
  std::map<std::string, duckdb::LogicalType> columns;
  for (size_t i = 0; i < names.size(); i++) columns.emplace(names[i], types[i]);
  std::string list;
  std::set<std::string> absent;
  for (const uint32_t index : spec_.format.columns) {
    const ColumnDef& column = table_.columns.at(index);
    const duckdb::LogicalType type = FileType(column.type);
    const auto found = columns.find(column.name);
    const std::string name = SqlName(column.name);
    if (!list.empty()) list += ", ";
    if (found == columns.end()) {
      list += fmt::format("NULL::{} AS {}", type.ToString(), name);
      absent.insert(column.name);
    } else {
      list +=
          found->second == type ? name : fmt::format("{}::{} AS {}", name, type.ToString(), name);
      columns.erase(found);
    }
  }
  for (const uint32_t index : table_.partition_columns) columns.erase(table_.columns[index].name);
  if (!columns.empty()) {
    return FailedPrecondition("a data file holds a column that is unknown: {} ({})",
                              columns.begin()->first, input.file->path);
  }
  absent_.push_back(std::move(absent));
  return list;
}

Status Rewriting::Prepare() {
  for (const char* setting : {"SET parquet_metadata_cache = false", "SET TimeZone = 'UTC'",
                              "SET preserve_insertion_order = false",
                              // Nothing is read twice.
                              "SET enable_external_file_cache = false"}) {
    VARVE_RETURN_IF_ERROR(RunInternal(connection_, setting).status());
  }
  for (const lake::RewriteInput& input : spec_.inputs) {
    VARVE_ASSIGN_OR_RETURN(std::string list, SelectListOf(input));
    select_lists_.push_back(std::move(list));
  }
  return OkStatus();
}

std::string Rewriting::SortKey() const {
  std::string arguments;
  for (const auto& key : spec_.format.order) {
    if (!arguments.empty()) arguments += ", ";
    arguments += fmt::format("{}, '{} NULLS LAST'", SqlName(table_.columns[key.column].name),
                             key.descending ? "DESC" : "ASC");
  }
  return fmt::format("create_sort_key({})", arguments);
}

std::string Rewriting::OrderBy() const {
  std::string keys;
  for (const auto& key : spec_.format.order) {
    if (!keys.empty()) keys += ", ";
    keys += fmt::format("{} {} NULLS LAST", SqlName(table_.columns[key.column].name),
                        key.descending ? "DESC" : "ASC");
  }
  return keys;
}

std::string Rewriting::CopyInto(const std::string& from, const Target& target) const {
  const bool has_bloom = std::any_of(table_.columns.begin(), table_.columns.end(),
                                     [](const auto& column) { return column.bloom; });
  std::string options;
  if (target.is_run) {
    options = fmt::format(
        "FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {}, ROW_GROUP_SIZE_BYTES {}, "
        "DICTIONARY_SIZE_LIMIT 1",
        kRunRowGroupRows, kRunRowGroupBytes);
  } else {
    options = fmt::format(
        "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {}, ROW_GROUP_SIZE {}, "
        "ROW_GROUP_SIZE_BYTES {}",
        spec_.format.zstd_level, kRowGroupRowsMax, target.row_group_bytes);
    if (has_bloom) options += fmt::format(", DICTIONARY_SIZE_LIMIT {}", kRowGroupRowsMax);
  }
  return fmt::format("COPY ({}) TO {} ({})", from, SqlLiteral(target.path), options);
}

std::string Rewriting::NewRunPath() const {
  return fmt::format("{}/run-{}.parquet", scratch_, Uuid::MakeV4().ToString());
}

// Runs a COPY and asks between its steps whether to stop. Returns the rows written.
Result<int64_t> Rewriting::Run(const std::string& sql) {
  return GuardDuck(sql, [&]() -> Result<int64_t> {
    auto pending = connection_.PendingQuery(sql);
    while (!pending->HasError() &&
           !duckdb::PendingQueryResult::IsResultReady(pending->ExecuteTask())) {
      if (spec_.stopped && spec_.stopped()) {
        return SqlError(sqlstate::kQueryCanceled, "the rewriting of data files was stopped");
      }
    }
    if (pending->HasError()) return StatusFromDuck(pending->GetErrorObject());
    auto result = pending->Execute();
    if (result->HasError()) return StatusFromDuck(result->GetErrorObject());
    return result->Cast<duckdb::MaterializedQueryResult>().GetValue(0, 0).GetValue<int64_t>();
  });
}

SortedMerge::Columns Rewriting::Columns() const {
  SortedMerge::Columns columns;
  for (const uint32_t index : spec_.format.columns) {
    if (index == table_.time_column) columns.time = columns.names.size();
    columns.names.push_back(table_.columns[index].name);
    columns.types.push_back(FileType(table_.columns[index].type));
  }
  return columns;
}

Result<int64_t> Rewriting::MergeStreams(std::vector<MergeStream> streams, const Target& target,
                                        bool& unsorted) {
  SortedMerge merge(instance_, Columns(), std::move(streams), spec_.stopped);
  const std::string function = fmt::format("varve_merged_{}", ++merges_);
  merge.Register(function);
  Result<int64_t> rows = Run(CopyInto(fmt::format("FROM {}()", function), target));
  unsorted = merge.unsorted();
  return rows;
}

std::string Rewriting::RowsOf(size_t input) const {
  return fmt::format("SELECT {} FROM read_parquet({}, hive_partitioning = false)",
                     select_lists_[input], SqlLiteral(spec_.inputs[input].path));
}

MergeStream Rewriting::StreamOf(size_t input, int64_t newest_us) const {
  return {fmt::format("SELECT *, {} FROM ({})", SortKey(), RowsOf(input)), newest_us};
}

Result<int64_t> Rewriting::Merge(bool& unsorted) {
  std::vector<MergeStream> streams;
  for (size_t i = 0; i < spec_.inputs.size(); i++) {
    const TimeRange& times = spec_.inputs[i].file->time_range;
    streams.push_back(StreamOf(i, times.empty() ? INT64_MAX : times.max.value));
  }
  return MergeStreams(std::move(streams), {spec_.path, false, spec_.format.row_group_bytes},
                      unsorted);
}

// The rows of one input as a run. Most files are sorted already, and sorting one that takes more
// than the memory once it is read is more than DuckDB does within a small limit.
Status Rewriting::CopySorted(size_t input, const std::string& path) {
  bool unsorted = false;
  const Status copied =
      MergeStreams({StreamOf(input, INT64_MAX)}, {path, /*is_run=*/true}, unsorted).status();
  return unsorted ? SortInto(input, input + 1, path) : copied;
}

// The rows of inputs [begin, end) as one run. Files with the same columns are read together:
// thousands of small scans would not be planned.
Status Rewriting::SortInto(size_t begin, size_t end, const std::string& path) {
  std::map<std::string, std::string> paths;  // by select list
  for (size_t i = begin; i < end; i++) {
    std::string& list = paths[select_lists_[i]];
    if (!list.empty()) list += ", ";
    list += SqlLiteral(spec_.inputs[i].path);
  }
  std::string from;
  for (const auto& [columns, list] : paths) {
    if (!from.empty()) from += " UNION ALL ";
    from +=
        fmt::format("SELECT {} FROM read_parquet([{}], hive_partitioning = false)", columns, list);
  }
  return Run(CopyInto(fmt::format("FROM ({}) ORDER BY {}", from, OrderBy()), {path, true}))
      .status();
}

// Writes inputs [begin, end) as a run, or each as one when they are too much together.
Status Rewriting::AddRuns(size_t begin, size_t end, std::vector<std::string>& runs) {
  if (end - begin > 1) {
    std::string path = NewRunPath();
    Status sorted = SortInto(begin, end, path);
    if (sorted.ok()) {
      runs.push_back(std::move(path));
      return OkStatus();
    }
    if (SqlStateOf(sorted) != sqlstate::kOutOfMemory) return sorted;
  }
  for (size_t i = begin; i < end; i++) {
    runs.push_back(NewRunPath());
    VARVE_RETURN_IF_ERROR(CopySorted(i, runs.back()));
  }
  return OkStatus();
}

Result<int64_t> Rewriting::MergeRuns(const std::vector<std::string>& runs, const Target& target) {
  std::vector<MergeStream> streams;
  streams.reserve(runs.size());
  for (const std::string& run : runs) {
    streams.push_back(
        {fmt::format("SELECT *, {} FROM read_parquet({})", SortKey(), SqlLiteral(run)), INT64_MAX});
  }
  bool unsorted = false;
  Result<int64_t> rows = MergeStreams(std::move(streams), target, unsorted);
  std::error_code ignored;
  for (const std::string& run : runs) std::filesystem::remove(run, ignored);
  return rows;
}

// An external sort: sorted runs whose row groups are so small that many can be read side by side,
// merged until one pass is left.
Result<int64_t> Rewriting::Sort() {
  std::vector<std::string> runs;
  for (size_t begin = 0; begin < spec_.inputs.size();) {
    size_t end = begin;
    int64_t bytes = 0;
    while (end < spec_.inputs.size() && (end == begin || bytes < kRunBytes)) {
      bytes += spec_.inputs[end++].file->bytes;
    }
    VARVE_RETURN_IF_ERROR(AddRuns(begin, end, runs));
    begin = end;
  }
  while (runs.size() > kRunsAtOnce) {
    const std::vector<std::string> first(runs.begin(), runs.begin() + kRunsAtOnce);
    runs.erase(runs.begin(), runs.begin() + kRunsAtOnce);
    runs.push_back(NewRunPath());
    VARVE_RETURN_IF_ERROR(MergeRuns(first, {runs.back(), true}).status());
  }
  const uint64_t row_group_bytes =
      std::min(spec_.format.row_group_bytes, spec_.memory_bytes_max / kRowGroupShare);
  return MergeRuns(runs, {spec_.path, false, row_group_bytes});
}

Result<lake::RewriteResult> RewriteIn(const lake::RewriteSpec& spec, duckdb::DuckDB& instance,
                                      const std::string& scratch) {
  Rewriting rewriting(spec, instance, scratch);
  VARVE_RETURN_IF_ERROR(rewriting.Prepare());
  lake::RewriteResult result;
  Result<int64_t> rows = rewriting.Merge(result.sorted_again);
  const bool no_memory = SqlStateOf(rows.status()) == sqlstate::kOutOfMemory;
  if (!rows.ok() && (result.sorted_again || no_memory)) {
    result.sorted_again = true;
    rows = rewriting.Sort();
  }
  if (!rows.ok()) return rows.status();
  result.rows = *rows;
  result.absent = rewriting.TakeAbsent();
  std::error_code error;
  result.bytes = static_cast<int64_t>(std::filesystem::file_size(spec.path, error));
  if (error) return SqlErrorf(sqlstate::kIoError, "cannot stat {}: {}", spec.path, error.message());
  return result;
}

}  // namespace

Result<lake::RewriteResult> DuckFileRewriter::Rewrite(const lake::RewriteSpec& spec) {
  io::ScratchFolder scratch(
      fmt::format("{}/rewrite-{}", spec.scratch_dir, Uuid::MakeV4().ToString()));
  VARVE_RETURN_IF_ERROR(scratch.Make());
  return GuardDuck([&]() -> Result<lake::RewriteResult> {
    duckdb::DBConfig config;
    config.options.maximum_memory = spec.memory_bytes_max;
    config.options.maximum_threads = 1;
    config.options.temporary_directory = scratch.path() + "/spill";
    duckdb::DuckDB instance(nullptr, &config);
    return RewriteIn(spec, instance, scratch.path());
  });
}

}  // namespace varve::engine
