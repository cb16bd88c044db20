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

// The same for the table that a DELETE or UPDATE changes: the row id is the row's address in
// view.files (row_address.h). The operator on top has the bindings of `get`.
duckdb::unique_ptr<duckdb::LogicalOperator> MakeAddressedScan(duckdb::ClientContext& context,
                                                              duckdb::Binder& binder,
                                                              const duckdb::LogicalGet& get,
                                                              const TableView& view,
                                                              io::ObjectStore& store);

// Every row of one file, outside any statement on the table: the columns `columns` of the table
// (ToPlainDuck), then the row's number, in the order of the file. The scan throws 0A000 when the
// file has a column that the table has not: its values would be lost.
duckdb::unique_ptr<duckdb::LogicalGet> MakeFileScan(
    duckdb::ClientContext& context, duckdb::Binder& binder, duckdb::idx_t table_index,
    const TableRef& table, const std::vector<uint32_t>& columns,
    const std::shared_ptr<const DataFile>& file, io::ObjectStore& store);

}  // namespace varve::engine
