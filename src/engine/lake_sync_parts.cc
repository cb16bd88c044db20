// The half of LakeSync that knows the parts of tables in projects' own storage.
#include <spdlog/spdlog.h>

#include "engine/engine_core.h"
#include "io/routed_store.h"
#include "lake/table_definition.h"

namespace varve::engine {

namespace {

// What the table's part in the project's storage has to be, without an id.
TableDef PartOf(const TableDef& table, const std::string& project) {
  TableDef part = table;
  part.id = TableId();
  part.parent = table.id;
  part.project = project;
  part.location = io::ProjectFolder(project) + table.location;
  return part;
}

}  // namespace

TableDef ChangedPart(const TableDef& table, const TableDef& part) {
  TableDef changed = PartOf(table, part.project);
  changed.id = part.id;
  changed.location = part.location;
  return changed;
}

Result<TableDef> NewPart(MetaStore& meta, const TableDef& table, const std::string& project) {
  TableDef part = PartOf(table, project);
  VARVE_ASSIGN_OR_RETURN(part.id, meta.NewTableId());
  return part;
}

// The errors of one project's storage are noted, and keep no table of others from being served.
Status LakeSync::AddParts() {
  if (core_.options.projects == nullptr) return OkStatus();
  const auto projects = core_.options.projects->ids();
  for (const auto& table : core_.catalog.List()) {
    if (!table->project_column()) continue;
    for (const auto& project : *projects) {
      VARVE_RETURN_IF_ERROR(AddPart(table, project).status());
    }
  }
  return OkStatus();
}

Status LakeSync::AddMissingParts() {
  MutexLock lock(mu_);
  return AddParts();
}

Result<TableRef> LakeSync::EnsurePart(const TableRef& table, const std::string& project) {
  MutexLock lock(mu_);
  const TableRef newest = core_.catalog.Find(table->id);
  if (!newest) {
    return SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" does not exist any more",
                     table->name.table);
  }
  return AddPart(newest, project);
}

Result<TableRef> LakeSync::AddPart(const TableRef& table, const std::string& project) {
  if (const auto parts = core_.catalog.PartsOf(table->id)) {
    if (const auto part = parts->find(project); part != parts->end()) return part->second;
  }
  TableDef part = PartOf(*table, project);
  auto opened = OpenOrCreate(std::make_shared<const TableDef>(part));
  if (opened.status().code() == StatusCode::kUnavailable && core_.meta->is_new() &&
      parts_.has_log) {
    return Annotate(opened.status(),
                    fmt::format("storage of project \"{}\", which the log may have "
                                "rows of",
                                project));
  }
  // Rows that this server has sent there before count from where they were.
  std::optional<TableId> former;
  if (opened.ok()) former = FormerId(part.location, *(*opened)->files());
  if (former) {
    part.id = *former;
    VARVE_RETURN_IF_ERROR(core_.meta->NoteTableId(part.id));
  } else {
    VARVE_ASSIGN_OR_RETURN(part.id, core_.meta->NewTableId());
  }
  const auto ref = std::make_shared<const TableDef>(std::move(part));
  if (opened.ok()) (*opened)->Adopt(ref);
  VARVE_RETURN_IF_ERROR(core_.meta->SavePart(*ref));
  VARVE_RETURN_IF_ERROR(OpenKnown(ref, std::move(opened)));
  core_.catalog.Put(ref);
  return TableRef(ref);
}

// Before the table itself has the new columns: then no row with them comes to a part without them.
Status LakeSync::ChangeParts(const TableDef& table) {
  const auto parts = core_.catalog.PartsOf(table.id);
  if (!parts) return OkStatus();
  for (const auto& [project, part] : *parts) {
    const auto changed = std::make_shared<const TableDef>(ChangedPart(table, *part));
    if (part->schema_version == changed->schema_version && lake::SameDefinition(*part, *changed)) {
      continue;
    }
    // One that cannot be reached takes no rows; whoever opens it adds the columns it lacks.
    if (const auto delta = parts_.tables->Find(part->id)) {
      VARVE_RETURN_IF_ERROR(Annotate(delta->UpdateSchema(changed),
                                     fmt::format("storage of project \"{}\"", project)));
    }
    VARVE_RETURN_IF_ERROR(core_.meta->SavePart(*changed));
    parts_.buffer->UpdateTable(changed);
    core_.catalog.Put(changed);
  }
  return OkStatus();
}

Status LakeSync::AlignPart(const TableRef& part, lake::DeltaTable& delta) {
  VARVE_ASSIGN_OR_RETURN(const auto definition, delta.definition());
  if (definition.has_options &&
      lake::DefinitionValue(definition.table) == lake::DefinitionValue(*part)) {
    return OkStatus();
  }
  delta.Adopt(std::make_shared<const TableDef>(definition.table));
  const Status updated = delta.UpdateSchema(part);
  delta.Adopt(part);
  return updated;
}

Status LakeSync::ForgetParts(const TableRef& table, bool dropped) {
  const auto parts = core_.catalog.PartsOf(table->id);
  if (!parts) return OkStatus();
  for (const auto& [project, part] : *parts) {
    const Delta delta = dropped ? parts_.tables->Find(part->id) : nullptr;
    VARVE_RETURN_IF_ERROR(core_.meta->RemovePart(
        *part, delta ? std::optional<std::string>(delta->lake_id()) : std::nullopt));
    core_.catalog.Remove(part->id);
    if (dropped && core_.tables) {
      core_.tables->Drop(part);
    } else {
      parts_.tables->Remove(part->id);
      parts_.buffer->DropTable(part->id);
    }
    Note(part->location, part->name.ToString(), OkStatus());
  }
  return OkStatus();
}

Status LakeSync::RemoveProject(const std::string& project) {
  MutexLock lock(mu_);
  std::vector<TableRef> found;
  for (const auto& part : core_.catalog.ListWithParts()) {
    if (part->project != project) continue;
    const auto flushed = core_.parts.maintenance->Flush(part);
    if (!flushed.ok()) {
      return Annotate(flushed.status(),
                      fmt::format("rows of project \"{}\" are not in its storage yet", project));
    }
    found.push_back(part);
  }
  const auto snapshot = parts_.buffer->Snapshot();
  for (const auto& part : found) {
    const auto state = snapshot->find(part->id);
    if (state == snapshot->end()) continue;
    if (state->second->segments.empty() && state->second->staged.empty()) continue;
    return FailedPrecondition("rows of project \"{}\" in table {} are not in its storage yet",
                              project, part->name.ToString());
  }
  for (const auto& part : found) {
    VARVE_RETURN_IF_ERROR(core_.meta->RemovePart(*part, /*lake_id=*/std::nullopt));
    core_.catalog.Remove(part->id);
    parts_.tables->Remove(part->id);
    parts_.buffer->DropTable(part->id);
    Note(part->location, part->name.ToString(), OkStatus());
  }
  // Before another round could give the tables their parts back.
  return core_.options.projects->Remove(project);
}

}  // namespace varve::engine
