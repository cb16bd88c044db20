// Gives DuckDB of a scan's rows what it asked for: chosen columns of the rows that pass the filters
// it has pushed down.
//
// Role:     a table function fills ScanRows::rows -> [ScanRows::Emit] -> DuckDB.
// Threads:  a ScanOutput is shared and constant; each worker has ScanRows of its own.
#pragma once

#include <duckdb.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/planner/table_filter.hpp>
#include <duckdb/planner/table_filter_state.hpp>
#include <map>
#include <vector>

namespace varve::engine {

struct ScanOutput {
  explicit ScanOutput(const duckdb::TableFunctionInitInput& input);

  // nullptr: there is none.
  const duckdb::TableFilter* FilterOf(duckdb::column_t column) const;

  duckdb::vector<duckdb::column_t> column_ids;
  duckdb::vector<duckdb::idx_t> projection;  // output column -> place in column_ids
  duckdb::optional_ptr<duckdb::TableFilterSet> filters;
};

class ScanRows {
 public:
  // `types`: of all columns that the function has.
  ScanRows(duckdb::ClientContext& context, const ScanOutput& output,
           const duckdb::vector<duckdb::LogicalType>& types);

  // To be filled, by place in column_ids.
  duckdb::DataChunk rows;

  // Puts those of the first `count` rows that pass into `out`, which may then be empty. `rows` must
  // live until DuckDB is done with `out`, and be reset before it is filled again.
  void Emit(duckdb::idx_t count, duckdb::DataChunk& out);
  // Calls `fill`, which puts the next rows into `rows` and says how many, until some of them pass,
  // or there are none left: then `out` is empty, which ends the scan.
  template <typename Fill>
  void EmitNext(duckdb::DataChunk& out, Fill fill) {
    while (const duckdb::idx_t count = fill()) {
      Emit(count, out);
      if (out.size() > 0) return;
      out.Reset();
    }
  }

 private:
  const ScanOutput& output_;
  std::map<duckdb::idx_t, duckdb::unique_ptr<duckdb::TableFilterState>> states_;
};

}  // namespace varve::engine
