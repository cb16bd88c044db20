// A change of a Varve table's definition that waits for its transaction to commit.
//
// Role:     CREATE, ALTER, DROP TABLE -> [DefinitionChange] -> commit: Prepare (nothing in the lake
//           stands against it; an ALTER is there), Publish (the catalog knows), DuckDB's commit,
//           Finish; Undo when it fails before that.
// Order:    the catalog knows a new table before DuckDB shows it, so that whoever finds the table
//           finds its rows; the lake gets it last, since other servers and the next start serve
//           every table that they find there. A start makes what a crash kept from it.
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
  // `is_alone`: nothing else was committed, so that the statement may still fail: 42P07 when
  // another server has made a table of that name with other columns meanwhile.
  Status Finish(EngineCore& core, bool is_alone) const;

 private:
  Status FinishCreate(EngineCore& core, bool is_alone) const;
};

}  // namespace varve::engine
