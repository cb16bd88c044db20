#include "engine/system_views.h"

#include <array>
#include <duckdb/main/extension/extension_loader.hpp>
#include <vector>

#include "engine/access_guard.h"
#include "engine/duck_guard.h"
#include "engine/engine_core.h"
#include "engine/lake_functions.h"
#include "engine/own_entries.h"
#include "engine/project_functions.h"
#include "engine/ring_tables.h"
#include "engine/upkeep_functions.h"

namespace varve::engine {

using duckdb::LogicalType;
using duckdb::unique_ptr;
using duckdb::Value;

namespace {

using ValueRow = duckdb::vector<Value>;

struct SystemTable {
  const char* name;
  std::vector<std::pair<const char*, LogicalType>> columns;
  std::vector<ValueRow> (*rows)(EngineCore&);
};

Value TimeOrNull(int64_t us, bool present) {
  return present ? Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(us))
                 : Value(LogicalType::TIMESTAMP_TZ);
}

Value Text(std::string_view text) { return Value(std::string(text)); }

Value TextOrNull(const std::string& text) {
  return text.empty() ? Value(LogicalType::VARCHAR) : Text(text);
}

// "project_id=shop/date=2025-03-09": as in the path, but without its escapes.
std::string PartitionText(const TableDef& table, const DataFile& file) {
  std::string text;
  for (const uint32_t column : table.partition_columns) {
    const auto value = file.partition_values.find(table.columns[column].name);
    if (value == file.partition_values.end()) continue;
    if (!text.empty()) text += '/';
    text += value->first + "=" + value->second.value_or("NULL");
  }
  return text;
}

std::string Names(const TableDef& table, const std::vector<uint32_t>& columns) {
  std::string names;
  for (const auto index : columns) names += (names.empty() ? "" : ",") + table.columns[index].name;
  return names;
}

std::vector<ValueRow> TableRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  const auto snapshot = core.parts.buffer->Snapshot();
  for (const auto& table : core.catalog.ListWithParts()) {
    const auto found = snapshot->find(table->id);
    if (found == snapshot->end()) continue;
    const auto& state = *found->second;
    int64_t file_rows = 0;
    int64_t file_bytes = 0;
    for (const auto& file : state.files->files) {
      file_rows += file->rows.value_or(0);
      file_bytes += file->bytes;
    }
    uint64_t buffer_rows = 0;
    uint64_t buffer_bytes = 0;
    for (const auto& segment : state.segments) {
      buffer_rows += segment->rows->rows;
      buffer_bytes += segment->bytes;
    }
    int64_t staged_rows = 0;
    int64_t staged_bytes = 0;
    for (const auto& part : state.staged) {
      staged_rows += part->content().rows;
      staged_bytes += part->content().bytes;
    }
    const bool is_staged = !state.staged.empty();
    const int64_t oldest_us = is_staged ? state.staged.front()->content().staged_us : 0;
    rows.push_back({Text(table->name.schema),
                    Text(table->name.table),
                    Value::BIGINT(table->id.value),
                    Value::BIGINT(table->schema_version),
                    Text(table->columns[table->time_column].name),
                    Text(Names(*table, table->partition_columns)),
                    table->retention_us
                        ? Value::INTERVAL(duckdb::Interval::FromMicro(*table->retention_us))
                        : Value(LogicalType::INTERVAL),
                    Text(table->location),
                    Value::BIGINT(state.files->version),
                    Value::BIGINT(static_cast<int64_t>(state.files->files.size())),
                    Value::BIGINT(file_rows),
                    Value::BIGINT(file_bytes),
                    Value::BIGINT(static_cast<int64_t>(state.segments.size())),
                    Value::BIGINT(static_cast<int64_t>(buffer_rows)),
                    Value::BIGINT(static_cast<int64_t>(buffer_bytes)),
                    Value::BIGINT(static_cast<int64_t>(state.flushed.value)),
                    Value::BIGINT(staged_rows),
                    Value::BIGINT(staged_bytes),
                    TimeOrNull(oldest_us, is_staged),
                    TextOrNull(table->project)});
  }
  return rows;
}

std::vector<ValueRow> FileRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  for (const auto& [id, state] : *core.parts.buffer->Snapshot()) {
    for (const auto& file : state->files->files) {
      const bool timed = !file->time_range.empty();
      rows.push_back({Text(state->table->name.schema), Text(state->table->name.table),
                      Text(file->path), file->rows ? Value::BIGINT(*file->rows) : Value(),
                      Value::BIGINT(file->bytes), TimeOrNull(file->time_range.min.value, timed),
                      TimeOrNull(file->time_range.max.value, timed),
                      TextOrNull(PartitionText(*state->table, *file)),
                      Value::BIGINT(state->files->version), TextOrNull(state->table->project)});
    }
  }
  return rows;
}

std::vector<ValueRow> JobRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  std::vector<catalog::JobInfo> jobs;
  if (core.parts.maintenance != nullptr) jobs = core.parts.maintenance->Jobs();
  if (core.parts.upkeep != nullptr) {
    for (auto& job : core.parts.upkeep->Jobs()) jobs.push_back(std::move(job));
  }
  rows.reserve(jobs.size());
  for (const auto& job : jobs) {
    rows.push_back({Text(job.name), Value::BOOLEAN(job.running), Value::BIGINT(job.runs),
                    TimeOrNull(job.last_start_us, job.last_start_us != 0),
                    Value::DOUBLE(static_cast<double>(job.last_duration_us) / 1000),
                    TextOrNull(job.last_error), TextOrNull(job.doing)});
  }
  return rows;
}

std::vector<ValueRow> OptionRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  rows.reserve(core.options.options.size());
  for (const auto& option : core.options.options) {
    rows.push_back(
        {Text(option.name), Text(option.value), Text(option.source), Text(option.description)});
  }
  return rows;
}

std::vector<ValueRow> SessionRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  for (const auto& session : core.sessions.List()) {
    rows.push_back({Value::BIGINT(static_cast<int64_t>(session.id)), Text(session.user),
                    Text(session.database), Text(session.state), Text(session.statement),
                    TimeOrNull(session.started_us, true),
                    TimeOrNull(session.statement_started_us, session.statement_started_us != 0)});
  }
  return rows;
}

std::vector<ValueRow> LakeErrorRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  for (const auto& error : core.sync->Errors()) {
    rows.push_back({Text(error.location),
                    error.table.empty() ? Value(LogicalType::VARCHAR) : Text(error.table),
                    Text(error.state), Text(error.message), TimeOrNull(error.since_us, true)});
  }
  return rows;
}

std::vector<ValueRow> LogRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  if (!core.parts.log_status) return rows;
  for (const auto& [property, value] : core.parts.log_status()) {
    rows.push_back({Text(property), Text(value)});
  }
  return rows;
}

// Enough of an access key to tell it from others.
std::string MaskedKey(const std::string& key) {
  constexpr size_t kShown = 4;
  return "****" + (key.size() < 3 * kShown ? std::string() : key.substr(key.size() - kShown));
}

std::vector<ValueRow> ProjectRowsOf(EngineCore& core) {
  std::vector<ValueRow> rows;
  if (core.options.projects == nullptr) return rows;
  for (const auto& project : core.options.projects->List()) {
    rows.push_back({Text(project.id), Text(project.bucket), Text(project.prefix),
                    TextOrNull(project.endpoint), TextOrNull(project.region),
                    Text(MaskedKey(project.access_key)), TimeOrNull(project.created_us, true)});
  }
  return rows;
}

Value Count(uint64_t count) { return Value::BIGINT(static_cast<int64_t>(count)); }

// A cache stands in front of an object store. Tables on a local folder are read where they are.
std::vector<ValueRow> CacheRowsOf(EngineCore& core) {
  if (core.options.cache == nullptr) return {};
  const cache::CacheCounts counts = core.options.cache->counts();
  std::vector<ValueRow> rows;
  const auto add = [&](const char* tier, const cache::TierCounts& c) {
    rows.push_back({Text(tier), Count(c.entries), Count(c.bytes), Count(c.bytes_max), Count(c.hits),
                    Count(c.misses), Count(c.evictions), Count(c.waits), Count(c.errors)});
  };
  add("memory", counts.memory);
  add("disk", counts.disk);
  add("store", counts.store);
  return rows;
}

constexpr auto kText = LogicalType::VARCHAR;
constexpr auto kNumber = LogicalType::BIGINT;
constexpr auto kTime = LogicalType::TIMESTAMP_TZ;

std::vector<SystemTable> TablesOfTheLake() {
  return {
      {"tables",
       {{"schema_name", kText},
        {"table_name", kText},
        {"table_id", kNumber},
        {"schema_version", kNumber},
        {"time_column", kText},
        {"partition_by", kText},
        {"retention", LogicalType::INTERVAL},
        {"location", kText},
        {"lake_version", kNumber},
        {"files", kNumber},
        {"file_rows", kNumber},
        {"file_bytes", kNumber},
        {"segments", kNumber},
        {"buffer_rows", kNumber},
        {"buffer_bytes", kNumber},
        {"flushed_lsn", kNumber},
        {"staged_rows", kNumber},
        {"staged_bytes", kNumber},
        {"staged_since", kTime},
        {"project", kText}},
       TableRowsOf},
      {"files",
       {{"schema_name", kText},
        {"table_name", kText},
        {"path", kText},
        {"rows", kNumber},
        {"bytes", kNumber},
        {"min_time", kTime},
        {"max_time", kTime},
        {"partition", kText},
        {"lake_version", kNumber},
        {"project", kText}},
       FileRowsOf},
      {"lake_errors",
       {{"location", kText},
        {"table_name", kText},
        {"sqlstate", kText},
        {"message", kText},
        {"since", kTime}},
       LakeErrorRowsOf},
      {"projects",
       {{"project_id", kText},
        {"bucket", kText},
        {"prefix", kText},
        {"endpoint", kText},
        {"region", kText},
        {"access_key", kText},
        {"created", kTime}},
       ProjectRowsOf},
  };
}

std::vector<SystemTable> TablesOfTheServer() {
  return {
      {"jobs",
       {{"name", kText},
        {"running", LogicalType::BOOLEAN},
        {"runs", kNumber},
        {"last_start", kTime},
        {"last_duration_ms", LogicalType::DOUBLE},
        {"last_error", kText},
        {"doing", kText}},
       JobRowsOf},
      {"options",
       {{"name", kText}, {"value", kText}, {"source", kText}, {"description", kText}},
       OptionRowsOf},
      {"sessions",
       {{"id", kNumber},
        {"user_name", kText},
        {"database_name", kText},
        {"state", kText},
        {"statement", kText},
        {"started", kTime},
        {"statement_started", kTime}},
       SessionRowsOf},
      {"log", {{"property", kText}, {"value", kText}}, LogRowsOf},
      {"cache",
       {{"tier", kText},
        {"entries", kNumber},
        {"bytes", kNumber},
        {"bytes_max", kNumber},
        {"hits", kNumber},
        {"misses", kNumber},
        {"evictions", kNumber},
        {"waits", kNumber},
        {"errors", kNumber}},
       CacheRowsOf},
  };
}

const std::vector<SystemTable>& SystemTables() {
  static const std::vector<SystemTable> kTables = [] {
    std::vector<SystemTable> tables = TablesOfTheLake();
    for (SystemTable& table : TablesOfTheServer()) tables.push_back(std::move(table));
    return tables;
  }();
  return kTables;
}

struct SystemInfo : duckdb::TableFunctionInfo {
  SystemInfo(const SystemTable& t, EngineCore& c) : table(t), core(c) {}
  const SystemTable& table;
  EngineCore& core;
};

struct SystemData : duckdb::TableFunctionData {
  explicit SystemData(const SystemInfo& i) : info(i) {}
  const SystemInfo& info;
};

struct SystemScan : duckdb::GlobalTableFunctionState {
  std::vector<ValueRow> rows;
  size_t next = 0;
};

unique_ptr<duckdb::FunctionData> BindSystem(duckdb::ClientContext&,
                                            duckdb::TableFunctionBindInput& input,
                                            duckdb::vector<LogicalType>& types,
                                            duckdb::vector<std::string>& names) {
  const auto& info = static_cast<const SystemInfo&>(*input.info);
  for (const auto& [name, type] : info.table.columns) {
    names.emplace_back(name);
    types.push_back(type);
  }
  return duckdb::make_uniq<SystemData>(info);
}

unique_ptr<duckdb::GlobalTableFunctionState> InitSystem(duckdb::ClientContext&,
                                                        duckdb::TableFunctionInitInput& input) {
  const auto& info = input.bind_data->Cast<SystemData>().info;
  auto scan = duckdb::make_uniq<SystemScan>();
  scan->rows = info.table.rows(info.core);
  return scan;
}

void ScanSystem(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& out) {
  auto& scan = input.global_state->Cast<SystemScan>();
  duckdb::idx_t count = 0;
  while (scan.next < scan.rows.size() && count < STANDARD_VECTOR_SIZE) {
    const auto& row = scan.rows[scan.next++];
    for (duckdb::idx_t i = 0; i < row.size(); i++) out.SetValue(i, count, row[i]);
    count++;
  }
  out.SetCardinality(count);
}

}  // namespace

void RegisterSystemFunctions(duckdb::DatabaseInstance& db, EngineCore& core) {
  duckdb::ExtensionLoader loader(db, "varve_system");
  for (const auto& table : SystemTables()) {
    duckdb::TableFunction function(std::string("varve_") + table.name + "_rows", {}, ScanSystem,
                                   BindSystem, InitSystem);
    function.function_info = duckdb::make_shared_ptr<SystemInfo>(table, core);
    loader.RegisterFunction(std::move(function));
  }
  RegisterRingTables(loader, core);
  RegisterLakeFunctions(loader, core);
  RegisterUpkeepFunctions(loader, core);
  RegisterProjectFunctions(loader, core);
}

namespace {

Status CreateAll(duckdb::Connection& connection) {
  VARVE_RETURN_IF_ERROR(RunInternal(connection, "CREATE SCHEMA IF NOT EXISTS varve").status());
  for (const auto& table : SystemTables()) {
    const std::string name = table.name;
    const std::string sql =
        fmt::format("CREATE OR REPLACE VIEW varve.{0} AS FROM varve_{0}_rows()", name);
    VARVE_RETURN_IF_ERROR(RunInternal(connection, sql).status());
  }
  VARVE_RETURN_IF_ERROR(CreateRingViews(connection));
  VARVE_RETURN_IF_ERROR(CreateLakeMacros(connection));
  VARVE_RETURN_IF_ERROR(CreateUpkeepMacros(connection));
  return CreateProjectMacros(connection);
}

}  // namespace

Status CreateSystemViews(duckdb::Connection& connection) {
  constexpr std::array<const char*, 2> kSchemas = {"varve", kRingSchema};
  return ReplaceOwnEntries(connection, kSchemas, [&] { return CreateAll(connection); });
}

}  // namespace varve::engine
