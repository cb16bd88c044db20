// Brings queries of DuckDB on without wasting a core.
//
// Role:     the statements of sessions and of the engine itself -> [ExecutePending, FetchChunk].
// Why:      DuckDB's own loops try again at once for as long as a worker thread has the query's
//           last task. A flush spent 59 % of its processor time that way, taken from other work.
// Errors:   as DuckDB's: an exception, or a result that has an error.
// Threads:  as the result's own: one thread at a time.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

// As pending.Execute().
duckdb::unique_ptr<duckdb::QueryResult> ExecutePending(duckdb::PendingQueryResult& pending);

// As result.FetchRaw().
duckdb::unique_ptr<duckdb::DataChunk> FetchChunk(duckdb::QueryResult& result);

}  // namespace varve::engine
