// Translates a table's columns into the schema of a Delta table and back.
//
// Role:     TableDef <-> [delta schema] <-> the schemaString of a metaData action.
// Layout:   text, jsonb and uuid are `string`, bytea `binary`, timestamptz `timestamp`, smallint
//           `short`, bigint `long`, arrays `array`. Each field's metadata keeps "varve.type" (so
//           that jsonb and uuid survive) and "varve.columnId".
// Errors:   0A000 with the column's name for a type that a Delta table of writer version 2 cannot
//           hold (timestamp without time zone, time, interval); 42701 for names that differ only in
//           case; DataLoss for a schema that breaks the protocol.
// Threads:  pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/schema.h"

namespace varve::lake {

// One top-level column of a Delta table.
struct DeltaField {
  std::string name;
  std::string delta_type;    // "long", or the JSON of a nested type
  std::optional<Type> type;  // nullopt: Varve has no such type
  std::optional<ColumnId> column_id;
  bool nullable = true;
  bool has_invariant = false;  // a condition that writers must check
  bool is_generated = false;   // computed by the writer, or an identity column
};

// The Delta type of `type`: a bare name, or JSON of an array.
Result<std::string> DeltaType(const Type& type);

// The schema of `table`. `previous`, if not empty, is the schema that it replaces: metadata that
// others keep in it survives, and so do its columns that `table` does not have. A column that
// `previous` does not have becomes nullable and stays so, because older files hold no value of it.
Result<std::string> SchemaJson(const TableDef& table, std::string_view previous = {});

Result<std::vector<DeltaField>> ParseSchema(std::string_view schema_json);

}  // namespace varve::lake
