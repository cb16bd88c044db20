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

struct SourceScan : duckdb::GlobalTableFunctionState {
  idx_t vectors = 0;
  std::atomic<idx_t> next{0};
  duckdb::vector<duckdb::column_t> column_ids;
  idx_t MaxThreads() const override { return vectors / 10 + 1; }
};

struct SourceWorker : duckdb::LocalTableFunctionState {
  Batch gathered;  // what the last chunk's vectors point into
  idx_t batch_index = 0;
};

unique_ptr<duckdb::FunctionData> BindSource(ClientContext&, duckdb::TableFunctionBindInput& input,
                                            duckdb::vector<LogicalType>& types,
                                            duckdb::vector<std::string>& names) {
  auto data = duckdb::make_uniq<SourceData>();
  const auto number = input.inputs.at(0).GetValue<int64_t>();
  data->source = static_cast<SourcesInfo&>(*input.info).sources.Find(static_cast<uint64_t>(number));
  if (!data->source) throw duckdb::BinderException("varve_batches(%d) is not there", number);
  for (const auto& column : data->source->table->columns) {
    names.push_back(column.name);
    types.push_back(ToPlainDuck(column.type));
  }
  return data;
}

unique_ptr<duckdb::GlobalTableFunctionState> InitSource(ClientContext&,
                                                        duckdb::TableFunctionInitInput& input) {
  auto scan = duckdb::make_uniq<SourceScan>();
  const auto rows = input.bind_data->Cast<SourceData>().source->rows.size();
  scan->vectors = (rows + STANDARD_VECTOR_SIZE - 1) / STANDARD_VECTOR_SIZE;
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
  if (k >= scan.vectors) return;
  worker.batch_index = k;
  const idx_t begin = k * STANDARD_VECTOR_SIZE;
  const auto count = std::min<idx_t>(source.rows.size() - begin, STANDARD_VECTOR_SIZE);
  worker.gathered = Gather(source.batches, std::span(source.rows).subspan(begin, count));
  for (idx_t i = 0; i < scan.column_ids.size(); i++) {
    const auto id = scan.column_ids[i];
    const auto& columns = source.table->columns;
    const Column* column = id < columns.size() ? worker.gathered.Find(columns[id].id) : nullptr;
    if (column == nullptr) {
      out.data[i].Reference(duckdb::Value(out.data[i].GetType()));
    } else {
      ReferenceColumn(*column, 0, static_cast<uint32_t>(count), out.data[i]);
    }
  }
  out.SetCardinality(count);
}

duckdb::OperatorPartitionData PartitionOf(ClientContext&,
                                          duckdb::TableFunctionGetPartitionInput& input) {
  return duckdb::OperatorPartitionData(input.local_state->Cast<SourceWorker>().batch_index);
}

unique_ptr<duckdb::NodeStatistics> Cardinality(ClientContext&, const duckdb::FunctionData* data) {
  const idx_t rows = data->Cast<SourceData>().source->rows.size();
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

}  // namespace

std::unique_ptr<BatchSources::Lease> BatchSources::Add(BatchSource source) {
  auto kept = std::make_shared<const BatchSource>(std::move(source));
  MutexLock lock(mu_);
  sources_.emplace(++last_, std::move(kept));
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
