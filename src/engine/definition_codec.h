// Turns a table definition into JSON and back, as meta.duckdb keeps it.
//
// Layout:   {"id", "schema_version", "schema", "table", "columns": [{"id", "name", "type",
//           "nullable", "bloom", "default"}], "time_column", "partition_by": [name], "sort_by":
//           [{"column", "descending"}], "derived_date", "location", "retention_us"}. Columns are
//           named, not numbered; unknown members are ignored, so that an older server can read on.
// Errors:   DataLoss: the text is not such a definition.
// Threads:  no shared state.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "model/schema.h"

namespace varve::engine {

std::string EncodeDefinition(const TableDef& table);
Result<TableDef> DecodeDefinition(std::string_view json);

}  // namespace varve::engine
