// Makes, changes and removes a table's part in the lake and in the buffer when its definition
// changes.
//
// Role:     engine (CREATE, ALTER, DROP TABLE) -> [LakeTables] -> implemented above lake and
//           buffer.
// Errors:   Unavailable when the object store is; AlreadyExists from Create when the folder holds a
//           table with other columns. After an error nothing has changed for readers.
// Threads:  safe; every call may block on the object store.
#pragma once

#include <string>

#include "base/status.h"
#include "model/schema.h"

namespace varve::catalog {

class LakeTables {
 public:
  virtual ~LakeTables() = default;

  // Writes the Delta table's version 0 and shows the table to buffer and flusher. The definition is
  // not durable yet: Remove follows if it never becomes so.
  virtual Status Create(TableRef table) = 0;
  // Commits new columns to the Delta table, then hands the definition to buffer and flusher.
  virtual Status Update(TableRef table) = 0;
  // Takes the table from buffer and flusher: its rows are gone for every reader from now on.
  virtual void Remove(TableId id) = 0;
  // Deletes every object below the location. Called for a location that no table has any more,
  // again after a restart if it failed.
  virtual Status DeleteFolder(const std::string& location) = 0;
};

}  // namespace varve::catalog
