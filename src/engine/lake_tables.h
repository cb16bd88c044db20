// Makes, changes and removes a table's part in lake and buffer when its definition changes.
//
// Role:     CREATE, ALTER, DROP TABLE -> [LakeTables] -> DeltaTable, TableSet, Buffer.
// Errors:   Unavailable when the object store is; AlreadyExists from Create when the folder holds a
//           table with other columns. After an error nothing has changed for readers.
// Threads:  safe; every call may block on the object store.
#pragma once

#include <string>

#include "base/status.h"
#include "buffer/buffer.h"
#include "io/object_store.h"
#include "lake/table_set.h"
#include "model/schema.h"

namespace varve::engine {

class LakeTables {
 public:
  LakeTables(buffer::Buffer& buffer, lake::TableSet& tables, lake::DeltaTable::Context context)
      : buffer_(buffer), tables_(tables), context_(std::move(context)) {}

  // Writes the Delta table's version 0 and shows the table to buffer and flusher. The definition is
  // not durable yet: Remove follows if it never becomes so.
  Status Create(const TableRef& table);
  // Commits new columns to the Delta table, then hands the definition to buffer and flusher.
  Status Update(const TableRef& table);
  // Takes the table from buffer and flusher: its rows are gone for every later statement.
  void Remove(TableId id);
  // Deletes every object below a location that no table has any more.
  Status DeleteFolder(const std::string& location);

 private:
  buffer::Buffer& buffer_;
  lake::TableSet& tables_;
  const lake::DeltaTable::Context context_;
};

}  // namespace varve::engine
