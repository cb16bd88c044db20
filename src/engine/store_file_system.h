// Opens objects of our stores as files for DuckDB: varve://<store>/<object>.
//
// Role:     lake scan -> DuckDB's parquet reader -> [StoreFileSystem] -> cache::BlockCache.
// Limits:   read-only, at known positions. Only a file that ScanFile() describes opens: its size
//           comes from the Delta log, without a request. A path from anywhere else, a user's SQL
//           above all, gets 42501, whatever DuckDB's own access settings say.
// Errors:   thrown as DuckDB's, with the store's Status within (duck_guard.h).
// Threads:  safe; reads block on the store.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/file_system.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cache/block_cache.h"
#include "io/store_set.h"

namespace varve::engine {

// A file that a scan is going to open some time after another one.
struct ComingFile {
  std::string path;
  uint64_t bytes = 0;
};

// The file at `path` (a local path or varve://...) as a scan of ours opens it. When it is opened,
// what a reader looks at first in `coming` is fetched as well.
duckdb::OpenFileInfo ScanFile(const std::string& path, uint64_t bytes,
                              std::vector<ComingFile> coming = {});

// What handles that are opened with `file` from now on read together. `file` is of ScanFile.
void SetReadPlan(const duckdb::OpenFileInfo& file, std::shared_ptr<const cache::ReadPlan> plan);

// Makes varve:// known to the instance. `stores` and `cache` outlive it.
void RegisterStoreFiles(duckdb::DatabaseInstance& db, const io::StoreSet& stores,
                        cache::BlockCache& cache);

}  // namespace varve::engine
