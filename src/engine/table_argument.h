// Reads the arguments of functions that name tables, as varve.flush(t) and varve.compact(t) do.
//
// Role:     functions of schema varve -> [ResolveTable, ResolveWithParts] -> what the session's
//           snapshot of definitions has under that name.
// Errors:   42P01, thrown as DuckDB's exceptions are, for what is not a Varve table.
// Threads:  the statement's.
#pragma once

#include <duckdb.hpp>
#include <functional>
#include <string>
#include <vector>

#include "model/schema.h"

namespace varve::engine {

TableRef ResolveTable(duckdb::ClientContext& context, const std::string& text);
// The same, and its parts after it.
std::vector<TableRef> ResolveWithParts(duckdb::ClientContext& context, const std::string& text);

// Sets `result` to what `act` gives for each text of the only argument; NULL gives NULL.
void ForEachText(duckdb::DataChunk& args, duckdb::Vector& result,
                 const std::function<duckdb::Value(const std::string&)>& act);

}  // namespace varve::engine
