#include "lake/dynamo_commits.h"

#include <simdjson.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

#include "base/fault_point.h"
#include "base/uuid.h"

namespace varve::lake {
namespace {

// Each further one means that the item changed between two calls, which is rare once.
constexpr int kRecordAttemptsMax = 10;
constexpr size_t kForgetBatch = 100;

std::string LogFolder(const std::string& location) { return location + "/_delta_log/"; }

// Of a version file or a checkpoint; nullopt for other files.
std::optional<int64_t> VersionOf(std::string_view file_name) {
  if (file_name.size() <= kVersionDigits || file_name[kVersionDigits] != '.') return std::nullopt;
  const std::string_view rest = file_name.substr(kVersionDigits);
  if (rest != ".json" && !rest.starts_with(".checkpoint.")) return std::nullopt;
  int64_t version = 0;
  const char* digits_end = file_name.data() + kVersionDigits;
  const auto [end, error] = std::from_chars(file_name.data(), digits_end, version);
  if (error != std::errc() || end != digits_end) return std::nullopt;
  return version;
}

// "s3a" -> "s3" and the other way round.
std::string OtherScheme(const std::string& scheme) { return scheme == "s3" ? "s3a" : "s3"; }

std::string RootOf(const DynamoCommits::Place& place) {
  std::string root = place.scheme + "://" + place.bucket;
  if (!place.prefix.empty()) root += "/" + place.prefix;
  return root;
}

// To callers NotFound means that there is no Delta table, and they would make one.
Status NotAboutTheTable(Status status) {
  if (status.code() != StatusCode::kNotFound) return status;
  return FailedPrecondition("{}", MessageOf(status));
}

// Our item may be there, and whether our version will be is the next writer's to settle. Any
// other code would tell the caller that it will not be.
Status InDoubt(int64_t version, const std::string& table_path, const Status& error) {
  return Unavailable("version {} of {} may be noted and is not yet in place: {}", version,
                     table_path, MessageOf(error));
}

}  // namespace

DynamoCommits::DynamoCommits(io::ObjectStore& store, io::DynamoDb& db, const Clock& clock,
                             const Place& place, DynamoLayout layout)
    : store_(store), db_(db), clock_(clock), place_(place), root_(RootOf(place)), layout_(layout) {}

Result<std::unique_ptr<DynamoCommits>> DynamoCommits::Open(io::ObjectStore& store, io::DynamoDb& db,
                                                           const Clock& clock, const Place& place) {
  VARVE_ASSIGN_OR_RETURN(const DynamoLayout layout, DynamoLayout::Read(db));
  Place named = place;
  // Items of our own layout have no other writers to agree with, and one name less to get wrong.
  if (!layout.finds_newest()) named.scheme = "s3";
  return std::unique_ptr<DynamoCommits>(new DynamoCommits(store, db, clock, named, layout));
}

Status DynamoCommits::Put(const std::string& location, int64_t version, std::string_view content) {
  return NotAboutTheTable(PutSteps(location, version, content));
}

Status DynamoCommits::Settle(const std::string& location) {
  return NotAboutTheTable(SettleSteps(location));
}

std::optional<int64_t> DynamoCommits::settled(const std::string& location) const {
  MutexLock lock(mu_);
  const auto found = settled_.find(location);
  if (found == settled_.end()) return std::nullopt;
  return found->second;
}

void DynamoCommits::NoteSettled(const std::string& location, int64_t version) {
  MutexLock lock(mu_);
  int64_t& newest = settled_.try_emplace(location, version).first->second;
  newest = std::max(newest, version);
}

Result<std::string> DynamoCommits::TempName(const std::string& location,
                                            const CommitEntry& entry) const {
  std::string_view path = entry.temp_path;
  const size_t scheme = path.find("://");
  if (scheme == std::string_view::npos) return LogFolder(location) + entry.temp_path;
  // No known writer notes whole addresses, but readers of the format accept them.
  const std::string_view root = std::string_view(root_).substr(root_.find("://"));
  std::string_view rest = path.substr(scheme);
  if (!rest.starts_with(root) || rest.substr(root.size()).front() != '/') {
    return DataLoss("the temporary file of version {} of {} lies elsewhere: {}", entry.version,
                    TablePath(location), path);
  }
  return std::string(rest.substr(root.size() + 1));
}

Result<std::optional<CommitEntry>> DynamoCommits::ReadEntry(const std::string& location,
                                                            int64_t version) {
  VARVE_ASSIGN_OR_RETURN(const auto item, db_.Get(layout_.KeyOf(TablePath(location), version)));
  if (!item) return std::optional<CommitEntry>();
  VARVE_ASSIGN_OR_RETURN(CommitEntry entry, layout_.Parse(*item));
  return std::optional(std::move(entry));
}

Result<int64_t> DynamoCommits::NewestInLog(const std::string& location, int64_t from) {
  const std::string folder = LogFolder(location);
  // Every name of version v starts with its digits and goes on, so it comes after the digits alone.
  VARVE_ASSIGN_OR_RETURN(const auto objects,
                         store_.List(folder, fmt::format("{}{:020}", folder, from)));
  int64_t newest = -1;
  for (const io::ObjectInfo& object : objects) {
    const auto version = VersionOf(std::string_view(object.name).substr(folder.size()));
    newest = std::max(newest, version.value_or(-1));
  }
  return newest;
}

int64_t DynamoCommits::CheckpointHint(const std::string& location) {
  const Result<std::string> content = store_.Get(LogFolder(location) + "_last_checkpoint");
  if (!content.ok()) return 0;
  simdjson::dom::parser parser;
  int64_t version = 0;
  const auto error = parser.parse(*content)["version"].get_int64().get(version);
  return error == simdjson::SUCCESS && version > 0 ? version : 0;
}

Result<bool> DynamoCommits::IsLeftOver(const std::string& location, int64_t version) {
  VARVE_ASSIGN_OR_RETURN(const int64_t newest, NewestInLog(location, version));
  return newest < version;
}

Result<bool> DynamoCommits::CopyIntoPlace(const std::string& location, int64_t version,
                                          std::string_view content) {
  const std::string name = CommitName(location, version);
  // Not left to PutIfAbsent alone: the store may be one that replaces objects all the same.
  Result<std::string> there = store_.Get(name);
  if (there.status().code() == StatusCode::kNotFound) {
    // The item says that this content is the version, so a plain Put would be right; the condition
    // guards against writers who do not heed the lock table or take items back.
    Status put = store_.PutIfAbsent(name, content);
    if (put.ok()) return true;
    if (put.code() != StatusCode::kAlreadyExists) return put;
    there = store_.Get(name);
  }
  VARVE_RETURN_IF_ERROR(there.status());
  return *there == content;
}

Status DynamoCommits::MarkComplete(const std::string& location, const CommitEntry& entry) {
  const io::DynamoItem key = layout_.KeyOf(TablePath(location), entry.version);
  Status marked = db_.Update(key, layout_.Completion(clock_.NowUs()), layout_.IfUnchanged(entry));
  // Somebody else was faster; or the item has served its time and expired.
  if (!marked.ok() && marked.code() != StatusCode::kAborted) return marked;
  NoteSettled(location, entry.version);
  return OkStatus();
}

Status DynamoCommits::Finish(const std::string& location, const CommitEntry& entry) {
  VARVE_ASSIGN_OR_RETURN(const std::string temp, TempName(location, entry));
  const Result<std::string> content = store_.Get(temp);
  if (content.ok()) {
    VARVE_ASSIGN_OR_RETURN(const bool copied, CopyIntoPlace(location, entry.version, *content));
    if (!copied) {
      spdlog::warn("{}, version {}, was written by a writer that does not heed the lock table",
                   TablePath(location), entry.version);
    }
  } else {
    if (content.status().code() != StatusCode::kNotFound) return content.status();
    // Others move the file where we copy it. If the version is not in place either, there is
    // nothing to finish; Record sees to the item if it stands in somebody's way.
    const auto there = store_.Head(CommitName(location, entry.version));
    if (there.status().code() == StatusCode::kNotFound) return OkStatus();
    VARVE_RETURN_IF_ERROR(there.status());
  }
  VARVE_RETURN_IF_ERROR(MarkComplete(location, entry));
  if (content.ok()) store_.Delete(temp).IgnoreError();  // rubbish at worst
  return OkStatus();
}

Status DynamoCommits::Record(const std::string& location, const CommitEntry& ours) {
  const io::DynamoItem item = layout_.ItemOf(TablePath(location), ours);
  io::DynamoCondition condition = layout_.IfNew();
  for (int attempt = 1; attempt <= kRecordAttemptsMax; ++attempt) {
    Status put = db_.Put(item, condition);
    if (put.code() != StatusCode::kAborted) return put;
    const auto there = db_.Get(layout_.KeyOf(TablePath(location), ours.version));
    // It may be our own, by an earlier try whose answer was lost.
    if (!there.ok()) return InDoubt(ours.version, TablePath(location), there.status());
    if (!*there) {
      // It has expired, or its writer took it back.
      condition = layout_.IfNew();
      continue;
    }
    VARVE_ASSIGN_OR_RETURN(const CommitEntry theirs, layout_.Parse(**there));
    // An earlier try of this call has made it, and its answer was lost.
    if (theirs.temp_path == ours.temp_path) return OkStatus();
    if (!theirs.complete) VARVE_RETURN_IF_ERROR(Finish(location, theirs));
    VARVE_ASSIGN_OR_RETURN(const bool left_over, IsLeftOver(location, ours.version));
    if (!left_over) {
      return AlreadyExists("version {} of {} is taken", ours.version, TablePath(location));
    }
    // A table that was at this place before, or a commit that lost its file: its writer cannot
    // have called it a success, and everybody would meet it for ever.
    spdlog::warn("{}: the lock table's item of version {} has no file and is replaced",
                 TablePath(location), ours.version);
    condition = layout_.IfUnchanged(theirs);
  }
  return Unavailable("the item of version {} of {} changes all the time", ours.version,
                     TablePath(location));
}

Status DynamoCommits::PutSteps(const std::string& location, int64_t version,
                               std::string_view content) {
  const std::string name = CommitName(location, version);
  // By a writer without items, or so long ago that its item is gone.
  const auto there = store_.Head(name);
  if (there.ok()) return AlreadyExists("{} is there", name);
  if (there.status().code() != StatusCode::kNotFound) return there.status();
  VARVE_RETURN_IF_ERROR(SettlePrevious(location, version));

  const std::string file_name = name.substr(name.rfind('/') + 1);
  const CommitEntry ours{
      version, fmt::format("{}{}.{}", kTemporaryCommits, file_name, Uuid::MakeV4().ToString()),
      false};
  const std::string temp = LogFolder(location) + ours.temp_path;
  VARVE_RETURN_IF_ERROR(store_.Put(temp, content));
  const Status recorded = Record(location, ours);
  if (recorded.code() == StatusCode::kAlreadyExists) store_.Delete(temp).IgnoreError();
  VARVE_RETURN_IF_ERROR(recorded);

  VARVE_FAULT_POINT("lake.commit_recorded");
  const Result<bool> copied = CopyIntoPlace(location, version, content);
  if (!copied.ok()) return InDoubt(version, TablePath(location), copied.status());
  VARVE_FAULT_POINT("lake.commit_placed");
  // If the version is another's, our file must go before the item looks finished: a writer that
  // copies without looking would put it over theirs.
  if (!*copied) {
    const Status gone = store_.Delete(temp);
    if (!gone.ok()) return InDoubt(version, TablePath(location), gone);
  }
  const Status marked = MarkComplete(location, ours);
  if (!marked.ok()) {
    // The version is there for all to read; the next writer marks it.
    spdlog::warn("version {} of {} is not marked complete: {}", version, TablePath(location),
                 MessageOf(marked));
    return *copied ? OkStatus() : InDoubt(version, TablePath(location), marked);
  }
  store_.Delete(temp).IgnoreError();  // rubbish at worst
  if (*copied) return OkStatus();
  return AlreadyExists("{} is there, by a writer that does not heed the lock table", name);
}

Status DynamoCommits::SettleSteps(const std::string& location) {
  return layout_.finds_newest() ? SettleNewest(location) : SettleNext(location);
}

Status DynamoCommits::SettlePrevious(const std::string& location, int64_t version) {
  if (version == 0 || settled(location).value_or(-1) >= version - 1) return OkStatus();
  VARVE_ASSIGN_OR_RETURN(const auto entry, ReadEntry(location, version - 1));
  if (entry && !entry->complete) return Finish(location, *entry);
  NoteSettled(location, version - 1);
  return OkStatus();
}

Status DynamoCommits::SettleNewest(const std::string& location) {
  if (!settled(location)) VARVE_RETURN_IF_ERROR(CheckOtherScheme(location));
  VARVE_ASSIGN_OR_RETURN(const auto items,
                         db_.QueryNewest(layout_.PartitionOf(TablePath(location)), 1));
  if (items.empty()) {
    NoteSettled(location, -1);
    return OkStatus();
  }
  VARVE_ASSIGN_OR_RETURN(const CommitEntry entry, layout_.Parse(items.front()));
  if (!entry.complete) return Finish(location, entry);
  NoteSettled(location, entry.version);
  return OkStatus();
}

Status DynamoCommits::SettleNext(const std::string& location) {
  const std::optional<int64_t> known = settled(location);
  int64_t newest = known.value_or(-1);
  int64_t next = newest + 1;
  bool in_place = false;
  if (!known) {
    VARVE_ASSIGN_OR_RETURN(next, NewestInLog(location, CheckpointHint(location)));
    in_place = next >= 0;
    next = std::max<int64_t>(next, 0);
  }
  while (true) {
    VARVE_ASSIGN_OR_RETURN(const auto entry, ReadEntry(location, next));
    if (entry && !entry->complete) VARVE_RETURN_IF_ERROR(Finish(location, *entry));
    if (!entry && !in_place) break;
    // Other writers may be far ahead of what we know.
    VARVE_ASSIGN_OR_RETURN(const int64_t listed, NewestInLog(location, next));
    if (listed < next) break;  // an item of a table that was here before
    newest = next;
    in_place = listed > next;
    next = in_place ? listed : next + 1;
  }
  NoteSettled(location, newest);
  return OkStatus();
}

Status DynamoCommits::CheckOtherScheme(const std::string& location) {
  Place other = place_;
  other.scheme = OtherScheme(place_.scheme);
  const std::string path = RootOf(other) + "/" + location;
  VARVE_ASSIGN_OR_RETURN(const auto items, db_.QueryNewest(layout_.PartitionOf(path), 1));
  if (items.empty()) return OkStatus();
  return FailedPrecondition(
      "DynamoDB table \"{}\" has commits of this table as {}, and two names for one table would "
      "lose commits: set dynamodb-path-scheme={}, or let the other writers use {}",
      db_.table_name(), path, other.scheme, TablePath(location));
}

Status DynamoCommits::Forget(const std::string& location) {
  {
    MutexLock lock(mu_);
    settled_.erase(location);
  }
  // Items that cannot be listed stay; Record replaces them when a new table is in their way.
  if (!layout_.finds_newest()) return OkStatus();
  const std::string table_path = TablePath(location);
  while (true) {
    VARVE_ASSIGN_OR_RETURN(const auto items,
                           db_.QueryNewest(layout_.PartitionOf(table_path), kForgetBatch));
    if (items.empty()) return OkStatus();
    for (const io::DynamoItem& item : items) {
      VARVE_ASSIGN_OR_RETURN(const CommitEntry entry, layout_.Parse(item));
      const Status gone =
          db_.Delete(layout_.KeyOf(table_path, entry.version), layout_.IfUnchanged(entry));
      // A new table at this place is being made.
      if (gone.code() == StatusCode::kAborted) return OkStatus();
      VARVE_RETURN_IF_ERROR(gone);
    }
  }
}

}  // namespace varve::lake
