// Turns DuckDB's errors into PostgreSQL's: SQLSTATE, wording where it is simple, position.
//
// Role:     DuckDB -> [FromDuckError] -> server/core, which sends it to the client.
// Errors:   what cannot be told apart by DuckDB's type and extra fields is told by its fixed
//           message forms; anything else is XX000 with DuckDB's own text.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>
#include <string_view>

#include "base/status.h"

namespace varve::engine {

// `statement_text`: the text that DuckDB's byte positions refer to; the Status carries characters.
Status FromDuckError(const duckdb::ErrorData& error, std::string_view statement_text);

}  // namespace varve::engine
