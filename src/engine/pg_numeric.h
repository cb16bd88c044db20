// Adds what `x::numeric` without a precision becomes.
//
// Role:     RewriteDialect() -> varve_numeric(x) -> [RegisterNumeric] binds it to a DECIMAL that
//           holds x: integers without digits after the point, a literal with the digits it has, a
//           double with 15, other text with kQuotientScale.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

void RegisterNumeric(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
