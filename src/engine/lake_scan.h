// Scans a table's Parquet files through DuckDB's own reader, over a list of files that we supply.
//
// Role:     redirection -> [MakeLakeScan] -> DuckDB's parquet_scan with our MultiFileList (which
//           files: the statement's snapshot, pruned by filters) and MultiFileReader (columns by
//           name, partition columns from the Delta log, a column that a file lacks is NULL).
// Limits:   nothing is listed or opened to make a plan.
// Threads:  the file list is immutable; DuckDB's workers open and read files side by side.
#pragma once

#include <duckdb.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/table_view.h"
#include "io/object_store.h"

namespace varve::engine {

// A scan of the view's files that gives what `get` asks of the table.
duckdb::unique_ptr<duckdb::LogicalGet> MakeLakeScan(duckdb::ClientContext& context,
                                                    duckdb::Binder& binder,
                                                    duckdb::idx_t table_index,
                                                    const duckdb::LogicalGet& get,
                                                    const TableView& view, io::ObjectStore& store);

}  // namespace varve::engine
