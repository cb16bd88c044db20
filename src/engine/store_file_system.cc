#include "engine/store_file_system.h"

#include <algorithm>
#include <duckdb/common/file_opener.hpp>
#include <optional>
#include <span>
#include <utility>

#include "base/interrupt.h"
#include "base/mutex.h"
#include "engine/duck_guard.h"

namespace varve::engine {

using duckdb::FileHandle;
using duckdb::FileOpener;
using duckdb::FileOpenFlags;
using duckdb::idx_t;
using duckdb::OpenFileInfo;
using duckdb::optional_ptr;
using duckdb::Value;

namespace {

// Options of an OpenFileInfo. DuckDB reads the first two; no SQL can set the third.
constexpr const char* kFileSize = "file_size";
constexpr const char* kValidate = "validate_external_file_cache";
constexpr const char* kOurScan = "varve_scan";

// What ScanFile puts into an OpenFileInfo, beside the options.
struct ScanFileInfo : duckdb::ExtendedOpenFileInfo {
  Mutex mu;
  std::shared_ptr<const cache::ReadPlan> plan VARVE_GUARDED_BY(mu);
  std::vector<ComingFile> coming VARVE_GUARDED_BY(mu);
};

struct StoreHandle final : FileHandle {
  StoreHandle(duckdb::FileSystem& system, const OpenFileInfo& file, FileOpenFlags how,
              cache::CachedObject o, std::shared_ptr<const cache::ReadPlan> p,
              optional_ptr<duckdb::ClientContext> c)
      : FileHandle(system, file.path, how), object(std::move(o)), plan(std::move(p)) {
    if (c) context = c->shared_from_this();
  }

  void Close() override {}

  const cache::CachedObject object;
  const std::shared_ptr<const cache::ReadPlan> plan;  // may be null
  duckdb::weak_ptr<duckdb::ClientContext> context;    // whose statement opened it
  uint64_t position = 0;
};

// What a statement is told that needs a file which the store does not have, or not whole.
Status OfDataFile(const Status& status, const std::string& path) {
  if (status.code() != StatusCode::kNotFound) return Annotate(status, path);
  return WithHint(DataLoss("data file {} is not in the store: {}", path, MessageOf(status)),
                  "The Delta log names it. Something other than varve.vacuum has deleted it, or a "
                  "vacuum with a shorter retention than the longest statement.");
}

[[noreturn]] void Refuse(const std::string& path) {
  ThrowStatus(SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied for file {}", path));
}

// nullptr when no ScanFile has made it. The mark is the address of the whole: a copy that lost what
// is ours has another one.
ScanFileInfo* InfoOf(const OpenFileInfo& file) {
  if (!file.extended_info) return nullptr;
  const auto mark = file.extended_info->options.find(kOurScan);
  if (mark == file.extended_info->options.end()) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(file.extended_info.get());
  if (mark->second.GetValue<uint64_t>() != address) return nullptr;
  return static_cast<ScanFileInfo*>(file.extended_info.get());
}

class StoreFileSystem final : public duckdb::FileSystem {
 public:
  StoreFileSystem(const io::StoreSet& stores, cache::BlockCache& cache)
      : stores_(stores), cache_(cache) {}

  void Read(FileHandle& handle, void* buffer, int64_t nr_bytes, idx_t location) override {
    auto& file = handle.Cast<StoreHandle>();
    const std::span<char> into(static_cast<char*>(buffer), static_cast<size_t>(nr_bytes));
    const auto context = file.context.lock();
    const InterruptScope scope([&] { return context && context->IsInterrupted(); });
    const Status read = cache_.Read(file.object, location, into, file.plan.get());
    if (!read.ok()) ThrowStatus(OfDataFile(read, file.path));
  }

  int64_t Read(FileHandle& handle, void* buffer, int64_t nr_bytes) override {
    auto& file = handle.Cast<StoreHandle>();
    const uint64_t left = file.object.bytes - std::min(file.object.bytes, file.position);
    const auto bytes = static_cast<int64_t>(std::min(static_cast<uint64_t>(nr_bytes), left));
    Read(handle, buffer, bytes, file.position);
    file.position += static_cast<uint64_t>(bytes);
    return bytes;
  }

  int64_t GetFileSize(FileHandle& handle) override {
    return static_cast<int64_t>(handle.Cast<StoreHandle>().object.bytes);
  }
  // Objects never change: there is nothing to tell versions apart by.
  duckdb::timestamp_t GetLastModifiedTime(FileHandle&) override { return duckdb::timestamp_t(0); }
  std::string GetVersionTag(FileHandle&) override { return {}; }
  duckdb::FileType GetFileType(FileHandle&) override { return duckdb::FileType::FILE_TYPE_REGULAR; }

  void Seek(FileHandle& handle, idx_t location) override {
    handle.Cast<StoreHandle>().position = location;
  }
  idx_t SeekPosition(FileHandle& handle) override { return handle.Cast<StoreHandle>().position; }
  bool CanSeek() override { return true; }
  // On disk: DuckDB reads page by page. Else it reads whole column chunks into memory of its own,
  // which is only better when each read is a request.
  bool OnDiskFile(FileHandle&) override { return cache_.keeps_in_memory(); }

  bool CanHandleFile(const std::string& path) override {
    return path.starts_with(io::kStoreScheme);
  }
  // What a reader or writer asks before it opens: no scan of ours does.
  duckdb::vector<OpenFileInfo> Glob(const std::string& path, FileOpener*) override { Refuse(path); }
  bool FileExists(const std::string& path, optional_ptr<FileOpener>) override { Refuse(path); }
  bool IsPipe(const std::string&, optional_ptr<FileOpener>) override { return false; }
  std::string PathSeparator(const std::string&) override { return "/"; }
  std::string CanonicalizePath(const std::string& path, optional_ptr<FileOpener>) override {
    return path;
  }
  std::string GetName() const override { return "VarveStores"; }

 protected:
  bool SupportsOpenFileExtended() const override { return true; }
  duckdb::unique_ptr<FileHandle> OpenFileExtended(const OpenFileInfo& file, FileOpenFlags flags,
                                                  optional_ptr<FileOpener> opener) override {
    ScanFileInfo* info = InfoOf(file);
    if (info == nullptr) Refuse(file.path);
    if (flags.OpenForWriting()) ThrowStatus(Internal("{} was opened for writing", file.path));
    std::shared_ptr<const cache::ReadPlan> plan;
    std::vector<ComingFile> coming;
    {
      MutexLock lock(info->mu);
      plan = info->plan;
      coming = std::exchange(info->coming, {});
    }
    for (const ComingFile& next : coming) {
      if (const auto object = ObjectAt(next.path, next.bytes)) cache_.PrefetchEnd(*object);
    }
    auto object = ObjectAt(file.path, info->options.at(kFileSize).GetValue<uint64_t>());
    if (!object) ThrowStatus(NotFound("there is no such store: {}", file.path));
    return duckdb::make_uniq<StoreHandle>(*this, file, flags, *std::move(object), std::move(plan),
                                          FileOpener::TryGetClientContext(opener));
  }

 private:
  std::optional<cache::CachedObject> ObjectAt(const std::string& path, uint64_t bytes) const {
    auto name = io::ParseStorePath(path);
    io::ObjectStore* store = name ? stores_.Find(name->store) : nullptr;
    if (store == nullptr) return std::nullopt;
    return cache::CachedObject(*store, {std::move(name->store), std::move(name->object)}, bytes);
  }

  const io::StoreSet& stores_;
  cache::BlockCache& cache_;
};

}  // namespace

OpenFileInfo ScanFile(const std::string& path, uint64_t bytes, std::vector<ComingFile> coming) {
  OpenFileInfo file(path);
  auto info = duckdb::make_shared_ptr<ScanFileInfo>();
  info->options[kFileSize] = Value::UBIGINT(bytes);
  // Data files never change: DuckDB need not ask again whether a cached one is still valid.
  info->options[kValidate] = Value::BOOLEAN(false);
  duckdb::ExtendedOpenFileInfo* const whole = info.get();
  info->options[kOurScan] = Value::UBIGINT(reinterpret_cast<uintptr_t>(whole));
  {
    MutexLock lock(info->mu);
    info->coming = std::move(coming);
  }
  file.extended_info = std::move(info);
  return file;
}

void SetReadPlan(const OpenFileInfo& file, std::shared_ptr<const cache::ReadPlan> plan) {
  ScanFileInfo* info = InfoOf(file);
  if (info == nullptr) return;
  MutexLock lock(info->mu);
  info->plan = std::move(plan);
}

void RegisterStoreFiles(duckdb::DatabaseInstance& db, const io::StoreSet& stores,
                        cache::BlockCache& cache) {
  db.GetFileSystem().RegisterSubSystem(duckdb::make_uniq<StoreFileSystem>(stores, cache));
  // Without this DuckDB refuses the scans as well, once its external access is off.
  duckdb::DBConfig::GetConfig(db).AddAllowedDirectory(std::string(io::kStoreScheme));
}

}  // namespace varve::engine
