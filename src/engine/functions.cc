#include "engine/functions.h"

#include <duckdb/main/config.hpp>
#include <duckdb/main/extension/extension_loader.hpp>

#include "engine/array_cast.h"
#include "engine/first_last.h"
#include "engine/percentile.h"
#include "engine/pg_aggregates.h"
#include "engine/pg_arithmetic.h"
#include "engine/pg_numeric.h"
#include "engine/pg_round.h"
#include "engine/series_functions.h"
#include "engine/session_functions.h"
#include "engine/time_bucket.h"
#include "engine/utc_dates.h"

namespace varve::engine {

namespace {

// Names of types that DuckDB's parser passes on as they are.
void RegisterTypes(duckdb::DatabaseInstance& db) {
  duckdb::ExtensionLoader loader(db, "varve");
  loader.RegisterType("jsonb", duckdb::LogicalType::JSON());
}

}  // namespace

void RegisterFunctions(duckdb::DatabaseInstance& db) {
  // A quoted file name in FROM must not become a scan of that file; the extensions that are built
  // into the library have added theirs by now.
  duckdb::DBConfig::GetConfig(db).replacement_scans.clear();
  RegisterSessionFunctions(db);
  RegisterNumeric(db);
  RegisterTypes(db);
  RegisterTimeBucket(db);
  RegisterUtcDates(db);
  RegisterArrayCasts(db);
  RegisterArrayFunctions(db);
  RegisterFirstLast(db);
  RegisterPercentile(db);
  RegisterArithmetic(db);
  RegisterRounding(db);
  RegisterAggregates(db);
  RegisterSeriesFunctions(db);
}

}  // namespace varve::engine
