// Makes and reads the statistics of a data file as the Delta log has them.
//
// Role:     flush (rows of a new file) -> DescribeRows -> DataFile -> StatsJson -> the add action;
//           the add action -> ReadStats -> DataFile.
// Layout:   {"numRecords":n,"minValues":{..},"maxValues":{..},"nullCount":{..}}; Delta protocol,
//           "Per-file Statistics". Instants in ISO with milliseconds, the minimum rounded down and
//           the maximum up; text of more than kTextPrefixChars characters is cut, the maximum then
//           raised so that it still is an upper bound.
// Limits:   no minimum and maximum for boolean, jsonb, bytea and arrays, for floats with a NaN or
//           an infinity, for dates and instants outside years 1 to 9999.
// Errors:   none; what cannot be said is left out, what cannot be read is as if left out.
// Threads:  pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lake/parquet_writer.h"
#include "model/file_set.h"
#include "model/schema.h"

namespace varve::lake {

// Statistics of the chosen rows: numRecords, and min/max/nullCount of the columns that Delta
// readers prune by, partition columns left out because files do not hold them. time_range is exact.
DataFile DescribeRows(const TableRef& table, const std::vector<BatchSlice>& slices);

std::string StatsJson(const TableDef& table, const DataFile& file);

// Fills rows, stats and time_range of `file` with what `json` says of the table's columns. An
// instant's maximum may have been cut to milliseconds: time_range.max covers what was cut off.
void ReadStats(std::string_view json, const TableDef& table, DataFile& file);

}  // namespace varve::lake
