// Writes Parquet files and turns checkpoints into JSON and back; implemented by engine with DuckDB.
//
// Role:     flush, lake -> [ParquetWriter, CheckpointCodec] -> engine.
// Errors:   53100 disk full, 53200 out of memory, else Internal; a partial file may be left behind
//           and is the caller's to delete.
// Threads:  safe; both block.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/batch.h"

namespace varve::lake {

// Rows of one batch, by index; empty `rows`: all of them.
struct BatchSlice {
  BatchRef batch;
  std::vector<uint32_t> rows;
};

struct ParquetSpec {
  TableRef table;
  std::vector<uint32_t> columns;  // indexes of the columns to write (without partition columns)
  std::vector<SortKey> order;
  int zstd_level = 1;
  uint64_t row_group_bytes = 128u << 20;
};

struct ParquetResult {
  int64_t rows = 0;
  int64_t bytes = 0;
};

class ParquetWriter {
 public:
  virtual ~ParquetWriter() = default;
  // Sorts the slices' rows by spec.order and writes them to the local file `path`. Not synced here.
  virtual Result<ParquetResult> Write(const ParquetSpec& spec,
                                      const std::vector<BatchSlice>& slices,
                                      const std::string& path) = 0;
};

class CheckpointCodec {
 public:
  virtual ~CheckpointCodec() = default;
  // One Delta action per line of JSON <-> a classic single-file checkpoint in Parquet.
  virtual Status WriteCheckpoint(const std::string& actions_ndjson,
                                 const std::string& parquet_path) = 0;
  virtual Result<std::string> ReadCheckpoint(const std::string& parquet_path) = 0;
};

}  // namespace varve::lake
