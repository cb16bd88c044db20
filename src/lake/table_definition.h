// Keeps a table's definition in its Delta table, and reads the definition of any Delta table.
//
// Role:     TableDef -> DefinitionValue -> the metaData action; metaData -> ReadDefinition -> a
//           server that has never heard of the table.
// Layout:   configuration "varve.table": {"v":1,"schema","table","time_column","sort_by":
//           [[column, descending]],"derived_date","bloom":[column],"defaults":{column: SQL},
//           "retention_us"}; columns, types and partitions are the Delta schema's. Specified in
//           docs/formats/delta.md. "varve.dropped": the table was dropped, its files are going.
// Errors:   0A000 with the column's name for what a Varve table cannot hold; DataLoss for a value
//           that breaks the format; 42P16 when no column can be the time column.
// Threads:  pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "lake/actions.h"
#include "model/schema.h"

namespace varve::lake {

inline constexpr std::string_view kDefinitionKey = "varve.table";
inline constexpr std::string_view kDroppedKey = "varve.dropped";

std::string DefinitionValue(const TableDef& table);

// Whether two versions of a table are defined alike. Columns are only ever added, so that as many
// are the same ones; the numbers of the versions do not count.
bool SameDefinition(const TableDef& a, const TableDef& b);

// True when Varve made the table, or changed it since: the metaData says more than columns.
bool HasDefinition(const Metadata& metadata);

// The table at `location`, without an id. Of a table that others made: named like its folder
// ("raw.readings" lies in schema raw), with `timestamp` or its only timestamptz as time column.
Result<TableDef> ReadDefinition(const Metadata& metadata, std::string_view location);

// `mine` with what `lake` says: its options, columns that only it has (after the others, with new
// ids where theirs are taken), and the rest as it was. FailedPrecondition when a column has two
// types, or time column or partitions differ: no server may serve such a table as `mine`.
Result<TableDef> Reconcile(const TableDef& mine, const TableDef& lake, bool lake_has_options);

}  // namespace varve::lake
