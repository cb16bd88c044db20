#include "engine/lake_tables.h"

#include <absl/cleanup/cleanup.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

#include "io/routed_store.h"
#include "io/store_set.h"

namespace varve::engine {

Status LakeTables::Create(const TableRef& table) {
  auto joined = lake::DeltaTable::Join(context_, table);
  const bool is_new = joined.status().code() == StatusCode::kNotFound;
  auto none = std::make_shared<FileSet>();
  if (table->is_part() && joined.status().code() == StatusCode::kUnavailable) {
    // One project's storage must not keep the others from having the table: a refresh makes it.
    none->unreadable = MessageOf(joined.status());
    buffer_.AddTable(table, std::move(none), Lsn(0));
    return OkStatus();
  }
  if (!is_new) VARVE_RETURN_IF_ERROR(joined.status());
  FileSetRef files = joined.ok() ? (*joined)->files() : std::move(none);
  {
    MutexLock lock(mu_);
    being_made_.insert(table->id);
  }
  if (joined.ok()) tables_.Put(table->id, *std::move(joined));
  buffer_.AddTable(table, std::move(files), Lsn(0));
  return OkStatus();
}

Status LakeTables::Make(const TableRef& table) {
  if (!IsBeingMade(table->id)) return OkStatus();
  const absl::Cleanup end = [&] { EndMake(table->id); };
  if (tables_.Find(table->id)) return OkStatus();
  VARVE_ASSIGN_OR_RETURN(auto delta, lake::DeltaTable::Create(context_, table));
  auto files = delta->files();
  tables_.Put(table->id, std::move(delta));
  buffer_.Swap(table->id, Lsn(0), std::move(files));
  return OkStatus();
}

bool LakeTables::IsBeingMade(TableId id) const {
  MutexLock lock(mu_);
  return being_made_.contains(id);
}

void LakeTables::WaitUntilMade(TableId id) {
  MutexLock lock(mu_);
  made_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return !being_made_.contains(id); });
}

void LakeTables::EndMake(TableId id) {
  {
    MutexLock lock(mu_);
    being_made_.erase(id);
  }
  made_.NotifyAll();
}

Status LakeTables::Update(const TableRef& table) {
  WaitUntilMade(table->id);
  const auto delta = tables_.Find(table->id);
  // A part that cannot be reached, or is not made: whoever opens it adds the columns that it lacks.
  if (!delta && !table->is_part()) {
    return Unavailable("table {} cannot be changed before it is in the lake",
                       table->name.ToString());
  }
  if (delta) VARVE_RETURN_IF_ERROR(delta->UpdateSchema(table));
  buffer_.UpdateTable(table);
  return OkStatus();
}

void LakeTables::Remove(TableId id) {
  tables_.Remove(id);
  buffer_.DropTable(id);
}

void LakeTables::UndoCreate(TableId id) {
  Remove(id);
  EndMake(id);
}

void LakeTables::Drop(const TableRef& table) {
  WaitUntilMade(table->id);
  DroppedFolder folder{table->id, table->location, {}, nullptr, false, 0};
  if (const auto delta = tables_.Find(table->id)) {
    folder.in_use = delta->files()->in_use;
    if (IsShared(table->location)) folder.unmarked = delta;
  }
  Remove(table->id);
  MutexLock lock(mu_);
  dropped_.push_back(std::move(folder));
}

Status LakeTables::ResumeDrop(TableId id, const std::string& location) {
  DroppedFolder folder{id, location, {}, nullptr, false, 0};
  // A project's storage may be down; the server starts all the same.
  folder.unopened = io::ParseProjectName(location).has_value();
  if (!folder.unopened && IsShared(location)) {
    auto delta = lake::DeltaTable::Discover(context_, location);
    if (delta.status().code() == StatusCode::kUnavailable) return delta.status();
    if (delta.ok()) folder.unmarked = *std::move(delta);
  }
  MutexLock lock(mu_);
  dropped_.push_back(std::move(folder));
  return OkStatus();
}

// The local lake belongs to the one server that has locked its data folder.
bool LakeTables::IsShared(const std::string& location) const {
  return context_.store->ReadPath(location + "/").starts_with(io::kStoreScheme);
}

Result<bool> LakeTables::Advance(DroppedFolder& folder) {
  if (folder.unopened) {
    auto delta = lake::DeltaTable::Discover(context_, folder.location);
    // What belongs to a project that has no storage here any more is the project's.
    if (delta.status().code() == StatusCode::kFailedPrecondition) return true;
    if (delta.status().code() == StatusCode::kUnavailable) return delta.status();
    if (delta.ok()) folder.unmarked = *std::move(delta);
    folder.unopened = false;
  }
  if (folder.unmarked) {
    VARVE_RETURN_IF_ERROR(folder.unmarked->MarkDropped());
    folder.unmarked.reset();
  }
  if (!folder.in_use.expired()) return false;
  const int64_t now_us = context_.clock->NowUs();
  if (IsShared(folder.location) && folder.gone_us == 0) {
    VARVE_RETURN_IF_ERROR(DeleteFolder(folder.location, /*keep_newest=*/true));
    folder.gone_us = now_us;
  }
  if (IsShared(folder.location) && now_us - folder.gone_us < kDropMarkUs) return false;
  VARVE_RETURN_IF_ERROR(DeleteFolder(folder.location, /*keep_newest=*/false));
  VARVE_RETURN_IF_ERROR(context_.commits->Forget(folder.location));
  return true;
}

std::vector<TableId> LakeTables::DeleteUnusedFolders() {
  std::vector<DroppedFolder> folders;
  {
    MutexLock lock(mu_);
    folders = std::move(dropped_);
    dropped_.clear();
  }
  std::vector<TableId> deleted;
  for (auto& folder : folders) {
    const Result<bool> gone = Advance(folder);
    if (gone.ok() && *gone) {
      deleted.push_back(folder.id);
      continue;
    }
    if (!gone.ok()) {
      spdlog::warn("engine: folder {} cannot be deleted yet: {}", folder.location,
                   MessageOf(gone.status()));
    }
    MutexLock lock(mu_);
    dropped_.push_back(std::move(folder));
  }
  return deleted;
}

Status LakeTables::DeleteFolder(const std::string& location, bool keep_newest) {
  VARVE_ASSIGN_OR_RETURN(const auto objects, context_.store->List(location + "/"));
  const std::string log = location + "/_delta_log/";
  std::vector<std::string> names;
  std::vector<std::string> versions;  // ascending
  for (const auto& object : objects) {
    const bool is_version = object.name.starts_with(log) && object.name.ends_with(".json") &&
                            object.name.find('/', log.size()) == std::string::npos;
    (is_version ? versions : names).push_back(object.name);
  }
  const std::string newest = versions.empty() ? "" : versions.back();
  if (!versions.empty()) versions.pop_back();
  std::move(versions.begin(), versions.end(), std::back_inserter(names));
  VARVE_RETURN_IF_ERROR(context_.store->DeleteMany(names));
  return newest.empty() || keep_newest ? OkStatus() : context_.store->Delete(newest);
}

}  // namespace varve::engine
