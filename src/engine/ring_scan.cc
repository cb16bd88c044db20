#include "engine/ring_scan.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "engine/duck_guard.h"
#include "engine/ring_metrics.h"
#include "engine/scan_output.h"
#include "ring/slots.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::TableFunctionInitInput;
using duckdb::TableFunctionInput;
using duckdb::unique_ptr;
using ring::MetricRef;
using ring::Point;

namespace {

enum Column : duckdb::column_t { kMetricId, kTs, kValue, kType };

const duckdb::vector<LogicalType>& ColumnTypes() {
  static const duckdb::vector<LogicalType> kTypes = {LogicalType::BIGINT, LogicalType::BIGINT,
                                                     LogicalType::DOUBLE, LogicalType::SMALLINT};
  return kTypes;
}

struct SamplesData : duckdb::TableFunctionData {
  explicit SamplesData(RingView v) : view(std::move(v)), ids(view.ids), times(view.times) {}

  const RingView view;
  // What the statement's conditions leave of what the view shows.
  WholeNumbers ids;
  WholeNumbers times;

  bool SupportStatementCache() const override { return false; }
};

// Rings that one worker reads together.
struct WorkUnit {
  size_t begin = 0;
  size_t end = 0;
};

struct SamplesScan : duckdb::GlobalTableFunctionState {
  SamplesScan(const SamplesData& d, const TableFunctionInitInput& input) : data(d), output(input) {}

  const SamplesData& data;
  const ScanOutput output;
  std::vector<MetricRef> metrics;
  std::vector<WorkUnit> work;
  std::atomic<size_t> next{0};
  std::atomic<uint64_t> rings_read{0};
  std::atomic<uint64_t> samples_read{0};

  idx_t MaxThreads() const override { return work.size(); }
};

struct SamplesWorker : duckdb::LocalTableFunctionState {
  SamplesWorker(ClientContext& context, const ScanOutput& output)
      : rows(context, output, ColumnTypes()) {}

  ScanRows rows;
  size_t unit = 0;
  WorkUnit left;              // rings of the unit that are still to be read
  MetricRef metric;           // the one that was read last
  std::vector<Point> points;  // its points
  size_t at = 0;              // the first of them that was not given out
};

// How many points of the ring may lie in the times.
uint64_t PointsMax(const ring::RingShape& shape, const WholeNumbers& times) {
  if (times.low > times.high) return 0;
  const auto seconds = static_cast<uint64_t>(times.high) - static_cast<uint64_t>(times.low);
  return std::min<uint64_t>(shape.slots, seconds / shape.step_seconds + 1);
}

unique_ptr<duckdb::FunctionData> Bind(ClientContext& context, duckdb::TableFunctionBindInput& input,
                                      duckdb::vector<LogicalType>& types,
                                      duckdb::vector<std::string>& names) {
  types = ColumnTypes();
  names = {"metric_id", "ts", "value", "type"};
  return duckdb::make_uniq<SamplesData>(RingView(context, *input.info));
}

void PushConditions(ClientContext& context, duckdb::LogicalGet& get, duckdb::FunctionData* bind,
                    Conditions& conditions) {
  auto& data = bind->Cast<SamplesData>();
  data.ids.Intersect(WholeNumbersOf(context, get, kMetricId, conditions));
  data.times.Intersect(WholeNumbersOf(context, get, kTs, conditions));
}

// Leaves out the metrics that a filter refuses which only an evaluation understands.
void DropRefused(ClientContext& context, const TableFunctionInitInput& input, SamplesScan& scan) {
  ScanOutput ids_only(input);
  ids_only.column_ids = {kMetricId};
  ids_only.projection = {0};
  duckdb::TableFilterSet filters;
  filters.filters[0] = scan.output.FilterOf(kMetricId)->Copy();
  ids_only.filters = &filters;
  ScanRows ids(context, ids_only, ColumnTypes());
  DataChunk passing;
  passing.Initialize(context, {LogicalType::BIGINT});
  std::vector<MetricRef> kept;
  auto& all = scan.metrics;
  for (size_t begin = 0; begin < all.size(); begin += STANDARD_VECTOR_SIZE) {
    const size_t count = std::min<size_t>(STANDARD_VECTOR_SIZE, all.size() - begin);
    ids.rows.Reset();
    auto* column = duckdb::FlatVector::GetData<int64_t>(ids.rows.data[0]);
    for (size_t i = 0; i < count; i++) column[i] = all[begin + i]->id.value;
    passing.Reset();
    ids.Emit(count, passing);
    size_t from = begin;
    passing.Flatten();
    const auto* passed = duckdb::FlatVector::GetData<int64_t>(passing.data[0]);
    for (idx_t i = 0; i < passing.size(); i++) {
      while (all[from]->id.value != passed[i]) from++;
      kept.push_back(std::move(all[from++]));
    }
  }
  all = std::move(kept);
}

void DivideWork(SamplesScan& scan, const WholeNumbers& times) {
  constexpr uint64_t kPointsOfUnit = uint64_t{10} * STANDARD_VECTOR_SIZE;
  constexpr size_t kRingsOfUnit = 256;
  WorkUnit unit;
  uint64_t points = 0;
  for (const auto& metric : scan.metrics) {
    points += PointsMax(metric->shape, times);
    unit.end++;
    if (points < kPointsOfUnit && unit.end - unit.begin < kRingsOfUnit) continue;
    scan.work.push_back(unit);
    unit.begin = unit.end;
    points = 0;
  }
  if (unit.begin < unit.end) scan.work.push_back(unit);
}

unique_ptr<duckdb::GlobalTableFunctionState> InitScan(ClientContext& context,
                                                      TableFunctionInitInput& input) {
  const auto& data = input.bind_data->Cast<SamplesData>();
  auto scan = duckdb::make_uniq<SamplesScan>(data, input);
  WholeNumbers ids = data.ids;
  const auto* id_filter = scan->output.FilterOf(kMetricId);
  if (id_filter != nullptr) ids.Intersect(WholeNumbersOf(*id_filter));
  WholeNumbers times = data.times;
  const auto* time_filter = scan->output.FilterOf(kTs);
  if (time_filter != nullptr) times.Intersect(WholeNumbersOf(*time_filter));
  if (times.low <= times.high) scan->metrics = data.view.Metrics(ids);
  if (id_filter != nullptr && scan->metrics.size() > 1) DropRefused(context, input, *scan);
  DivideWork(*scan, times);
  return scan;
}

unique_ptr<duckdb::LocalTableFunctionState> InitWorker(duckdb::ExecutionContext& context,
                                                       TableFunctionInitInput&,
                                                       duckdb::GlobalTableFunctionState* global) {
  return duckdb::make_uniq<SamplesWorker>(context.client, global->Cast<SamplesScan>().output);
}

// Reads the next ring of the worker's unit; false when there is none left.
bool ReadNext(ClientContext& context, SamplesScan& scan, SamplesWorker& worker) {
  worker.points.clear();
  worker.at = 0;
  if (worker.left.begin == worker.left.end) return false;
  if (context.IsInterrupted()) throw duckdb::InterruptException();
  worker.metric = scan.metrics[worker.left.begin++];
  WholeNumbers times = scan.data.times;
  // Looked at again for each ring: a Top-N narrows it while the scan runs.
  if (const auto* filter = scan.output.FilterOf(kTs)) times.Intersect(WholeNumbersOf(*filter));
  if (times.low > times.high) return true;
  const Status read =
      scan.data.view.rings->Read(worker.metric->id, {times.low, times.high}, worker.points);
  if (absl::IsNotFound(read)) return true;  // dropped since the statement began
  ThrowIfError(read);
  scan.rings_read.fetch_add(1, std::memory_order_relaxed);
  scan.samples_read.fetch_add(worker.points.size(), std::memory_order_relaxed);
  return true;
}

// Writes points [from, from + count) of the worker's ring to the rows that begin at `row`.
void FillRows(const SamplesScan& scan, SamplesWorker& worker, idx_t row, size_t count) {
  const Point* points = worker.points.data() + worker.at;
  for (idx_t place = 0; place < scan.output.column_ids.size(); place++) {
    auto& vector = worker.rows.rows.data[place];
    switch (scan.output.column_ids[place]) {
      case kMetricId: {
        auto* out = duckdb::FlatVector::GetData<int64_t>(vector) + row;
        std::fill(out, out + count, static_cast<int64_t>(worker.metric->id.value));
        break;
      }
      case kTs: {
        auto* out = duckdb::FlatVector::GetData<int64_t>(vector) + row;
        for (size_t i = 0; i < count; i++) out[i] = points[i].ts;
        break;
      }
      case kValue: {
        auto* out = duckdb::FlatVector::GetData<double>(vector) + row;
        for (size_t i = 0; i < count; i++) out[i] = points[i].value;
        break;
      }
      default: {
        auto* out = duckdb::FlatVector::GetData<int16_t>(vector) + row;
        std::fill(out, out + count, static_cast<int16_t>(worker.metric->type));
        break;
      }
    }
  }
}

// As many rows of the worker's unit as fit; 0 at its end.
idx_t FillChunk(ClientContext& context, SamplesScan& scan, SamplesWorker& worker) {
  worker.rows.rows.Reset();
  idx_t row = 0;
  while (row < STANDARD_VECTOR_SIZE) {
    if (worker.at == worker.points.size()) {
      if (!ReadNext(context, scan, worker)) break;
      continue;
    }
    const size_t count =
        std::min<size_t>(worker.points.size() - worker.at, STANDARD_VECTOR_SIZE - row);
    FillRows(scan, worker, row, count);
    worker.at += count;
    row += count;
  }
  return row;
}

void Scan(ClientContext& context, TableFunctionInput& input, DataChunk& out) {
  auto& scan = input.global_state->Cast<SamplesScan>();
  auto& worker = input.local_state->Cast<SamplesWorker>();
  worker.rows.EmitNext(out, [&]() -> idx_t {
    for (;;) {
      const idx_t count = FillChunk(context, scan, worker);
      if (count > 0) return count;
      worker.unit = scan.next.fetch_add(1, std::memory_order_relaxed);
      if (worker.unit >= scan.work.size()) return 0;
      worker.left = scan.work[worker.unit];
    }
  });
}

duckdb::OperatorPartitionData PartitionOf(ClientContext&,
                                          duckdb::TableFunctionGetPartitionInput& input) {
  if (input.partition_info.RequiresPartitionColumns()) {
    throw duckdb::InternalException("ring_samples has no partition columns");
  }
  return duckdb::OperatorPartitionData(input.local_state->Cast<SamplesWorker>().unit);
}

unique_ptr<duckdb::NodeStatistics> Cardinality(ClientContext&, const duckdb::FunctionData* bind) {
  const auto& data = bind->Cast<SamplesData>();
  constexpr size_t kIdsCounted = 1000;
  uint64_t rows = 0;
  if (data.view.rings == nullptr || data.times.low > data.times.high) {
    rows = 0;
  } else if (data.ids.only && data.ids.only->size() <= kIdsCounted) {
    for (const auto& metric : data.view.Metrics(data.ids)) {
      rows += PointsMax(metric->shape, data.times);
    }
  } else {
    const auto all = data.view.rings->telemetry();
    rows = all.ring_bytes / ring::kSlotBytes;
    const auto span =
        static_cast<uint64_t>(data.times.high) - static_cast<uint64_t>(data.times.low);
    // As if one sample came each second.
    if (all.metrics > 0 && span < rows / all.metrics) rows = (span + 1) * all.metrics;
  }
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

std::string EndText(int64_t value, int64_t open) {
  return value == open ? std::string() : std::to_string(value);
}

std::string TimesText(const WholeNumbers& times) {
  if (times.low > times.high) return "none";
  const std::string low = EndText(times.low, INT64_MIN);
  const std::string high = EndText(times.high, INT64_MAX);
  return low.empty() && high.empty() ? "all" : fmt::format("[{}, {}]", low, high);
}

std::string MetricsText(const SamplesData& data) {
  const size_t total = data.view.metrics_total();
  if (data.ids.only) return fmt::format("{} of {}", data.ids.only->size(), total);
  if (data.ids.low > data.ids.high) return fmt::format("0 of {}", total);
  const auto& all = data.view.ids;
  if (data.ids.low == all.low && data.ids.high == all.high) return fmt::format("all {}", total);
  return fmt::format("[{}, {}] of {}", EndText(data.ids.low, all.low),
                     EndText(data.ids.high, all.high), total);
}

duckdb::InsertionOrderPreservingMap<std::string> Describe(
    duckdb::TableFunctionToStringInput& input) {
  const auto& data = input.bind_data->Cast<SamplesData>();
  duckdb::InsertionOrderPreservingMap<std::string> result;
  result["Table"] = "ring.samples";
  result["Metrics"] = MetricsText(data);
  result["ts"] = TimesText(data.times);
  return result;
}

duckdb::InsertionOrderPreservingMap<std::string> DescribeRun(
    duckdb::TableFunctionDynamicToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<std::string> result;
  if (!input.global_state) return result;
  const auto& scan = input.global_state->Cast<SamplesScan>();
  result["Rings Read"] = std::to_string(scan.rings_read.load());
  result["Samples Read"] = std::to_string(scan.samples_read.load());
  return result;
}

}  // namespace

duckdb::TableFunction RingSamplesFunction(EngineCore& core) {
  duckdb::TableFunction function("varve_ring_samples", {}, Scan, Bind, InitScan, InitWorker);
  function.function_info = duckdb::make_shared_ptr<RingInfo>(core);
  function.projection_pushdown = true;
  function.filter_pushdown = true;
  function.filter_prune = true;
  function.pushdown_complex_filter = PushConditions;
  function.get_partition_data = PartitionOf;
  function.cardinality = Cardinality;
  function.to_string = Describe;
  function.dynamic_to_string = DescribeRun;
  return function;
}

}  // namespace varve::engine
