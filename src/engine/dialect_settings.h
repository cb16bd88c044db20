// Sets the DuckDB options that bring its dialect closer to PostgreSQL's.
//
// Role:     engine start -> [ConfigureDialect] -> duckdb::DuckDB's constructor.
// Threads:  call on a configuration that no instance uses yet.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

// NULLs last ascending and first descending, UTC; extensions neither installed nor loaded by name.
// Throws duckdb's exceptions for an option that this DuckDB does not have.
void ConfigureDialect(duckdb::DBConfig& config);

}  // namespace varve::engine
