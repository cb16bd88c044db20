#include "lake/data_file.h"

#include <algorithm>

#include "base/uuid.h"
#include "lake/file_stats.h"
#include "lake/partition_path.h"

namespace varve::lake {

ParquetSpec SpecFor(const TableRef& table, const DataFileFormat& format) {
  const auto is_partition = [&](uint32_t column) {
    const auto& partitions = table->partition_columns;
    return std::find(partitions.begin(), partitions.end(), column) != partitions.end();
  };
  ParquetSpec spec;
  spec.table = table;
  spec.zstd_level = format.zstd_level;
  spec.row_group_bytes = format.row_group_bytes;
  for (uint32_t column = 0; column < table->columns.size(); ++column) {
    if (!is_partition(column)) spec.columns.push_back(column);
  }
  for (const SortKey& key : table->sort_order) {
    if (!is_partition(key.column)) spec.order.push_back(key);
  }
  return spec;
}

std::string NewDataFileName() { return "part-" + Uuid::MakeV4().ToString() + ".zstd.parquet"; }

std::string DataFilePath(
    const TableDef& table,
    const std::map<std::string, std::optional<std::string>, std::less<>>& values,
    const std::string& file_name) {
  const std::string folder = PartitionPath(table, values);
  return folder.empty() ? file_name : folder + "/" + file_name;
}

Result<DataFile> WriteDataFile(ParquetWriter& parquet, const ParquetSpec& spec,
                               const PartitionGroup& group, const std::string& file_name,
                               const std::string& path) {
  VARVE_ASSIGN_OR_RETURN(const ParquetResult written, parquet.Write(spec, group.slices, path));
  DataFile file = DescribeRows(spec.table, group.slices);
  // Rows lost here would be lost for good once the log is cut.
  if (written.rows != group.rows || file.rows != group.rows) {
    return Internal("a data file of {} has {} rows written and {} described, not {}",
                    spec.table->name.ToString(), written.rows, file.rows.value_or(-1), group.rows);
  }
  file.path = DataFilePath(*spec.table, group.values, file_name);
  file.bytes = written.bytes;
  file.partition_values = group.values;
  return file;
}

}  // namespace varve::lake
