// Reads table definitions written in YAML (schemas/*.yaml): the tables that ship with the server.
//
// Role:     main (texts built into the binary) -> [ParseSchemaFile] -> engine, which creates the
//           tables.
// Layout:   table, schema, time_column, partition_by: [..], sort_by: [column [asc|desc], ..],
//           columns: [{name, type, nullable, bloom}]. Order of columns is the table's order.
// Errors:   InvalidArgument naming the key or column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/schema.h"

namespace varve::catalog {

// The definition without id and location, which the catalogue's owner gives. Column ids are 1, 2,
// ...
Result<TableDef> ParseSchemaFile(const std::string& yaml);

// The texts of schemas/*.yaml as they were when the binary was built.
const std::vector<std::string_view>& ShippedSchemaFiles();

}  // namespace varve::catalog
