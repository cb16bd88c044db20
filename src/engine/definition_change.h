// A change of a Varve table's definition that waits for its transaction to commit.
//
// Role:     CREATE, ALTER, DROP TABLE -> [DefinitionChange] -> commit: Prepare (the lake is ready),
//           Publish (the catalog knows), DuckDB's commit, Finish; Undo when it fails before that.
// Order:    the catalog knows a new table before DuckDB shows it, so that whoever finds the table
//           finds its rows; a crash in between leaves a folder without a table, which nobody reads.
// Threads:  the session's thread.
#pragma once

#include "engine/engine_core.h"
#include "model/schema.h"

namespace varve::engine {

struct DefinitionChange {
  TableRef before;  // null: CREATE
  TableRef after;   // null: DROP

  Status Prepare(EngineCore& core) const;
  void Publish(EngineCore& core) const;
  void Undo(EngineCore& core) const;
  void Finish(EngineCore& core) const;
};

}  // namespace varve::engine
