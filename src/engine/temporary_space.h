// Keeps statements that spill from filling the disk.
//
// Role:     database (an instance opens), session (each statement), main (a job of each second) ->
//           [LimitTemporarySpace] -> DuckDB's limit for its temporary files.
// Units:    bytes.
// Threads:  safe.
#pragma once

#include <cstdint>
#include <string>

namespace duckdb {
class DatabaseInstance;
}  // namespace duckdb

namespace varve::engine {

class SqlEngine;

// Room that stays free for log, rings and flushes: a tenth of the disk, at most 2 GiB. More than
// the disk cache leaves, so that a statement does not empty that.
constexpr uint64_t KeptFree(uint64_t total_bytes) {
  constexpr uint64_t kKeptBytes = uint64_t{2} << 30;
  constexpr uint64_t kKeptShare = 10;
  return total_bytes / kKeptShare < kKeptBytes ? total_bytes / kKeptShare : kKeptBytes;
}

// Lets the temporary files of all statements together take what they have and what is free now, but
// for what stays free. Leaves the limit as it is when the disk does not say.
void LimitTemporarySpace(duckdb::DatabaseInstance& db, const std::string& data_dir);
// While statements run, others write to the same disk.
void LimitTemporarySpace(SqlEngine& engine, const std::string& data_dir);

}  // namespace varve::engine
