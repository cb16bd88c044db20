// Tells the block cache which parts of a Parquet file a scan will read together.
//
// Role:     lake scan, with a file that DuckDB has just opened -> [PlanOfScan] -> cache::ReadPlan.
// Layout:   two groups for each row group: columns with a filter, which DuckDB reads first, and the
//           rest, which it reads only if a row is left. Without a filter all are one group.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/multi_file/base_file_reader.hpp>
#include <memory>

#include "cache/read_plan.h"

namespace varve::engine {

// Takes the footer from DuckDB's Parquet metadata cache, where it is since the file was opened;
// nullptr when it has been evicted, and every read is then on its own.
std::shared_ptr<const cache::ReadPlan> PlanOfScan(duckdb::ClientContext& context,
                                                  duckdb::BaseFileReader& reader);

}  // namespace varve::engine
