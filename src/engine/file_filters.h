// Leaves out data files that cannot hold a row which passes the statement's filters.
//
// Role:     lake scan (DuckDB's filters, as expressions while planning and as table filters when
//           the scan starts) -> [Prune...] by partition values and column statistics of the Delta
//           log. A filter on the time column also prunes partitions of the `date` derived from it.
// Errors:   none: what is not understood keeps the file.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/multi_file/multi_file_list.hpp>
#include <duckdb/planner/table_filter.hpp>
#include <memory>
#include <vector>

#include "model/file_set.h"
#include "model/schema.h"

namespace varve::engine {

std::vector<std::shared_ptr<const DataFile>> PruneByExpressions(
    const TableDef& table, const duckdb::vector<std::string>& names,
    const duckdb::MultiFilePushdownInfo& push,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters,
    const std::vector<std::shared_ptr<const DataFile>>& files);

std::vector<std::shared_ptr<const DataFile>> PruneByTableFilters(
    const TableDef& table, const duckdb::vector<std::string>& names,
    const duckdb::vector<duckdb::column_t>& column_ids, const duckdb::TableFilterSet& filters,
    const std::vector<std::shared_ptr<const DataFile>>& files);

}  // namespace varve::engine
