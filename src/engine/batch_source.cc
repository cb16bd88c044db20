#include "engine/batch_source.h"

#include <algorithm>
#include <atomic>
#include <duckdb/main/extension/extension_loader.hpp>

#include "engine/batch_vectors.h"
#include "engine/type_mapping.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::unique_ptr;

namespace {

struct SourcesInfo : duckdb::TableFunctionInfo {
  explicit SourcesInfo(const BatchSources& s) : sources(s) {}
  const BatchSources& sources;
};

struct SourceData : duckdb::TableFunctionData {
  std::shared_ptr<const BatchSource> source;
  bool SupportStatementCache() const override { return false; }
};

struct Unit {
  uint32_t slice = 0;
  uint32_t begin = 0;  // row of the batch, or place in the slice's list of rows
  uint32_t count = 0;
};

struct SourceScan : duckdb::GlobalTableFunctionState {
  std::vector<Unit> units;
  std::atomic<idx_t> next{0};
  duckdb::vector<duckdb::column_t> column_ids;
  idx_t MaxThreads() const override { return units.size() / 10 + 1; }
};

struct SourceWorker : duckdb::LocalTableFunctionState {
  Batch gathered;  // rows of a slice that takes only some; vectors point into it
  idx_t batch_index = 0;
};

LogicalType ScanType(const Type& type) {
  return type.kind() == TypeKind::kJson ? LogicalType(LogicalType::VARCHAR) : ToDuck(type);
}

unique_ptr<duckdb::FunctionData> BindSource(ClientContext&, duckdb::TableFunctionBindInput& input,
                                            duckdb::vector<LogicalType>& types,
                                            duckdb::vector<std::string>& names) {
  auto data = duckdb::make_uniq<SourceData>();
  const auto number = input.inputs.at(0).GetValue<int64_t>();
  data->source = static_cast<SourcesInfo&>(*input.info).sources.Find(static_cast<uint64_t>(number));
  if (!data->source) throw duckdb::BinderException("varve_batches(%d) is not there", number);
  for (const auto& column : data->source->table->columns) {
    names.push_back(column.name);
    types.push_back(ScanType(column.type));
  }
  return data;
}

unique_ptr<duckdb::GlobalTableFunctionState> InitSource(ClientContext&,
                                                        duckdb::TableFunctionInitInput& input) {
  auto scan = duckdb::make_uniq<SourceScan>();
  const auto& slices = input.bind_data->Cast<SourceData>().source->slices;
  for (uint32_t s = 0; s < slices.size(); s++) {
    const auto& slice = slices[s];
    const uint32_t rows =
        slice.rows.empty() ? slice.batch->rows : static_cast<uint32_t>(slice.rows.size());
    for (uint32_t begin = 0; begin < rows; begin += STANDARD_VECTOR_SIZE) {
      scan->units.push_back({s, begin, std::min<uint32_t>(rows - begin, STANDARD_VECTOR_SIZE)});
    }
  }
  scan->column_ids = input.column_ids;
  return scan;
}

unique_ptr<duckdb::LocalTableFunctionState> InitWorker(duckdb::ExecutionContext&,
                                                       duckdb::TableFunctionInitInput&,
                                                       duckdb::GlobalTableFunctionState*) {
  return duckdb::make_uniq<SourceWorker>();
}

void ScanSource(ClientContext&, duckdb::TableFunctionInput& input, DataChunk& out) {
  const auto& source = *input.bind_data->Cast<SourceData>().source;
  auto& scan = input.global_state->Cast<SourceScan>();
  auto& worker = input.local_state->Cast<SourceWorker>();
  const idx_t k = scan.next.fetch_add(1, std::memory_order_relaxed);
  if (k >= scan.units.size()) return;
  worker.batch_index = k;
  const Unit& unit = scan.units[k];
  const auto& slice = source.slices[unit.slice];
  const Batch* batch = slice.batch.get();
  uint32_t begin = unit.begin;
  if (!slice.rows.empty()) {
    worker.gathered =
        Select(*batch, std::span<const uint32_t>(slice.rows).subspan(begin, unit.count));
    batch = &worker.gathered;
    begin = 0;
  }
  for (idx_t i = 0; i < scan.column_ids.size(); i++) {
    const auto id = scan.column_ids[i];
    const auto& columns = source.table->columns;
    const Column* column = id < columns.size() ? batch->Find(columns[id].id) : nullptr;
    if (column == nullptr) {
      out.data[i].Reference(duckdb::Value(out.data[i].GetType()));
    } else {
      ReferenceColumn(*column, begin, unit.count, out.data[i]);
    }
  }
  out.SetCardinality(unit.count);
}

duckdb::OperatorPartitionData PartitionOf(ClientContext&,
                                          duckdb::TableFunctionGetPartitionInput& input) {
  return duckdb::OperatorPartitionData(input.local_state->Cast<SourceWorker>().batch_index);
}

unique_ptr<duckdb::NodeStatistics> Cardinality(ClientContext&, const duckdb::FunctionData* data) {
  const idx_t rows = data->Cast<SourceData>().source->rows;
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

}  // namespace

std::unique_ptr<BatchSources::Lease> BatchSources::Add(TableRef table,
                                                       std::vector<lake::BatchSlice> slices) {
  auto source = std::make_shared<BatchSource>();
  for (const auto& slice : slices) {
    source->rows += slice.rows.empty() ? slice.batch->rows : slice.rows.size();
  }
  source->table = std::move(table);
  source->slices = std::move(slices);
  MutexLock lock(mu_);
  sources_.emplace(++last_, std::move(source));
  return std::make_unique<Lease>(*this, last_);
}

std::shared_ptr<const BatchSource> BatchSources::Find(uint64_t number) const {
  MutexLock lock(mu_);
  const auto found = sources_.find(number);
  return found == sources_.end() ? nullptr : found->second;
}

void BatchSources::Remove(uint64_t number) {
  MutexLock lock(mu_);
  sources_.erase(number);
}

void BatchSources::Register(duckdb::DatabaseInstance& db) {
  duckdb::TableFunction function("varve_batches", {LogicalType::BIGINT}, ScanSource, BindSource,
                                 InitSource, InitWorker);
  function.projection_pushdown = true;
  function.get_partition_data = PartitionOf;
  function.cardinality = Cardinality;
  function.function_info = duckdb::make_shared_ptr<SourcesInfo>(*this);
  duckdb::ExtensionLoader loader(db, "varve_batches");
  loader.RegisterFunction(std::move(function));
}

}  // namespace varve::engine
