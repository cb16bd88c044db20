#include "engine/lake_tables.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

namespace varve::engine {

Status LakeTables::Create(const TableRef& table) {
  VARVE_ASSIGN_OR_RETURN(auto delta, lake::DeltaTable::Create(context_, table));
  auto files = delta->files();
  tables_.Put(table->id, std::move(delta));
  buffer_.AddTable(table, std::move(files), Lsn(0));
  return OkStatus();
}

Status LakeTables::Update(const TableRef& table) {
  const auto delta = tables_.Find(table->id);
  if (!delta) return Internal("table {} has no Delta table", table->name.ToString());
  VARVE_RETURN_IF_ERROR(delta->UpdateSchema(table));
  buffer_.UpdateTable(table);
  return OkStatus();
}

void LakeTables::Remove(TableId id) {
  tables_.Remove(id);
  buffer_.DropTable(id);
}

void LakeTables::Drop(const TableRef& table) {
  DroppedFolder folder{table->id, table->location, {}};
  if (const auto delta = tables_.Find(table->id)) folder.in_use = delta->files()->in_use;
  Remove(table->id);
  MutexLock lock(mu_);
  dropped_.push_back(std::move(folder));
}

std::vector<TableId> LakeTables::DeleteUnusedFolders() {
  std::vector<DroppedFolder> unused;
  {
    MutexLock lock(mu_);
    const auto in_use =
        std::partition(dropped_.begin(), dropped_.end(),
                       [](const DroppedFolder& folder) { return !folder.in_use.expired(); });
    std::move(in_use, dropped_.end(), std::back_inserter(unused));
    dropped_.erase(in_use, dropped_.end());
  }
  std::vector<TableId> deleted;
  for (auto& folder : unused) {
    const Status gone = DeleteFolder(folder.location);
    if (gone.ok()) {
      deleted.push_back(folder.id);
      continue;
    }
    spdlog::warn("engine: folder {} cannot be deleted yet: {}", folder.location, MessageOf(gone));
    MutexLock lock(mu_);
    dropped_.push_back(std::move(folder));
  }
  return deleted;
}

Status LakeTables::DeleteFolder(const std::string& location) {
  VARVE_ASSIGN_OR_RETURN(const auto objects, context_.store->List(location + "/"));
  for (const auto& object : objects) VARVE_RETURN_IF_ERROR(context_.store->Delete(object.name));
  return context_.commits->Forget(location);
}

}  // namespace varve::engine
