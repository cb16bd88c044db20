// Writes rows of one partition as a data file and describes it for the Delta log.
//
// Role:     flush, engine (UPDATE) -> [WriteDataFile] -> ParquetWriter; the DataFile goes into a
//           commit.
// Layout:   <partition path>/part-<uuid>.zstd.parquet, without the partition columns, whose values
//           are in the path and in the Delta log; sorted by the table's order.
// Errors:   the ParquetWriter's; Internal when it did not write every row. The local file may be
//           left behind then. Not done here: making it an object of the store.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/status.h"
#include "lake/parquet_writer.h"
#include "lake/partition_rows.h"
#include "model/file_set.h"

namespace varve::lake {

using PartitionValues = std::map<std::string, std::optional<std::string>, std::less<>>;

struct DataFileFormat {
  uint64_t row_group_bytes = 128u << 20;
  int zstd_level = 1;
};

// Which columns the table's data files have, and how they are sorted.
ParquetSpec SpecFor(const TableRef& table, const DataFileFormat& format);

// A name that no other data file has: "part-<uuid>.zstd.parquet".
std::string NewDataFileName();
// The file's path below the table's folder.
std::string DataFilePath(
    const TableDef& table,
    const std::map<std::string, std::optional<std::string>, std::less<>>& values,
    const std::string& file_name);

// Writes the group's rows to the local file `path`; the result has the path of DataFilePath.
Result<DataFile> WriteDataFile(ParquetWriter& parquet, const ParquetSpec& spec,
                               const PartitionGroup& group, const std::string& file_name,
                               const std::string& path);

}  // namespace varve::lake
