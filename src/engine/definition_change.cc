#include "engine/definition_change.h"

#include <spdlog/spdlog.h>

namespace varve::engine {

Status DefinitionChange::Prepare(EngineCore& core) const {
  if (!after) return OkStatus();
  if (!before) return core.tables->Create(after);
  return before->name == after->name ? core.tables->Update(after) : core.tables->CheckFree(after);
}

void DefinitionChange::Publish(EngineCore& core) const {
  if (after) core.catalog.Put(after);
}

void DefinitionChange::Undo(EngineCore& core) const {
  if (before) {
    // What an ALTER has changed in the lake stays, and the next round takes it over as another
    // server's. After a DROP the name may have meant a new table for a moment.
    core.catalog.Put(before);
  } else {
    core.catalog.Remove(after->id);
    core.tables->UndoCreate(after->id);
  }
}

Status DefinitionChange::FinishCreate(EngineCore& core, bool is_alone) const {
  Status made = core.tables->Make(after);
  if (made.code() == StatusCode::kAlreadyExists) {
    if (is_alone) {
      VARVE_ASSIGN_OR_RETURN(const bool is_gone, core.sync->Withdraw(after));
      if (is_gone) {
        return WithHint(SqlErrorf(sqlstate::kDuplicateTable,
                                  "another server has just made relation \"{}\" with other columns",
                                  after->name.table),
                        "SELECT varve.refresh() shows it here.");
      }
    }
    // Columns may go together: then theirs and ours become one table. Else this says why not.
    made = core.sync->Refresh(after);
  }
  if (!made.ok()) {
    spdlog::warn("engine: table {} is not in the lake yet: {}", after->name.ToString(),
                 MessageOf(made));
  }
  return OkStatus();
}

Status DefinitionChange::Finish(EngineCore& core, bool is_alone) const {
  Status status;
  if (!before) status = FinishCreate(core, is_alone);
  if (before && after && before->name != after->name) core.sync->Renamed(*before, after);
  if (!after) {
    core.catalog.Remove(before->id);
    core.tables->Drop(before);
  }
  // A folder that is still in use stays in varve_internal.dropped; the next change, or the next
  // start, deletes it.
  for (const TableId id : core.tables->DeleteUnusedFolders()) {
    const Status forgotten = core.meta->ForgetDropped(id);
    if (!forgotten.ok()) {
      spdlog::warn("engine: dropped table {} is noted still: {}", id.value, MessageOf(forgotten));
    }
  }
  return status;
}

}  // namespace varve::engine
