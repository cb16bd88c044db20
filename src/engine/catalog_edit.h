// Reads and replaces functions in DuckDB's system catalogue.
//
// Role:     the files that register functions -> [catalog_edit] -> DuckDB.
//           A user's call finds a replaced function first because there is no other of that name.
// Errors:   throw duckdb's exceptions: they run while an instance starts.
// Threads:  before the instance serves.
#pragma once

#include <duckdb.hpp>
#include <duckdb/function/function_set.hpp>
#include <string>

namespace varve::engine {

// A copy of every overload of `name`; an empty set when there is no such function.
duckdb::ScalarFunctionSet ScalarFunctionsOf(duckdb::DatabaseInstance& db, const std::string& name);
duckdb::AggregateFunctionSet AggregatesOf(duckdb::DatabaseInstance& db, const std::string& name);

// Drops DuckDB's own macro of that name, if there is one, so that a function can have it.
void DropMacro(duckdb::DatabaseInstance& db, const std::string& name);

// Makes the set the only function of its name.
void ReplaceFunction(duckdb::DatabaseInstance& db, duckdb::ScalarFunctionSet set);
void ReplaceFunction(duckdb::DatabaseInstance& db, duckdb::AggregateFunctionSet set);

// Adds overloads to those that exist; one with the same argument types takes the place of the old.
void AddOverloads(duckdb::DatabaseInstance& db, duckdb::ScalarFunctionSet set);
void AddOverloads(duckdb::DatabaseInstance& db, duckdb::AggregateFunctionSet set);

}  // namespace varve::engine
