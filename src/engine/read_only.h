// Keeps a session that may only read from doing more.
//
// Role:     DuckSession, for a session with a RingScope -> [CheckOnlyReads]; functions that act,
//           as varve.flush -> [RefuseToAct].
// Errors:   25006, as PostgreSQL's read-only transactions.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::engine {

// Lets SELECT, VALUES, SHOW and their EXPLAIN pass, when no part of them does more.
Status CheckOnlyReads(const duckdb::SQLStatement& statement);

// The error for `what` in such a session.
Status ReadOnlyRefusal(std::string_view what);

// Throws when the context's session may only read.
void RefuseToAct(duckdb::ClientContext& context, const std::string& function);

}  // namespace varve::engine
