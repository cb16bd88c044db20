#include "engine/lake_sync.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

#include "base/parallel.h"
#include "engine/access_guard.h"
#include "engine/engine_core.h"
#include "engine/session_state.h"
#include "lake/table_definition.h"

namespace varve::engine {
namespace {

// A store answers many requests at once; opening a table is mostly waiting for it.
constexpr size_t kOpensAtOnce = 16;
// A folder that cannot be served is looked at again after this long: its log may be long.
constexpr int64_t kRetryFolderUs = 600'000'000;

// When the definitions are lost and the log is not: above every id that the log may know.
constexpr TableId kFirstIdBesideALog(1 << 20);

bool IsReserved(const std::string& schema) {
  for (const char* reserved :
       {kInternalSchema, kSystemSchema, kRingSchema, "information_schema", "main"}) {
    if (duckdb::StringUtil::CIEquals(schema, reserved)) return true;
  }
  return schema.empty() || duckdb::StringUtil::StartsWith(duckdb::StringUtil::Lower(schema), "pg_");
}

// False also for a new table that is not in the lake yet.
bool IsServed(const FileSet& files) { return files.unreadable.empty() && files.version >= 0; }

// Another engine has made the table what Varve does not know; it does not pass by itself.
bool IsRefusal(const Status& status) {
  return SqlStateOf(status) == sqlstate::kFeatureNotSupported;
}

}  // namespace

Result<Lsn> LakeSync::Open() {
  MutexLock lock(mu_);
  if (core_.meta->is_new() && parts_.has_log) {
    VARVE_RETURN_IF_ERROR(core_.meta->NoteTableId(kFirstIdBesideALog));
  }
  VARVE_ASSIGN_OR_RETURN(const auto folders, parts_.context.store->ListFolders(""));
  VARVE_RETURN_IF_ERROR(AdoptUnknown(folders));
  for (const auto& shipped : core_.options.shipped_tables) {
    VARVE_RETURN_IF_ERROR(core_.meta->EnsureShipped(core_.catalog, shipped));
  }
  std::vector<TableRef> tables;
  for (const auto& table : core_.catalog.ListWithParts()) {
    if (!parts_.tables->Find(table->id)) tables.push_back(table);
  }
  std::vector<Result<std::unique_ptr<lake::DeltaTable>>> opened(tables.size());
  RunParallel(tables.size(), kOpensAtOnce, [&](size_t i) { opened[i] = OpenOrCreate(tables[i]); });
  for (size_t i = 0; i < tables.size(); i++) {
    VARVE_RETURN_IF_ERROR(OpenKnown(tables[i], std::move(opened[i])));
  }
  VARVE_RETURN_IF_ERROR(AddParts());
  return flushed_max_;
}

Result<std::unique_ptr<lake::DeltaTable>> LakeSync::OpenOrCreate(const TableRef& table) const {
  auto opened = lake::DeltaTable::Open(parts_.context, table);
  if (opened.status().code() == StatusCode::kNotFound) {
    opened = lake::DeltaTable::Create(parts_.context, table);
  }
  if (opened.ok()) Fence(**opened, *table);
  return opened;
}

void LakeSync::Fence(lake::DeltaTable& delta, const TableDef& table) const {
  if (table.is_part() ? !parts_.fence_parts : !parts_.fence) return;
  const Status fenced = delta.Fence();
  if (fenced.ok()) return;
  // What comes in between is noticed by the next flush and costs no row: no reason not to start.
  spdlog::warn("lake: a commit of {} may still be under way: {}", table.name.ToString(),
               MessageOf(fenced));
}

Status LakeSync::OpenKnown(const TableRef& table,
                           Result<std::unique_ptr<lake::DeltaTable>> opened) {
  CountNoted(table->id);
  const bool is_gone = SqlStateOf(opened.status()) == sqlstate::kObjectInUse;
  if (is_gone && !table->is_part()) return Forget(table);
  // A project's own storage is nobody else's trouble, nor is one table's.
  if (opened.status().code() == StatusCode::kUnavailable && !table->is_part() && !StoreAnswers()) {
    return Annotate(opened.status(), table->name.ToString());
  }
  Note(table->location, table->name.ToString(), opened.status());
  if (!opened.ok()) {
    // Its rows in the log stay there until the table can be served again.
    auto none = std::make_shared<FileSet>();
    none->unreadable = MessageOf(opened.status());
    parts_.buffer->AddTable(table, std::move(none), Lsn(0));
    return OkStatus();
  }
  const Delta delta = *std::move(opened);
  const auto flushed = FlushedThrough(table, *delta);
  if (!flushed.ok()) return OpenKnown(table, flushed.status());
  const Lsn through = *flushed;
  flushed_max_ = std::max(flushed_max_, through);
  parts_.tables->Put(table->id, delta);
  parts_.buffer->AddTable(table, delta->files(), through);
  const Status taken = TakeOver(table, *delta);
  Note(table->location, table->name.ToString(), taken);
  return OkStatus();
}

Result<Lsn> LakeSync::FlushedThrough(const TableRef& table, lake::DeltaTable& delta) {
  const auto txn = delta.txn_version(parts_.app_id(table->id));
  if (txn.value_or(0) < 0) {
    return DataLoss("{}: negative txn version {}", table->name.ToString(), *txn);
  }
  const Lsn in_lake(static_cast<uint64_t>(txn.value_or(0)));
  return parts_.notes == nullptr ? in_lake : WithNote(table, delta, in_lake);
}

void LakeSync::CountNoted(TableId table) {
  if (parts_.notes == nullptr) return;
  const auto note = parts_.notes->Read(table);
  if (note.ok() && *note) flushed_max_ = std::max(flushed_max_, (*note)->through);
}

Result<Lsn> LakeSync::WithNote(const TableRef& table, lake::DeltaTable& delta, Lsn in_lake) {
  VARVE_ASSIGN_OR_RETURN(const auto note, parts_.notes->Read(table->id));
  if (!note && in_lake != Lsn(0)) {
    // A table from before there were notes: any version may be the one.
    VARVE_RETURN_IF_ERROR(parts_.notes->Write(table->id, {in_lake, 0, table->location}));
  }
  if (!note || note->through <= in_lake) return in_lake;
  VARVE_ASSIGN_OR_RETURN(
      const auto found, delta.RecoverTxn(parts_.app_id(table->id),
                                         static_cast<int64_t>(note->through.value), note->version));
  if (found) {
    spdlog::info("lake: another engine has dropped the txn of table {}; flushed up to Lsn {}",
                 table->name.ToString(), *found);
    return Lsn(static_cast<uint64_t>(*found));
  }
  if (parts_.log_begin && *parts_.log_begin <= in_lake.Next()) {
    spdlog::warn(
        "lake: table {} was put back to an older state, version {}; rows from Lsn {} on come from "
        "the log once more",
        table->name.ToString(), delta.files()->version, in_lake.Next().value);
    return in_lake;
  }
  return SqlErrorf(
      sqlstate::kObjectNotInPrerequisiteState,
      "an older state of the table was put back: version {} has the rows of this server up to Lsn "
      "{}, they were there up to {}, and the log does not have the rest; put the newer state back, "
      "or remove {} while the server is down to go on without those rows",
      delta.files()->version, in_lake.value, note->through.value, parts_.notes->PathOf(table->id));
}

Result<std::vector<LakeSync::Found>> LakeSync::FindUnknown(
    const std::vector<std::string>& folders) {
  std::set<std::string> known;
  for (const auto& table : core_.catalog.List()) known.insert(table->location);
  VARVE_ASSIGN_OR_RETURN(const auto dropped, core_.meta->Dropped());
  for (const auto& table : dropped) known.insert(table.location);
  const int64_t now_us = Clock::System().MonotonicUs();
  std::vector<Found> found;
  for (const auto& folder : folders) {
    const auto refused = not_before_us_.find(folder);
    if (known.contains(folder) || (refused != not_before_us_.end() && now_us < refused->second)) {
      continue;
    }
    found.push_back({folder});
  }
  RunParallel(found.size(), kOpensAtOnce, [&](size_t i) {
    found[i].delta = lake::DeltaTable::Discover(parts_.context, found[i].location);
  });
  return found;
}

Status LakeSync::AdoptUnknown(const std::vector<std::string>& folders) {
  VARVE_ASSIGN_OR_RETURN(auto unknown, FindUnknown(folders));
  // Before any new id is given: it must not be one that the log knows as another table's.
  TableId highest(0);
  for (const auto& found : unknown) {
    if (!found.delta.ok()) continue;
    const auto former = FormerId(found.location, *(*found.delta)->files());
    highest = std::max(highest, former.value_or(TableId(0)));
  }
  VARVE_RETURN_IF_ERROR(core_.meta->NoteTableId(highest));
  for (auto& found : unknown) {
    Status status = found.delta.status();
    if (status.code() == StatusCode::kUnavailable) {
      // The log may have rows of it: without its id, nobody could say whose they are.
      const bool may_have_rows = core_.meta->is_new() && parts_.has_log;
      if (may_have_rows || !StoreAnswers()) return status;
    }
    // No Delta log, or that of a dropped table, whose files another server deletes.
    const bool is_table = status.code() != StatusCode::kNotFound;
    if (status.ok()) status = Adopt(found.location, *std::move(found.delta));
    Note(found.location, "", is_table ? status : OkStatus());
    if (status.ok()) {
      not_before_us_.erase(found.location);
    } else {
      not_before_us_[found.location] = Clock::System().MonotonicUs() + kRetryFolderUs;
    }
  }
  return OkStatus();
}

std::optional<TableId> LakeSync::FormerId(const std::string& location, const FileSet& files) const {
  const std::string any = parts_.app_id(TableId(0));
  const std::string_view node = std::string_view(any).substr(0, any.rfind('/') + 1);
  for (const auto& [app_id, txn] : files.txns) {
    if (!std::string_view(app_id).starts_with(node)) continue;
    uint32_t id = 0;
    const char* end = app_id.data() + app_id.size();
    const auto read = std::from_chars(app_id.data() + node.size(), end, id);
    if (read.ec == std::errc() && read.ptr == end && id != 0 && !core_.catalog.Find(TableId(id))) {
      return TableId(id);
    }
  }
  if (parts_.notes == nullptr) return std::nullopt;
  const auto noted = parts_.notes->FindTable(location);
  if (!noted.ok() || !*noted || core_.catalog.Find(**noted)) return std::nullopt;
  return *noted;
}

Status LakeSync::Adopt(const std::string& location, Delta delta) {
  VARVE_ASSIGN_OR_RETURN(auto definition, delta->definition());
  TableDef& table = definition.table;
  if (IsReserved(table.name.schema)) {
    return SqlErrorf(sqlstate::kInsufficientPrivilege, "schema \"{}\" is reserved",
                     table.name.schema);
  }
  if (const auto other = core_.catalog.Find(table.name)) {
    return SqlErrorf(sqlstate::kDuplicateTable, "relation \"{}\" is in another folder: {}",
                     table.name.ToString(), other->location);
  }
  // A table of our own, of which the definitions were lost.
  const auto former = FormerId(location, *delta->files());
  if (former) Fence(*delta, table);
  if (former) {
    table.id = *former;
  } else {
    VARVE_ASSIGN_OR_RETURN(table.id, core_.meta->NewTableId());
  }
  const auto ref = std::make_shared<const TableDef>(table);
  CountNoted(ref->id);
  VARVE_ASSIGN_OR_RETURN(const Lsn through, FlushedThrough(ref, *delta));
  const FileSetRef files = delta->files();
  flushed_max_ = std::max(flushed_max_, through);
  delta->Adopt(ref);
  const auto publish = [&] {
    parts_.tables->Put(ref->id, delta);
    parts_.buffer->AddTable(ref, files, through);
    core_.catalog.Put(ref);
  };
  Status registered = core_.meta->Register(*ref, publish);
  if (!registered.ok()) {
    core_.catalog.Remove(ref->id);
    parts_.buffer->DropTable(ref->id);
    parts_.tables->Remove(ref->id);
    return registered;
  }
  spdlog::info("lake: found table {} in {}, version {}", ref->name.ToString(), location,
               files->version);
  return OkStatus();
}

Status LakeSync::Refresh() {
  MutexLock lock(mu_);
  std::vector<TableRef> open;
  for (const auto& table : core_.catalog.List()) {
    if (parts_.tables->Find(table->id)) open.push_back(table);
  }
  VARVE_ASSIGN_OR_RETURN(const auto folders, parts_.context.store->ListFolders(""));
  const std::set<TableId> missing = NoteMissing(open, folders);
  Status first;
  std::set<std::string> down;  // projects whose storage does not answer
  for (const auto& table : core_.catalog.ListWithParts()) {
    if (down.contains(table->project) || missing.contains(table->id)) continue;
    Status status = RefreshLocked(table);
    // One table's trouble is in varve.lake_errors; a store that does not answer is everybody's who
    // has tables in it.
    if (status.code() == StatusCode::kUnavailable) {
      if (!table->is_part() && !StoreAnswers()) return status;
      if (table->is_part()) down.insert(table->project);
      Note(table->location, table->name.ToString(), status);
    }
    if (first.ok()) first = std::move(status);
  }
  VARVE_RETURN_IF_ERROR(AdoptUnknown(folders));
  VARVE_RETURN_IF_ERROR(AddParts());
  return first;
}

std::set<TableId> LakeSync::NoteMissing(const std::vector<TableRef>& open,
                                        const std::vector<std::string>& folders) {
  std::set<TableId> missing;
  const std::set<std::string_view> there(folders.begin(), folders.end());
  for (const auto& table : open) {
    if (there.contains(table->location) || !core_.catalog.Find(table->id)) continue;
    const Status gone = SqlErrorf(
        sqlstate::kObjectNotInPrerequisiteState,
        "the folder of table {} is gone; its rows wait in the log until it is back, or until the "
        "server is restarted and makes it again",
        table->name.ToString());
    Note(table->location, table->name.ToString(), gone);
    missing.insert(table->id);
  }
  return missing;
}

Status LakeSync::Refresh(const TableRef& table) {
  MutexLock lock(mu_);
  not_before_us_.clear();
  VARVE_RETURN_IF_ERROR(RefreshLocked(table));
  const auto parts = core_.catalog.PartsOf(table->id);
  if (!parts) return OkStatus();
  for (const auto& [project, part] : *parts) VARVE_RETURN_IF_ERROR(RefreshLocked(part));
  return OkStatus();
}

Status LakeSync::RefreshLocked(const TableRef& table) {
  const Delta delta = parts_.tables->Find(table->id);
  if (!delta) return Reopen(table);
  const auto read = delta->Refresh();
  if (read.ok() && delta->dropped() && !table->is_part()) return Forget(table);
  Status status = read.status();
  if (IsRefusal(status)) Refuse(table, status);
  if (status.ok()) status = TakeOver(table, *delta);
  if (read.ok() && core_.parts.maintenance != nullptr) {
    const Status shown = core_.parts.maintenance->ShowFiles(table, *read);
    if (status.ok()) status = shown;
  }
  if (status.code() != StatusCode::kUnavailable || table->is_part()) {
    Note(table->location, table->name.ToString(), status);
  }
  return Annotate(status, table->name.ToString());
}

// What is shown is out of date from now on, and rows written now could not be flushed: the log,
// which is everybody's, would fill up. A version that can be served again takes its place.
void LakeSync::Refuse(const TableRef& table, const Status& why) {
  const auto snapshot = parts_.buffer->Snapshot();
  const auto shown = snapshot->find(table->id);
  if (shown == snapshot->end() || !IsServed(*shown->second->files)) return;
  auto refused = std::make_shared<FileSet>(*shown->second->files);
  refused->unreadable = MessageOf(why);
  parts_.buffer->Swap(table->id, shown->second->flushed, std::move(refused));
}

Status LakeSync::Reopen(const TableRef& table) {
  if (core_.tables && core_.tables->IsBeingMade(table->id)) return OkStatus();
  if (parts_.tables->Find(table->id)) return OkStatus();  // made meanwhile
  const auto snapshot = parts_.buffer->Snapshot();
  const auto shown = snapshot->find(table->id);
  if (shown == snapshot->end() || IsServed(*shown->second->files)) {
    return OkStatus();  // dropped meanwhile
  }
  auto opened = OpenOrCreate(table);
  if (!opened.ok()) {
    Note(table->location, table->name.ToString(), opened.status());
    // When the store answers again, or never: its rows wait. But what cannot be is said before more
    // are taken.
    if (opened.status().code() != StatusCode::kUnavailable) {
      ShowUnreadable(*parts_.buffer, table->id, opened.status());
    }
    return opened.status();
  }
  const Delta delta = *std::move(opened);
  const auto flushed = FlushedThrough(table, *delta);
  Note(table->location, table->name.ToString(), flushed.status());
  VARVE_ASSIGN_OR_RETURN(const Lsn through, flushed);
  if (!parts_.buffer->TrySwap(table->id, through, delta->files())) {
    return FailedPrecondition("rows of the log that its files hold came back with others: {}",
                              "restart the server to serve the table");
  }
  parts_.tables->Put(table->id, delta);
  Note(table->location, table->name.ToString(), OkStatus());
  return TakeOver(table, *delta);
}

Status LakeSync::TakeOver(const TableRef& mine, lake::DeltaTable& delta) {
  if (mine->is_part()) return AlignPart(mine, delta);
  VARVE_ASSIGN_OR_RETURN(const auto definition, delta.definition());
  VARVE_ASSIGN_OR_RETURN(TableDef merged,
                         lake::Reconcile(*mine, definition.table, definition.has_options));
  if (lake::SameDefinition(*mine, merged)) return OkStatus();
  merged.schema_version++;
  const auto ref = std::make_shared<const TableDef>(std::move(merged));
  VARVE_RETURN_IF_ERROR(ChangeParts(*ref));
  const auto publish = [&](const TableRef& table) {
    delta.Adopt(table);
    parts_.buffer->UpdateTable(table);
    core_.catalog.Put(table);
  };
  Status changed = core_.meta->Widen(*mine, *ref, [&] { publish(ref); });
  if (!changed.ok()) {
    if (core_.catalog.Find(mine->id) == ref) publish(mine);
    return changed;
  }
  spdlog::info("lake: another server has changed table {}", ref->name.ToString());
  return OkStatus();
}

Status LakeSync::Forget(const TableRef& table) {
  VARVE_RETURN_IF_ERROR(ForgetParts(table, /*dropped=*/true));
  const Delta delta = parts_.tables->Find(table->id);
  VARVE_RETURN_IF_ERROR(core_.meta->Forget(
      *table, delta ? std::optional<std::string>(delta->lake_id()) : std::nullopt));
  core_.catalog.Remove(table->id);
  if (core_.tables) {
    core_.tables->Drop(table);
  } else {
    parts_.tables->Remove(table->id);
    parts_.buffer->DropTable(table->id);
  }
  Note(table->location, table->name.ToString(), OkStatus());
  spdlog::info("lake: another server has dropped table {}", table->name.ToString());
  return OkStatus();
}

Result<bool> LakeSync::Withdraw(const TableRef& table) {
  MutexLock lock(mu_);
  const auto snapshot = parts_.buffer->Snapshot();
  const auto shown = snapshot->find(table->id);
  if (shown != snapshot->end() &&
      !(shown->second->segments.empty() && shown->second->staged.empty())) {
    return false;
  }
  VARVE_RETURN_IF_ERROR(core_.meta->Forget(*table, /*lake_id=*/std::nullopt));
  core_.catalog.Remove(table->id);
  core_.tables->Remove(table->id);
  return true;
}

void LakeSync::Renamed(const TableDef& before, const TableRef& after) {
  MutexLock lock(mu_);
  parts_.buffer->UpdateTable(after);
  Note(before.location, before.name.ToString(), OkStatus());
  not_before_us_.erase(before.location);
  const Status opened = RefreshLocked(after);
  if (opened.ok()) return;
  spdlog::warn("engine: table {} is not in the lake yet: {}", after->name.ToString(),
               MessageOf(opened));
}

void LakeSync::Note(const std::string& location, const std::string& table, const Status& error) {
  MutexLock lock(errors_mu_);
  if (error.ok()) {
    errors_.erase(location);
    return;
  }
  LakeError& entry = errors_[location];
  const std::string message(MessageOf(error));
  if (entry.message == message) return;
  entry = {location, table, SqlStateOf(error), message, Clock::System().NowUs()};
  spdlog::warn("lake: folder {} is not served as it is: {}", location, message);
}

std::vector<LakeError> LakeSync::Errors() const {
  MutexLock lock(errors_mu_);
  std::vector<LakeError> errors;
  errors.reserve(errors_.size());
  for (const auto& [location, error] : errors_) errors.push_back(error);
  return errors;
}

}  // namespace varve::engine
