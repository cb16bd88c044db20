// Runs the benchmarks' statements on plain DuckDB over the Parquet files of a table: the peer that
// Varve's answer times are compared with, in the same process run and on the same files.
//
// Errors:   std::runtime_error with DuckDB's message.
// Threads:  single owner; DuckDB itself uses `threads`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace varve::bench {

class DuckDbPeer {
 public:
  // `files` of a Delta table appear as view `name`, their partition columns read from their paths.
  DuckDbPeer(const std::string& name, const std::vector<std::string>& files, int threads);
  ~DuckDbPeer();
  DuckDbPeer(const DuckDbPeer&) = delete;
  DuckDbPeer& operator=(const DuckDbPeer&) = delete;

  // The rows of the result, computed in full.
  int64_t CountRows(const std::string& sql);

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

}  // namespace varve::bench
