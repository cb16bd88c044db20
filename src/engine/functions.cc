#include "engine/functions.h"

#include <duckdb/main/config.hpp>

namespace varve::engine {

void RegisterFunctions(duckdb::DatabaseInstance& db) {
  // A quoted file name in FROM must not become a scan of that file; the extensions that are built
  // into the library have added theirs by now.
  duckdb::DBConfig::GetConfig(db).replacement_scans.clear();
}

}  // namespace varve::engine
