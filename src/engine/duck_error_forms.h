// Knows the fixed messages of DuckDB that carry no field telling what happened, and PostgreSQL's
// words for them.
//
// Role:     FromDuckError() -> [duck_error_forms], after DuckDB's own fields did not tell.
//           The forms are those of DuckDB 1.5.6; its unit test provokes each through the engine, so
//           that a new version that words one differently is noticed.
#pragma once

#include <duckdb.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::engine {

std::optional<Status> FromKnownForm(duckdb::ExceptionType type, const std::string& message);

// `lower(INTEGER_LITERAL, VARCHAR)` as PostgreSQL writes it: `lower(integer, character varying)`.
std::string PostgresCall(const std::string& call);
// `+(integer, date)` as PostgreSQL writes an operator: `integer + date`.
std::string OperatorCall(const std::string& call);

}  // namespace varve::engine
