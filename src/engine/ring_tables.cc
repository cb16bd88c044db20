#include "engine/ring_tables.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <duckdb/catalog/catalog_entry.hpp>
#include <utility>

#include "engine/access_guard.h"
#include "engine/database.h"
#include "engine/duck_guard.h"
#include "engine/ring_metrics.h"
#include "engine/ring_scan.h"
#include "engine/scan_output.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::TableFunctionInitInput;
using duckdb::TableFunctionInput;
using duckdb::unique_ptr;
using ring::MetricRef;

namespace {

constexpr duckdb::column_t kMetricId = 0;

// One of the two tables over the registry.
struct RegistryTable {
  const char* name;
  std::vector<std::pair<const char*, LogicalType>> columns;
  // How many rows a metric has.
  idx_t (*rows)(const ring::Metric&);
  void (*fill)(const ring::Metric&, idx_t of_metric, duckdb::column_t, duckdb::Vector&, idx_t row);
};

template <typename T>
void Set(duckdb::Vector& vector, idx_t row, T value) {
  duckdb::FlatVector::GetData<T>(vector)[row] = value;
}

void SetText(duckdb::Vector& vector, idx_t row, const std::string& text) {
  Set(vector, row, duckdb::StringVector::AddString(vector, text));
}

idx_t OneRow(const ring::Metric&) { return 1; }

void FillMetric(const ring::Metric& metric, idx_t /*of_metric*/, duckdb::column_t column,
                duckdb::Vector& vector, idx_t row) {
  switch (column) {
    case kMetricId:
      return Set<int64_t>(vector, row, metric.id.value);
    case 1:
      return SetText(vector, row, metric.name);
    case 2:
      return Set(vector, row, static_cast<int16_t>(metric.type));
    case 3:
      return Set<int64_t>(vector, row, metric.shape.step_seconds);
    default:
      return Set<int64_t>(vector, row, metric.shape.slots);
  }
}

idx_t TagCount(const ring::Metric& metric) { return metric.tags.size(); }

void FillTag(const ring::Metric& metric, idx_t of_metric, duckdb::column_t column,
             duckdb::Vector& vector, idx_t row) {
  if (column == kMetricId) return Set<int64_t>(vector, row, metric.id.value);
  const ring::Tag& tag = metric.tags[of_metric];
  SetText(vector, row, column == 1 ? tag.key : tag.value);
}

const RegistryTable& MetricsTable() {
  static const RegistryTable kTable = {"metrics",
                                       {{"metric_id", LogicalType::BIGINT},
                                        {"name", LogicalType::VARCHAR},
                                        {"type", LogicalType::SMALLINT},
                                        {"step", LogicalType::BIGINT},
                                        {"slots", LogicalType::BIGINT}},
                                       OneRow,
                                       FillMetric};
  return kTable;
}

const RegistryTable& TagsTable() {
  static const RegistryTable kTable = {"metric_tags",
                                       {{"metric_id", LogicalType::BIGINT},
                                        {"tag_key", LogicalType::VARCHAR},
                                        {"tag_value", LogicalType::VARCHAR}},
                                       TagCount,
                                       FillTag};
  return kTable;
}

struct RegistryData : duckdb::TableFunctionData {
  RegistryData(const RegistryTable& t, RingView v) : table(t), view(std::move(v)), ids(view.ids) {
    for (const auto& [name, type] : table.columns) types.push_back(type);
  }

  const RegistryTable& table;
  const RingView view;
  duckdb::vector<LogicalType> types;
  WholeNumbers ids;  // that the statement's conditions leave
  // Which the conditions name; nullopt: look at every metric with one of these ids.
  std::optional<std::vector<ring::Selector>> selectors;

  bool SupportStatementCache() const override { return false; }
};

struct RegistryScan : duckdb::GlobalTableFunctionState {
  explicit RegistryScan(const TableFunctionInitInput& input) : output(input) {}

  const ScanOutput output;
  std::vector<MetricRef> metrics;
  size_t next = 0;      // metric
  idx_t of_metric = 0;  // its next row
};

struct RegistryWorker : duckdb::LocalTableFunctionState {
  RegistryWorker(ClientContext& context, const ScanOutput& output,
                 const duckdb::vector<LogicalType>& types)
      : rows(context, output, types) {}
  ScanRows rows;
};

template <const RegistryTable& (*Table)()>
unique_ptr<duckdb::FunctionData> Bind(ClientContext& context, duckdb::TableFunctionBindInput& input,
                                      duckdb::vector<LogicalType>& types,
                                      duckdb::vector<std::string>& names) {
  auto data = duckdb::make_uniq<RegistryData>(Table(), RingView(context, *input.info));
  types = data->types;
  for (const auto& [name, type] : data->table.columns) names.emplace_back(name);
  return data;
}

void PushConditions(ClientContext& context, duckdb::LogicalGet& get, duckdb::FunctionData* bind,
                    Conditions& conditions) {
  auto& data = bind->Cast<RegistryData>();
  data.ids.Intersect(WholeNumbersOf(context, get, kMetricId, conditions));
  const auto first = TextsOf(context, get, 1, conditions);
  if (!first) return;
  data.selectors.emplace();
  if (&data.table == &MetricsTable()) {
    for (const auto& name : *first) data.selectors->push_back({name, {}});
    return;
  }
  const auto values = TextsOf(context, get, 2, conditions);
  if (!values) return data.selectors.reset();  // a key alone selects too much to look it up
  for (const auto& key : *first) {
    for (const auto& value : *values) data.selectors->push_back({std::nullopt, {{key, value}}});
  }
}

std::vector<MetricRef> Selected(const RegistryData& data, const WholeNumbers& ids) {
  std::vector<MetricRef> metrics;
  for (const auto& selector : *data.selectors) {
    auto found = data.view.Metrics(selector, ids);
    metrics.insert(metrics.end(), found.begin(), found.end());
  }
  const auto by_id = [](const MetricRef& a, const MetricRef& b) {
    return a->id.value < b->id.value;
  };
  std::sort(metrics.begin(), metrics.end(), by_id);
  metrics.erase(std::unique(metrics.begin(), metrics.end()), metrics.end());
  return metrics;
}

unique_ptr<duckdb::GlobalTableFunctionState> InitScan(ClientContext&,
                                                      TableFunctionInitInput& input) {
  const auto& data = input.bind_data->Cast<RegistryData>();
  auto scan = duckdb::make_uniq<RegistryScan>(input);
  WholeNumbers ids = data.ids;
  if (const auto* filter = scan->output.FilterOf(kMetricId)) {
    ids.Intersect(WholeNumbersOf(*filter));
  }
  const bool by_id = ids.only || !data.selectors;
  scan->metrics = by_id ? data.view.Metrics(ids) : Selected(data, ids);
  return scan;
}

unique_ptr<duckdb::LocalTableFunctionState> InitWorker(duckdb::ExecutionContext& context,
                                                       TableFunctionInitInput& input,
                                                       duckdb::GlobalTableFunctionState* global) {
  return duckdb::make_uniq<RegistryWorker>(context.client, global->Cast<RegistryScan>().output,
                                           input.bind_data->Cast<RegistryData>().types);
}

idx_t FillChunk(const RegistryTable& table, RegistryScan& scan, DataChunk& rows) {
  rows.Reset();
  idx_t row = 0;
  while (row < STANDARD_VECTOR_SIZE && scan.next < scan.metrics.size()) {
    const ring::Metric& metric = *scan.metrics[scan.next];
    if (scan.of_metric == table.rows(metric)) {
      scan.next++;
      scan.of_metric = 0;
      continue;
    }
    for (idx_t place = 0; place < rows.ColumnCount(); place++) {
      table.fill(metric, scan.of_metric, scan.output.column_ids[place], rows.data[place], row);
    }
    scan.of_metric++;
    row++;
  }
  return row;
}

void Scan(ClientContext& context, TableFunctionInput& input, DataChunk& out) {
  const auto& data = input.bind_data->Cast<RegistryData>();
  auto& scan = input.global_state->Cast<RegistryScan>();
  auto& worker = input.local_state->Cast<RegistryWorker>();
  worker.rows.EmitNext(out, [&] {
    if (context.IsInterrupted()) throw duckdb::InterruptException();
    return FillChunk(data.table, scan, worker.rows.rows);
  });
}

unique_ptr<duckdb::NodeStatistics> Cardinality(ClientContext&, const duckdb::FunctionData* bind) {
  const auto& data = bind->Cast<RegistryData>();
  idx_t metrics = data.view.metrics_total();
  if (data.ids.only) metrics = data.ids.only->size();
  if (data.selectors) metrics = std::min<idx_t>(metrics, data.selectors->size());
  return duckdb::make_uniq<duckdb::NodeStatistics>(metrics);
}

duckdb::InsertionOrderPreservingMap<std::string> Describe(
    duckdb::TableFunctionToStringInput& input) {
  const auto& data = input.bind_data->Cast<RegistryData>();
  duckdb::InsertionOrderPreservingMap<std::string> result;
  result["Table"] = fmt::format("{}.{}", kRingSchema, data.table.name);
  const bool looked_up = data.ids.only || data.selectors;
  result["Metrics"] =
      fmt::format("{} {}", looked_up ? "looked up among" : "all", data.view.metrics_total());
  return result;
}

constexpr const char* kRingViews[] = {"samples", "metrics", "metric_tags"};
constexpr const char* kRingFunctionPrefix = "varve_ring_";

// Whether there is something of that name in the schema that is not our view.
Result<bool> IsUsersOwn(duckdb::Connection& connection, const char* name) {
  const std::string sql = fmt::format(
      "SELECT 1 FROM duckdb_tables() WHERE lower(schema_name) = '{0}' AND lower(table_name) = "
      "'{1}' "
      "UNION ALL SELECT 1 FROM duckdb_views() WHERE lower(schema_name) = '{0}' AND "
      "lower(view_name) = '{1}' AND NOT contains(sql, '{2}{1}(')",
      kRingSchema, name, kRingFunctionPrefix);
  VARVE_ASSIGN_OR_RETURN(const auto found, RunInternal(connection, sql));
  return found->RowCount() > 0;
}

template <const RegistryTable& (*Table)()>
duckdb::TableFunction RegistryFunction(EngineCore& core) {
  duckdb::TableFunction function(std::string(kRingFunctionPrefix) + Table().name, {}, Scan,
                                 Bind<Table>, InitScan, InitWorker);
  function.function_info = duckdb::make_shared_ptr<RingInfo>(core);
  function.projection_pushdown = true;
  function.filter_pushdown = true;
  function.filter_prune = true;
  function.pushdown_complex_filter = PushConditions;
  function.cardinality = Cardinality;
  function.to_string = Describe;
  return function;
}

}  // namespace

void RegisterRingTables(duckdb::ExtensionLoader& loader, EngineCore& core) {
  loader.RegisterFunction(RingSamplesFunction(core));
  loader.RegisterFunction(RegistryFunction<MetricsTable>(core));
  loader.RegisterFunction(RegistryFunction<TagsTable>(core));
}

Status CreateRingViews(duckdb::Connection& connection) {
  VARVE_RETURN_IF_ERROR(
      RunInternal(connection, fmt::format("CREATE SCHEMA IF NOT EXISTS {}", kRingSchema)).status());
  for (const char* name : kRingViews) {
    VARVE_ASSIGN_OR_RETURN(const bool is_users, IsUsersOwn(connection, name));
    if (is_users) {
      spdlog::warn(
          "{0}.{1} is a user's own from before the schema {0} was given to live metrics. It stays "
          "readable, and SQL does not show the rings by that name: copy its rows to another table, "
          "drop it, and start again",
          kRingSchema, name);
      continue;
    }
    const std::string sql =
        fmt::format("CREATE OR REPLACE VIEW {0}.{1} AS FROM varve_ring_{1}()", kRingSchema, name);
    VARVE_RETURN_IF_ERROR(RunInternal(connection, sql).status());
  }
  return OkStatus();
}

Result<std::string> UsersOwnRingNames(duckdb::Connection& connection) {
  std::string names;
  for (const char* name : kRingViews) {
    VARVE_ASSIGN_OR_RETURN(const bool is_users, IsUsersOwn(connection, name));
    if (!is_users) continue;
    if (!names.empty()) names += ", ";
    names += fmt::format("{}.{}", kRingSchema, name);
  }
  return names;
}

bool IsRingView(const duckdb::CatalogEntry& entry) {
  return entry.type == duckdb::CatalogType::VIEW_ENTRY &&
         duckdb::StringUtil::Contains(entry.ToSQL(), kRingFunctionPrefix);
}

}  // namespace varve::engine
