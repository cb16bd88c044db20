// Throws an error out of a DuckDB callback that keeps its SQLSTATE up to the client.
//
// Role:     our functions inside DuckDB -> [ThrowSqlError] -> DuckDB -> FromDuckError().
#pragma once

#include <duckdb.hpp>
#include <string>

#include "base/status.h"

namespace varve::engine {

inline constexpr const char* kSqlStateField = "varve_sqlstate";

// Throws duckdb::Exception of type INVALID_INPUT whose extra fields carry `state`: an error of the
// statement, never one that would invalidate the instance.
[[noreturn]] void ThrowSqlError(SqlState state, const std::string& message);

// 22003: a number that a value of `type` cannot hold.
[[noreturn]] void ThrowOutOfRange(const char* type);

}  // namespace varve::engine
