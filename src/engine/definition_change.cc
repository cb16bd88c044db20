#include "engine/definition_change.h"

#include <spdlog/spdlog.h>

namespace varve::engine {

Status DefinitionChange::Prepare(EngineCore& core) const {
  if (!after) return OkStatus();
  return before ? core.tables->Update(after) : core.tables->Create(after);
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

void DefinitionChange::Finish(EngineCore& core) const {
  if (!before) {
    const Status made = core.tables->Make(after);
    if (!made.ok()) {
      spdlog::warn("engine: table {} is not in the lake yet: {}", after->name.ToString(),
                   MessageOf(made));
    }
  }
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
}

}  // namespace varve::engine
