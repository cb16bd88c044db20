#include "engine/lake_tables.h"

#include <absl/cleanup/cleanup.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

#include "io/routed_store.h"
#include "io/store_set.h"

namespace varve::engine {

void ShowUnreadable(buffer::Buffer& buffer, TableId id, const Status& why) {
  auto none = std::make_shared<FileSet>();
  none->unreadable = MessageOf(why);
  buffer.Swap(id, Lsn(0), std::move(none));
}

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
  auto delta = lake::DeltaTable::Create(context_, table);
  if (delta.status().code() == StatusCode::kAlreadyExists) {
    ShowUnreadable(buffer_, table->id, delta.status());
  }
  VARVE_RETURN_IF_ERROR(delta.status());
  auto files = (*delta)->files();
  tables_.Put(table->id, *std::move(delta));
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

Status LakeTables::CheckFree(const TableRef& renamed) const {
  const auto there = lake::DeltaTable::Join(context_, renamed);
  if (there.status().code() == StatusCode::kNotFound) return OkStatus();
  VARVE_RETURN_IF_ERROR(there.status());
  return SqlErrorf(sqlstate::kDuplicateTable, "folder {} holds a table already", renamed->location);
}

void LakeTables::Remove(TableId id) {
  // In this order: rows of a table that is not open are rows that wait, to a flush.
  buffer_.DropTable(id);
  tables_.Remove(id);
}

void LakeTables::UndoCreate(TableId id) {
  Remove(id);
  EndMake(id);
}

std::optional<std::string> LakeTables::LakeId(TableId id) const {
  const auto delta = tables_.Find(id);
  return delta ? std::optional(delta->lake_id()) : std::nullopt;
}

void LakeTables::Drop(const TableRef& table) {
  WaitUntilMade(table->id);
  const auto delta = tables_.Find(table->id);
  Remove(table->id);
  if (!delta) {
    spdlog::info("engine: folder {} stays: table {} was dropped and had never been opened there",
                 table->location, table->name.ToString());
    return;
  }
  DroppedFolder folder{
      table->id, table->location, delta->lake_id(), delta->files()->in_use, nullptr, 0};
  if (IsShared(table->location)) folder.unmarked = delta;
  MutexLock lock(mu_);
  dropped_.push_back(std::move(folder));
}

void LakeTables::ResumeDrop(const DroppedTable& dropped) {
  MutexLock lock(mu_);
  dropped_.push_back({dropped.id, dropped.location, dropped.lake_id, {}, nullptr, 0});
}

// The local lake belongs to the one server that has locked its data folder.
bool LakeTables::IsShared(const std::string& location) const {
  return context_.store->ReadPath(location + "/").starts_with(io::kStoreScheme);
}

Result<bool> LakeTables::IsStillThere(const DroppedFolder& folder) {
  const auto delta = lake::DeltaTable::Discover(context_, folder.location);
  // It is marked, or nothing is left.
  if (delta.status().code() == StatusCode::kNotFound) return true;
  // What belongs to a project that has no storage here any more is the project's.
  if (delta.status().code() == StatusCode::kFailedPrecondition &&
      io::ParseProjectName(folder.location)) {
    return false;
  }
  VARVE_RETURN_IF_ERROR(delta.status());
  if ((*delta)->lake_id() != folder.lake_id) {
    spdlog::info("engine: folder {} stays: another server has made a table there", folder.location);
    return false;
  }
  VARVE_RETURN_IF_ERROR((*delta)->MarkDropped());
  return true;
}

Result<bool> LakeTables::Advance(DroppedFolder& folder) {
  if (folder.unmarked) {
    // What stands against it otherwise, IsStillThere finds out.
    Status marked = folder.unmarked->MarkDropped();
    if (marked.code() == StatusCode::kUnavailable) return marked;
    folder.unmarked.reset();
  }
  if (!folder.in_use.expired()) return false;
  if (!IsShared(folder.location)) {
    VARVE_RETURN_IF_ERROR(DeleteFolder(folder.location, /*keep_log=*/false));
    return true;
  }
  const int64_t now_us = context_.clock->NowUs();
  if (folder.gone_us != 0 && now_us - folder.gone_us < kDropMarkUs) return false;
  VARVE_ASSIGN_OR_RETURN(const bool is_there, IsStillThere(folder));
  if (!is_there) return true;
  if (folder.gone_us == 0) {
    VARVE_RETURN_IF_ERROR(DeleteFolder(folder.location, /*keep_log=*/true));
    folder.gone_us = now_us;
    return false;
  }
  VARVE_RETURN_IF_ERROR(DeleteFolder(folder.location, /*keep_log=*/false));
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

// The log stays whole: whoever commits asks for the version after the last that it has seen, and
// must find that taken.
Status LakeTables::DeleteFolder(const std::string& location, bool keep_log) {
  VARVE_ASSIGN_OR_RETURN(const auto objects, context_.store->List(location + "/"));
  const std::string log = location + "/_delta_log/";
  std::vector<std::string> names;
  std::vector<std::string> versions;  // ascending
  for (const auto& object : objects) {
    const bool is_log = object.name.starts_with(log);
    if (is_log && keep_log) continue;
    const bool is_version = is_log && object.name.ends_with(".json") &&
                            object.name.find('/', log.size()) == std::string::npos;
    (is_version ? versions : names).push_back(object.name);
  }
  const std::string newest = versions.empty() ? "" : versions.back();
  if (!versions.empty()) versions.pop_back();
  std::move(versions.begin(), versions.end(), std::back_inserter(names));
  VARVE_RETURN_IF_ERROR(context_.store->DeleteMany(names));
  return newest.empty() ? OkStatus() : context_.store->Delete(newest);
}

}  // namespace varve::engine
