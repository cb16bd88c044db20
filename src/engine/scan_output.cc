#include "engine/scan_output.h"

#include <duckdb/storage/table/column_segment.hpp>

namespace varve::engine {

using duckdb::idx_t;

ScanOutput::ScanOutput(const duckdb::TableFunctionInitInput& input)
    : column_ids(input.column_ids), filters(input.filters) {
  if (input.CanRemoveFilterColumns()) {
    projection = input.projection_ids;
  } else {
    for (idx_t i = 0; i < column_ids.size(); i++) projection.push_back(i);
  }
}

const duckdb::TableFilter* ScanOutput::FilterOf(duckdb::column_t column) const {
  if (!filters) return nullptr;
  for (const auto& [place, filter] : filters->filters) {
    if (column_ids[place] == column) return filter.get();
  }
  return nullptr;
}

ScanRows::ScanRows(duckdb::ClientContext& context, const ScanOutput& output,
                   const duckdb::vector<duckdb::LogicalType>& types)
    : output_(output) {
  duckdb::vector<duckdb::LogicalType> read;
  for (const auto id : output.column_ids) read.push_back(types.at(id));
  rows.Initialize(context, read);
  if (!output.filters) return;
  for (const auto& [place, filter] : output.filters->filters) {
    states_[place] = duckdb::TableFilterState::Initialize(context, *filter);
  }
}

void ScanRows::Emit(idx_t count, duckdb::DataChunk& out) {
  duckdb::SelectionVector passing;
  idx_t left = count;
  for (const auto& [place, state] : states_) {
    auto& vector = rows.data[place];
    duckdb::UnifiedVectorFormat format;
    vector.ToUnifiedFormat(count, format);
    duckdb::ColumnSegment::FilterSelection(
        passing, vector, format, *output_.filters->filters.at(place), *state, count, left);
    if (left == 0) return out.SetCardinality(0);
  }
  for (idx_t i = 0; i < out.ColumnCount(); i++) {
    auto& vector = rows.data[output_.projection[i]];
    if (left == count) {
      out.data[i].Reference(vector);
    } else {
      out.data[i].Slice(vector, passing, left);
    }
  }
  out.SetCardinality(left);
}

}  // namespace varve::engine
