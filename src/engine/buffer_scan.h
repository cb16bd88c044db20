// Scans rows in memory as a DuckDB table function with filters and projection pushed into it.
//
// Role:     redirection -> [MakeBufferScan] -> DuckDB's optimizer and executor.
// Layout:   newest segment first and newest rows of it first, so that a Top-N on time stops early;
//           a segment is left out when the time range contradicts a filter, also one that a running
//           join or Top-N supplies.
// Threads:  DuckDB's workers share one scan; each takes vectors of 2,048 rows.
#pragma once

#include <duckdb.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/table_view.h"

namespace varve::engine {

// A scan of the view's resident rows that gives what `get` asks of the table.
duckdb::unique_ptr<duckdb::LogicalGet> MakeBufferScan(duckdb::idx_t table_index,
                                                      const duckdb::LogicalGet& get,
                                                      const TableView& view);

// A scan of chosen columns of batches outside any table statement: the flusher's input.
struct BatchScanSource {
  TableRef table;
  std::vector<ResidentRows> rows;
};
duckdb::TableFunction BufferScanFunction();
duckdb::unique_ptr<duckdb::FunctionData> BufferScanData(
    const BatchScanSource& source, const duckdb::vector<duckdb::string>& names);

}  // namespace varve::engine
