// Rewrites the filters that DuckDB hands to the reader of a data file where they would miss rows
// or fail.
//
// Role:     lake scan -> [FiltersForFile] -> DuckDB's Parquet reader. UUIDs are strings in files:
//           DuckDB cannot turn a join's bloom filter on one into the other, and fails instead of
//           leaving the filter out. 0 and -0 are equal, but not to the bloom filter of a file.
// Threads:  pure functions.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/multi_file/multi_file_reader.hpp>
#include <duckdb/planner/table_filter.hpp>

namespace varve::engine {

// All filters, those in another form that the reader cannot be given as they are; nullptr when it
// can be given all. What is left out is checked again above the scan.
duckdb::unique_ptr<duckdb::TableFilterSet> FiltersForFile(
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
    const duckdb::vector<duckdb::ColumnIndex>& column_ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters);

}  // namespace varve::engine
