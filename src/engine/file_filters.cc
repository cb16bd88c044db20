#include "engine/file_filters.h"

namespace varve::engine {

std::vector<std::shared_ptr<const DataFile>> PruneByExpressions(
    const TableDef&, const duckdb::vector<std::string>&, const duckdb::MultiFilePushdownInfo&,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>&,
    const std::vector<std::shared_ptr<const DataFile>>& files) {
  return files;
}

std::vector<std::shared_ptr<const DataFile>> PruneByTableFilters(
    const TableDef&, const duckdb::vector<std::string>&, const duckdb::vector<duckdb::column_t>&,
    const duckdb::TableFilterSet&, const std::vector<std::shared_ptr<const DataFile>>& files) {
  return files;
}

}  // namespace varve::engine
