// Casts text in PostgreSQL's array syntax, '{a,"b c",NULL}', to lists.
//
// Role:     RegisterFunctions() -> [RegisterArrayCasts] -> DuckDB's casts, in place of DuckDB's own
//           syntax '[a, b]', which PostgreSQL refuses.
// Errors:   22P02 for text that is no array; the element type's own error for a bad element. Arrays
//           of arrays and subscripts ('[0:1]={..}') are 0A000.
#pragma once

#include <duckdb.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace varve::engine {

// The elements of an array's text; nullopt is NULL.
Result<std::vector<std::optional<std::string>>> ParseArrayText(std::string_view text);

void RegisterArrayCasts(duckdb::DatabaseInstance& db);

// cardinality() of arrays; DuckDB's is of maps, which PostgreSQL does not have.
void RegisterArrayFunctions(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
