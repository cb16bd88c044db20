// Turns the client's parameter values into DuckDB's.
//
// Role:     Session::Execute (text form of PostgreSQL) -> [ParameterValue] -> the plan, in which a
//           parameter is a constant: it prunes files and folds as a literal would.
// Errors:   22P02, 22007, 22003: the text is no value of the type; names type and text.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>

#include "base/status.h"
#include "engine/session.h"
#include "engine/text_cast.h"

namespace varve::engine {

// `type` kUnknown: text. A list is in PostgreSQL's form {a,"b c",NULL}.
Result<duckdb::Value> ParameterValue(duckdb::ClientContext& context, const TextReaders& readers,
                                     const Type& type, const ParameterText& text);

}  // namespace varve::engine
