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
#include <string>

#include "cache/block_cache.h"
#include "io/store_set.h"

namespace varve::engine {

// The file at `path` (a local path or varve://...) as a scan of ours opens it.
duckdb::OpenFileInfo ScanFile(const std::string& path, uint64_t bytes);

// Makes varve:// known to the instance. `stores` and `cache` outlive it.
void RegisterStoreFiles(duckdb::DatabaseInstance& db, const io::StoreSet& stores,
                        cache::BlockCache& cache);

}  // namespace varve::engine
