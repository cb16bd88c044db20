// Merges data files of one partition into one sorted file; implemented by engine with DuckDB.
//
// Role:     maintenance (compaction) -> [FileRewriter] -> engine.
// Limits:   works within memory_bytes_max whatever the files hold, but for the row group that is
//           being written: sorted files are merged while they are read, others are sorted on disk.
// Errors:   57014 when `stopped` said so; FailedPrecondition when a file holds a column that the
//           table's definition does not have, because its values would be lost; 53100, 53200. A
//           partial result may be left behind and is the caller's to delete.
// Threads:  safe; blocks.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "lake/parquet_writer.h"
#include "model/file_set.h"

namespace varve::lake {

struct RewriteInput {
  std::shared_ptr<const DataFile> file;
  std::string path;  // local
};

struct RewriteSpec {
  ParquetSpec format;
  std::vector<RewriteInput> inputs;
  std::string path;         // of the result
  std::string scratch_dir;  // for what does not fit into memory
  uint64_t memory_bytes_max = uint64_t{256} << 20;
  std::function<bool()> stopped;  // asked often
};

struct RewriteResult {
  int64_t rows = 0;
  int64_t bytes = 0;
  bool sorted_again = false;  // at least one input was not in the table's order
  // For each input, the table's columns that it does not have.
  std::vector<std::set<std::string>> absent;
};

class FileRewriter {
 public:
  virtual ~FileRewriter() = default;
  virtual Result<RewriteResult> Rewrite(const RewriteSpec& spec) = 0;
};

}  // namespace varve::lake
