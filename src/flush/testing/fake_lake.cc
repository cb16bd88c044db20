#include "flush/testing/fake_lake.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/check.h"

namespace varve::flush::testing {
namespace {

using buffer::testing::Tallies;
using buffer::testing::Tally;

constexpr uint64_t kFileBytesMax = 1u << 20;

std::string ToText(const Tallies& tallies) {
  std::string text;
  for (const auto& [writer, tally] : tallies) {
    text += fmt::format("{} {} {} {}\n", writer, tally.count, tally.max, tally.sum);
  }
  return text;
}

Tallies FromText(const std::string& text) {
  Tallies tallies;
  std::istringstream in(text);
  int64_t writer = 0;
  Tally tally;
  while (in >> writer >> tally.count >> tally.max >> tally.sum) tallies[writer] = tally;
  return tallies;
}

}  // namespace

void MemoryStore::FailPutFile(int skip, Status error, bool after_storing) {
  MutexLock lock(mu_);
  fault_ = Fault{skip, std::move(error), after_storing};
}

void MemoryStore::SetDown(Status error) {
  MutexLock lock(mu_);
  down_ = std::move(error);
}

void MemoryStore::SetHook(std::function<void()> hook) {
  MutexLock lock(mu_);
  hook_ = std::move(hook);
}

int MemoryStore::put_count() const {
  MutexLock lock(mu_);
  return puts_;
}

std::set<std::string> MemoryStore::Names() const {
  MutexLock lock(mu_);
  std::set<std::string> names;
  for (const auto& [name, content] : objects_) names.insert(name);
  return names;
}

Result<std::string> MemoryStore::Get(std::string_view name) {
  MutexLock lock(mu_);
  VARVE_RETURN_IF_ERROR(down_);
  const auto at = objects_.find(name);
  if (at == objects_.end()) return NotFound("no object {}", name);
  return at->second;
}

Result<std::string> MemoryStore::Read(std::string_view name) const {
  MutexLock lock(mu_);
  const auto at = objects_.find(name);
  if (at == objects_.end()) return NotFound("no object {}", name);
  return at->second;
}

Result<std::string> MemoryStore::GetRange(std::string_view name, uint64_t begin, uint64_t end) {
  VARVE_ASSIGN_OR_RETURN(const std::string content, Get(name));
  return content.substr(begin, end - begin);
}

Result<io::ObjectInfo> MemoryStore::Head(std::string_view name) {
  VARVE_ASSIGN_OR_RETURN(const std::string content, Get(name));
  return io::ObjectInfo{std::string(name), content.size(), 0};
}

Status MemoryStore::Put(std::string_view name, std::string_view content) {
  MutexLock lock(mu_);
  VARVE_RETURN_IF_ERROR(down_);
  objects_.insert_or_assign(std::string(name), std::string(content));
  return OkStatus();
}

Status MemoryStore::PutIfAbsent(std::string_view name, std::string_view content) {
  MutexLock lock(mu_);
  VARVE_RETURN_IF_ERROR(down_);
  if (!objects_.emplace(name, content).second) return AlreadyExists("object {} is there", name);
  return OkStatus();
}

Status MemoryStore::PutFile(std::string_view name, const std::string& path) {
  std::optional<Fault> fault;
  std::function<void()> hook;
  {
    MutexLock lock(mu_);
    hook = hook_;
  }
  if (hook) hook();
  {
    MutexLock lock(mu_);
    VARVE_RETURN_IF_ERROR(down_);
    ++puts_;
    if (fault_ && fault_->skip-- == 0) fault = std::exchange(fault_, std::nullopt);
  }
  if (fault && !fault->after_storing) return fault->error;
  VARVE_ASSIGN_OR_RETURN(const std::string content, files_.ReadAll(path, kFileBytesMax));
  VARVE_RETURN_IF_ERROR(Put(name, content));
  return fault ? fault->error : OkStatus();
}

Result<std::vector<io::ObjectInfo>> MemoryStore::List(std::string_view prefix,
                                                      std::string_view start_after) {
  MutexLock lock(mu_);
  VARVE_RETURN_IF_ERROR(down_);
  std::vector<io::ObjectInfo> found;
  for (const auto& [name, content] : objects_) {
    if (name.starts_with(prefix) && name > start_after) found.push_back({name, content.size(), 0});
  }
  return found;
}

Status MemoryStore::Delete(std::string_view name) {
  MutexLock lock(mu_);
  VARVE_RETURN_IF_ERROR(down_);
  const auto at = objects_.find(name);
  if (at != objects_.end()) objects_.erase(at);
  return OkStatus();
}

void TallyWriter::FailWrite(int skip, Status error) {
  MutexLock lock(mu_);
  fault_ = {skip, std::move(error)};
}

void TallyWriter::LoseARow(bool lose) {
  MutexLock lock(mu_);
  lose_a_row_ = lose;
}

void TallyWriter::SetHook(std::function<void()> hook) {
  MutexLock lock(mu_);
  hook_ = std::move(hook);
}

lake::ParquetSpec TallyWriter::last_spec() const {
  MutexLock lock(mu_);
  return last_spec_;
}

Result<lake::ParquetResult> TallyWriter::Write(const lake::ParquetSpec& spec,
                                               const std::vector<lake::BatchSlice>& slices,
                                               const std::string& path) {
  std::function<void()> hook;
  std::optional<Status> error;
  bool lose_a_row = false;
  {
    MutexLock lock(mu_);
    hook = hook_;
    last_spec_ = spec;
    lose_a_row = lose_a_row_;
    if (fault_ && fault_->first-- == 0) {
      error = fault_->second;
      fault_.reset();
    }
  }
  if (hook) hook();
  if (error) {
    VARVE_RETURN_IF_ERROR(files_.WriteSynced(path, "partial"));
    return *error;
  }
  Tallies tallies;
  int64_t rows = 0;
  for (const lake::BatchSlice& slice : slices) {
    const Batch chosen = slice.rows.empty() ? *slice.batch : Select(*slice.batch, slice.rows);
    buffer::testing::Count(chosen, tallies);
    rows += chosen.rows;
  }
  const std::string text = ToText(tallies);
  VARVE_RETURN_IF_ERROR(files_.WriteSynced(path, text));
  return lake::ParquetResult{lose_a_row ? rows - 1 : rows, static_cast<int64_t>(text.size())};
}

FakeDelta::FakeDelta(std::shared_ptr<DeltaLog> log) : log_(std::move(log)) {
  VARVE_CHECK(Refresh().ok());
}

void FakeDelta::SetNextCommit(Commit how) {
  MutexLock lock(mu_);
  next_commit_ = how;
}

void FakeDelta::SetRefreshError(Status error) {
  MutexLock lock(mu_);
  refresh_error_ = std::move(error);
}

FileSetRef FakeDelta::files() const {
  MutexLock lock(mu_);
  return files_;
}

lake::KeptFiles FakeDelta::KeptPaths(int64_t) const {
  lake::KeptFiles kept;
  for (const auto& file : files()->files) kept.paths.insert(file->path);
  return kept;
}

std::optional<int64_t> FakeDelta::txn_version(const std::string& app_id) const {
  MutexLock lock(mu_);
  const auto at = txns_.find(app_id);
  return at == txns_.end() ? std::nullopt : std::optional(at->second);
}

Result<FileSetRef> FakeDelta::Append(std::vector<DataFile> files, const std::string& app_id,
                                     int64_t txn) {
  Commit how = Commit::kFine;
  {
    MutexLock lock(mu_);
    how = std::exchange(next_commit_, Commit::kFine);
  }
  if (how == Commit::kRefused) return FailedPrecondition("the table was replaced (test)");
  if (how == Commit::kLost) return Unavailable("the store does not answer (test)");
  const std::optional<int64_t> known = txn_version(app_id);
  DeltaLog::Version next{.files = std::move(files), .app_id = app_id, .txn = txn};
  while (true) {
    const std::optional<int64_t> committed = txn_version(app_id);
    if (committed && *committed >= txn) return this->files();
    if (committed != known) return Unavailable("an earlier commit arrived late (test)");
    next.number = this->files()->version + 1;
    {
      MutexLock lock(log_->mu);
      VARVE_RETURN_IF_ERROR(log_->down);
      if (how == Commit::kLate) {
        log_->late.push_back(std::move(next));
        return Unavailable("the store does not answer (test)");
      }
      if (log_->Commit(next)) break;
    }
    VARVE_RETURN_IF_ERROR(Refresh().status());
  }
  if (how == Commit::kDoneButNoAnswer) return Unavailable("the answer was lost (test)");
  return Refresh();
}

bool DeltaLog::Commit(const Version& next) {
  if (next.number != version + 1) return false;
  for (const DataFile& file : next.files) {
    VARVE_CHECK(file.local_path.empty());
    files.push_back(std::make_shared<const DataFile>(file));
  }
  txns[next.app_id] = next.txn;
  ++version;
  return true;
}

bool DeltaLog::LandLate() {
  MutexLock lock(mu);
  bool landed = false;
  for (const Version& waiting : late) landed = Commit(waiting) || landed;
  late.clear();
  return landed;
}

void DeltaLog::SetDown(Status error) {
  MutexLock lock(mu);
  down = std::move(error);
}

Result<FakeDelta::Definition> FakeDelta::definition() const {
  return SqlError(sqlstate::kFeatureNotSupported, "tables in memory have no definition");
}

Result<FileSetRef> FakeDelta::Replace(lake::FileChange change) {
  {
    MutexLock lock(log_->mu);
    for (const std::string& path : change.removed) {
      const auto file = std::find_if(log_->files.begin(), log_->files.end(),
                                     [&](const auto& f) { return f->path == path; });
      if (file == log_->files.end()) {
        return SqlErrorf(sqlstate::kSerializationFailure, "{} is gone (test)", path);
      }
      log_->files.erase(file);
    }
    for (DataFile& file : change.added) {
      log_->files.push_back(std::make_shared<const DataFile>(std::move(file)));
    }
    ++log_->version;
  }
  return Refresh();
}

Status FakeDelta::UpdateSchema(TableRef) { return OkStatus(); }

Result<FileSetRef> FakeDelta::Refresh() {
  MutexLock lock(mu_);
  if (!refresh_error_.ok()) return refresh_error_;
  auto files = std::make_shared<FileSet>();
  MutexLock log_lock(log_->mu);
  VARVE_RETURN_IF_ERROR(log_->down);
  files->version = log_->version;
  files->files = log_->files;
  files->txns = log_->txns;
  files_ = files;
  txns_ = log_->txns;
  return files_;
}

Tallies CountFiles(MemoryStore& store, const TableDef& table, const FileSet& files) {
  Tallies all;
  for (const auto& file : files.files) {
    const Result<std::string> content =
        file->local_path.empty() ? store.Read(table.location + "/" + file->path)
                                 : store.files().ReadAll(file->local_path, kFileBytesMax);
    VARVE_CHECK(content.ok());
    buffer::testing::Add(FromText(*content), all);
  }
  return all;
}

Tallies CountTable(MemoryStore& store, const buffer::TableSnapshot& table) {
  Tallies all = CountFiles(store, *table.table, *table.scan_files);
  buffer::testing::Add(buffer::testing::CountSegments(table.segments), all);
  return all;
}

}  // namespace varve::flush::testing
