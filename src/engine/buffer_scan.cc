#include "engine/buffer_scan.h"

#include <atomic>
#include <duckdb/planner/filter/conjunction_filter.hpp>
#include <duckdb/planner/table_filter_state.hpp>
#include <duckdb/storage/statistics/numeric_stats.hpp>
#include <duckdb/storage/table/column_segment.hpp>
#include <utility>

#include "engine/batch_vectors.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::column_t;
using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::SelectionVector;
using duckdb::TableFunctionInitInput;
using duckdb::TableFunctionInput;
using duckdb::unique_ptr;
using duckdb::Vector;

namespace {

struct ScanData : duckdb::TableFunctionData {
  std::string table_name;
  std::vector<ResidentRows> rows;
  std::vector<std::optional<ColumnId>> columns;  // per column of the DuckDB table
  std::optional<ColumnId> time_column;
  std::vector<duckdb::LogicalType> types;  // per column of the DuckDB table
  idx_t row_count = 0;

  bool SupportStatementCache() const override { return false; }
};

struct WorkUnit {
  uint32_t rows_index = 0;
  uint32_t begin = 0;
  uint32_t count = 0;
};

struct ScanState : duckdb::GlobalTableFunctionState {
  std::atomic<idx_t> next{0};
  std::vector<WorkUnit> work;
  duckdb::vector<column_t> column_ids;
  duckdb::vector<idx_t> projection;  // output column -> place in column_ids
  duckdb::optional_ptr<duckdb::TableFilterSet> filters;
  std::vector<idx_t> filtered;  // places in column_ids that have a filter
  idx_t time_place = duckdb::DConstants::INVALID_INDEX;

  // Ten vectors are about what it is worth waking a thread for.
  idx_t MaxThreads() const override { return work.size() / 10 + 1; }
};

struct WorkerState : duckdb::LocalTableFunctionState {
  DataChunk scanned;  // by place in column_ids
  std::map<idx_t, unique_ptr<duckdb::TableFilterState>> filters;
  idx_t batch_index = 0;
};

bool IsTableColumn(const ScanData& data, column_t id) { return id < data.columns.size(); }

duckdb::LogicalType TypeOf(const ScanData& data, column_t id) {
  return IsTableColumn(data, id) ? data.types[id] : duckdb::LogicalType::BOOLEAN;
}

// False when no row in the range can pass the filter on the time column.
bool MayPass(const duckdb::TableFilter& filter, const TimeRange& range,
             const duckdb::LogicalType& type) {
  if (range.empty()) return true;
  auto stats = duckdb::NumericStats::CreateUnknown(type);
  duckdb::NumericStats::SetMin<int64_t>(stats, range.min.value);
  duckdb::NumericStats::SetMax<int64_t>(stats, range.max.value);
  stats.SetHasNoNull();
  return filter.CheckStatistics(stats) != duckdb::FilterPropagateResult::FILTER_ALWAYS_FALSE;
}

unique_ptr<duckdb::GlobalTableFunctionState> InitScan(ClientContext&,
                                                      TableFunctionInitInput& input) {
  const auto& data = input.bind_data->Cast<ScanData>();
  auto state = duckdb::make_uniq<ScanState>();
  state->column_ids = input.column_ids;
  state->filters = input.filters;
  if (input.CanRemoveFilterColumns()) {
    state->projection = input.projection_ids;
  } else {
    for (idx_t i = 0; i < input.column_ids.size(); i++) state->projection.push_back(i);
  }
  if (input.filters) {
    for (auto& entry : input.filters->filters) state->filtered.push_back(entry.first);
  }
  for (const idx_t place : state->filtered) {
    const column_t id = input.column_ids[place];
    if (data.time_column && IsTableColumn(data, id) && data.columns[id] == data.time_column) {
      state->time_place = place;
    }
  }
  for (uint32_t r = 0; r < data.rows.size(); r++) {
    const uint32_t rows = data.rows[r].rows->rows;
    // Vectors begin at multiples of the standard size, counted from the oldest row.
    for (uint32_t end = rows; end > 0;) {
      const uint32_t begin = (end - 1) / STANDARD_VECTOR_SIZE * STANDARD_VECTOR_SIZE;
      state->work.push_back({r, begin, end - begin});
      end = begin;
    }
  }
  return state;
}

unique_ptr<duckdb::LocalTableFunctionState> InitWorker(duckdb::ExecutionContext& context,
                                                       TableFunctionInitInput& input,
                                                       duckdb::GlobalTableFunctionState*) {
  const auto& data = input.bind_data->Cast<ScanData>();
  auto worker = duckdb::make_uniq<WorkerState>();
  duckdb::vector<duckdb::LogicalType> types;
  for (const auto id : input.column_ids) types.push_back(TypeOf(data, id));
  worker->scanned.Initialize(context.client, types);
  if (input.filters) {
    for (auto& [place, filter] : input.filters->filters) {
      worker->filters[place] = duckdb::TableFilterState::Initialize(context.client, *filter);
    }
  }
  return worker;
}

void ReadColumn(const ScanData& data, const WorkUnit& unit, column_t id, Vector& out) {
  const Column* column = nullptr;
  if (IsTableColumn(data, id) && data.columns[id]) {
    column = data.rows[unit.rows_index].rows->Find(*data.columns[id]);
  }
  if (column == nullptr) {
    out.Reference(duckdb::Value(out.GetType()));
  } else {
    ReferenceColumn(*column, unit.begin, unit.count, out);
  }
}

// The rows of the unit that pass every filter; reads the filtered columns into worker.scanned.
idx_t ApplyFilters(const ScanData& data, const ScanState& state, const WorkUnit& unit,
                   WorkerState& worker, SelectionVector& passing) {
  idx_t count = unit.count;
  for (const idx_t place : state.filtered) {
    auto& filter = *state.filters->filters.at(place);
    auto& vector = worker.scanned.data[place];
    ReadColumn(data, unit, state.column_ids[place], vector);
    duckdb::UnifiedVectorFormat format;
    vector.ToUnifiedFormat(unit.count, format);
    duckdb::ColumnSegment::FilterSelection(passing, vector, format, filter,
                                           *worker.filters.at(place), unit.count, count);
    if (count == 0) return 0;
  }
  return count;
}

bool IsExcludedByTime(const ScanData& data, const ScanState& state, const WorkUnit& unit) {
  if (state.time_place == duckdb::DConstants::INVALID_INDEX) return false;
  const auto type = TypeOf(data, state.column_ids[state.time_place]);
  return !MayPass(*state.filters->filters.at(state.time_place),
                  data.rows[unit.rows_index].time_range, type);
}

void Scan(ClientContext&, TableFunctionInput& input, DataChunk& out) {
  const auto& data = input.bind_data->Cast<ScanData>();
  auto& state = input.global_state->Cast<ScanState>();
  auto& worker = input.local_state->Cast<WorkerState>();
  for (;;) {
    const idx_t k = state.next.fetch_add(1, std::memory_order_relaxed);
    if (k >= state.work.size()) return;  // an empty chunk ends the scan
    const WorkUnit unit = state.work[k];
    worker.batch_index = k;
    if (IsExcludedByTime(data, state, unit)) continue;
    worker.scanned.Reset();
    SelectionVector passing;
    const idx_t count = ApplyFilters(data, state, unit, worker, passing);
    if (count == 0) continue;
    for (idx_t i = 0; i < out.ColumnCount(); i++) {
      const idx_t place = state.projection[i];
      auto& vector = worker.scanned.data[place];
      if (!state.filters || !state.filters->filters.contains(place)) {
        ReadColumn(data, unit, state.column_ids[place], vector);
      }
      if (count == unit.count) {
        out.data[i].Reference(vector);
      } else {
        out.data[i].Slice(vector, passing, count);
      }
    }
    out.SetCardinality(count);
    return;
  }
}

duckdb::OperatorPartitionData PartitionOf(ClientContext&,
                                          duckdb::TableFunctionGetPartitionInput& input) {
  if (input.partition_info.RequiresPartitionColumns()) {
    throw duckdb::InternalException("buffer_scan has no partition columns");
  }
  return duckdb::OperatorPartitionData(input.local_state->Cast<WorkerState>().batch_index);
}

duckdb::InsertionOrderPreservingMap<std::string> Describe(
    duckdb::TableFunctionToStringInput& input) {
  const auto& data = input.bind_data->Cast<ScanData>();
  duckdb::InsertionOrderPreservingMap<std::string> result;
  result["Table"] = data.table_name;
  result["Segments"] = std::to_string(data.rows.size());
  result["Rows"] = std::to_string(data.row_count);
  return result;
}

unique_ptr<duckdb::NodeStatistics> Cardinality(ClientContext&, const duckdb::FunctionData* data) {
  const idx_t rows = data->Cast<ScanData>().row_count;
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

// Scans hold a snapshot: a plan that contains one cannot be stored or copied.
void RefuseSerialize(duckdb::Serializer&, duckdb::optional_ptr<duckdb::FunctionData>,
                     const duckdb::TableFunction&) {
  throw duckdb::NotImplementedException("buffer_scan cannot be serialized");
}

unique_ptr<duckdb::FunctionData> RefuseDeserialize(duckdb::Deserializer&, duckdb::TableFunction&) {
  throw duckdb::NotImplementedException("buffer_scan cannot be deserialized");
}

}  // namespace

duckdb::TableFunction BufferScanFunction() {
  duckdb::TableFunction function("buffer_scan", {}, Scan, nullptr, InitScan, InitWorker);
  function.projection_pushdown = true;
  function.filter_pushdown = true;
  function.filter_prune = true;
  function.get_partition_data = PartitionOf;
  function.to_string = Describe;
  function.cardinality = Cardinality;
  function.serialize = RefuseSerialize;
  function.deserialize = RefuseDeserialize;
  function.verify_serialization = false;
  return function;
}

unique_ptr<duckdb::FunctionData> BufferScanData(const BatchScanSource& source,
                                                const duckdb::vector<duckdb::string>& names) {
  auto data = duckdb::make_uniq<ScanData>();
  const TableDef& table = *source.table;
  data->table_name = table.name.ToString();
  data->rows = source.rows;
  data->time_column = table.columns[table.time_column].id;
  for (const auto& rows : source.rows) data->row_count += rows.rows->rows;
  for (const auto& name : names) {
    const auto index = table.FindColumn(name);
    data->columns.push_back(index ? std::optional(table.columns[*index].id) : std::nullopt);
  }
  return data;
}

unique_ptr<duckdb::LogicalGet> MakeBufferScan(idx_t table_index, const duckdb::LogicalGet& get,
                                              const TableView& view) {
  auto data = BufferScanData({view.table, view.resident}, get.names);
  data->Cast<ScanData>().types = get.returned_types;
  duckdb::virtual_column_map_t virtual_columns;
  virtual_columns.emplace(duckdb::COLUMN_IDENTIFIER_EMPTY,
                          duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN));
  auto scan = duckdb::make_uniq<duckdb::LogicalGet>(table_index, BufferScanFunction(),
                                                    std::move(data), get.returned_types, get.names,
                                                    std::move(virtual_columns));
  auto column_ids = get.GetColumnIds();
  scan->SetColumnIds(std::move(column_ids));
  scan->ResolveOperatorTypes();
  return scan;
}

}  // namespace varve::engine
