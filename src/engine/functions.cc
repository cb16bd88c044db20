#include "engine/functions.h"

#include <duckdb/main/config.hpp>

#include "engine/first_last.h"
#include "engine/percentile.h"
#include "engine/pg_aggregates.h"
#include "engine/pg_arithmetic.h"
#include "engine/pg_round.h"
#include "engine/time_bucket.h"

namespace varve::engine {

void RegisterFunctions(duckdb::DatabaseInstance& db) {
  // A quoted file name in FROM must not become a scan of that file; the extensions that are built
  // into the library have added theirs by now.
  duckdb::DBConfig::GetConfig(db).replacement_scans.clear();
  RegisterTimeBucket(db);
  RegisterFirstLast(db);
  RegisterPercentile(db);
  RegisterArithmetic(db);
  RegisterRounding(db);
  RegisterAggregates(db);
}

}  // namespace varve::engine
