// Takes possession of the data folder: one server at a time, and the node's own name.
//
// Layout:   LOCK (held while the server runs, holds its pid), node_id (a UUID, made at the first
//           start: the appId under which this node commits to Delta tables), log/, lake/, scratch/,
//           staged/, cache/, rings/, flushed/, tmp/ (what DuckDB spills), meta.duckdb,
//           projects.json, dashboards.json.
// Errors:   55006 when another server holds the folder; DataLoss when node_id is not readable.
// Threads:  used once, at start.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "io/file.h"

namespace varve {

struct DataDir {
  std::string path;  // absolute
  std::string node_id;
  std::unique_ptr<io::FileLock> lock;
  // The last server has left rows that were on their way to the lake: it was killed, or gave up.
  bool had_staged = false;

  std::string Sub(std::string_view name) const { return io::JoinPath(path, name); }
};

// Makes the folder if it is absent. What a crash left in scratch/ is removed.
Result<DataDir> OpenDataDir(io::FileSystem& files, const std::string& path);

// Once the lake knows of nothing that was on its way: a start that gives up before leaves the sign
// to the next one.
Status EmptyStaged(io::FileSystem& files, const DataDir& dir);

}  // namespace varve
