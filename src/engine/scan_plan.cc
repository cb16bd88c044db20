#include "engine/scan_plan.h"

#include <algorithm>
#include <duckdb/planner/table_filter.hpp>
#include <duckdb/storage/object_cache.hpp>
#include <parquet_file_metadata_cache.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace varve::engine {
namespace {

// By name of the column: whether a filter must be evaluated on it before others are read.
std::unordered_map<std::string, bool> ColumnsRead(duckdb::BaseFileReader& reader) {
  std::unordered_map<std::string, bool> columns;
  for (duckdb::idx_t i = 0; i < reader.column_ids.size(); i++) {
    const auto id = reader.column_ids[duckdb::MultiFileLocalIndex(i)].GetId();
    if (id >= reader.columns.size()) continue;
    bool has_filter = false;
    if (reader.filters) {
      const auto filter = reader.filters->filters.find(i);
      has_filter = filter != reader.filters->filters.end() &&
                   filter->second->filter_type != duckdb::TableFilterType::OPTIONAL_FILTER;
    }
    columns[reader.columns[id].name] = has_filter;
  }
  return columns;
}

cache::ByteRange RangeOf(const duckdb_parquet::ColumnMetaData& chunk) {
  auto begin = chunk.data_page_offset;
  if (chunk.__isset.dictionary_page_offset && chunk.dictionary_page_offset > 0) {
    begin = std::min(begin, chunk.dictionary_page_offset);
  }
  const auto from = static_cast<uint64_t>(std::max<int64_t>(begin, 0));
  return {from, from + static_cast<uint64_t>(std::max<int64_t>(chunk.total_compressed_size, 0))};
}

}  // namespace

std::shared_ptr<const cache::ReadPlan> PlanOfScan(duckdb::ClientContext& context,
                                                  duckdb::BaseFileReader& reader) {
  const auto footer = duckdb::ObjectCache::GetObjectCache(context)
                          .GetWithTypePrefix<duckdb::ParquetFileMetadataCache>(reader.file.path);
  if (!footer || !footer->metadata) return nullptr;
  const auto columns = ColumnsRead(reader);
  std::vector<cache::ReadPlan::Group> groups;
  for (const auto& row_group : footer->metadata->row_groups) {
    cache::ReadPlan::Group filtered;
    cache::ReadPlan::Group rest;
    for (const auto& chunk : row_group.columns) {
      if (chunk.meta_data.path_in_schema.empty()) continue;
      const auto column = columns.find(chunk.meta_data.path_in_schema.front());
      if (column == columns.end()) continue;
      (column->second ? filtered : rest).push_back(RangeOf(chunk.meta_data));
    }
    if (!filtered.empty()) groups.push_back(std::move(filtered));
    if (!rest.empty()) groups.push_back(std::move(rest));
  }
  return std::make_shared<cache::ReadPlan>(std::move(groups));
}

}  // namespace varve::engine
