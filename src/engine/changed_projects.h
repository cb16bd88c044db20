// Finds out which projects' rows a DELETE or UPDATE may change, before it is planned.
//
// Role:     parsed statement, snapshot -> [ProjectsNamed, HoldsRowsOf] -> session, which chooses
//           the one part of the table that the statement changes.
// Threads:  pure functions.
#pragma once

#include <duckdb.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "buffer/buffer.h"
#include "model/schema.h"

namespace varve::engine {

using ProjectNames = std::set<std::string, std::less<>>;

// Those that `project_id = ...` or `project_id IN (...)` in its WHERE allows; nullopt: any.
std::optional<ProjectNames> ProjectsNamed(
    const duckdb::SQLStatement& statement,
    const duckdb::case_insensitive_map_t<duckdb::BoundParameterData>& values);

// An UPDATE that sets the column.
bool SetsColumn(const duckdb::SQLStatement& statement, std::string_view column);

// Whether the table, or part, may hold rows of these projects (nullopt: any rows) itself.
bool HoldsRowsOf(const buffer::SnapshotMap& snapshot, const TableDef& table,
                 const std::optional<ProjectNames>& projects);

}  // namespace varve::engine
