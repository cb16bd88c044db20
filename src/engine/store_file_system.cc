#include "engine/store_file_system.h"

#include <algorithm>
#include <cstring>
#include <utility>

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

struct StoreHandle final : FileHandle {
  StoreHandle(duckdb::FileSystem& system, const OpenFileInfo& file, FileOpenFlags how,
              io::ObjectStore& s, std::string o, uint64_t b)
      : FileHandle(system, file.path, how), store(s), object(std::move(o)), bytes(b) {}

  void Close() override {}

  io::ObjectStore& store;
  const std::string object;
  const uint64_t bytes;
  uint64_t position = 0;
};

[[noreturn]] void Refuse(const std::string& path) {
  ThrowStatus(SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied for file {}", path));
}

uint64_t SizeOf(const OpenFileInfo& file) {
  if (!file.extended_info) Refuse(file.path);
  const auto& options = file.extended_info->options;
  const auto size = options.find(kFileSize);
  if (!options.contains(kOurScan) || size == options.end()) Refuse(file.path);
  return size->second.GetValue<uint64_t>();
}

class StoreFileSystem final : public duckdb::FileSystem {
 public:
  explicit StoreFileSystem(const io::StoreSet& stores) : stores_(stores) {}

  void Read(FileHandle& handle, void* buffer, int64_t nr_bytes, idx_t location) override {
    auto& file = handle.Cast<StoreHandle>();
    const auto bytes = static_cast<uint64_t>(nr_bytes);
    if (location > file.bytes || bytes > file.bytes - location) {
      ThrowStatus(DataLoss("a read ends behind the end of {}: {} + {} of {} bytes", file.path,
                           location, bytes, file.bytes));
    }
    if (bytes == 0) return;
    auto content = file.store.GetRange(file.object, location, location + bytes);
    if (!content.ok()) ThrowStatus(Annotate(content.status(), file.path));
    if (content->size() != bytes) {
      ThrowStatus(DataLoss("{} is shorter than the Delta log says: {} of {} bytes from {}",
                           file.path, content->size(), bytes, location));
    }
    std::memcpy(buffer, content->data(), bytes);
  }

  int64_t Read(FileHandle& handle, void* buffer, int64_t nr_bytes) override {
    auto& file = handle.Cast<StoreHandle>();
    const uint64_t left = file.bytes - std::min(file.bytes, file.position);
    const auto bytes = static_cast<int64_t>(std::min(static_cast<uint64_t>(nr_bytes), left));
    Read(handle, buffer, bytes, file.position);
    file.position += static_cast<uint64_t>(bytes);
    return bytes;
  }

  int64_t GetFileSize(FileHandle& handle) override {
    return static_cast<int64_t>(handle.Cast<StoreHandle>().bytes);
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
  // DuckDB then reads whole column chunks instead of single pages.
  bool OnDiskFile(FileHandle&) override { return false; }

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
                                                  optional_ptr<FileOpener>) override {
    const uint64_t bytes = SizeOf(file);
    if (flags.OpenForWriting()) ThrowStatus(Internal("{} was opened for writing", file.path));
    auto path = io::ParseStorePath(file.path);
    io::ObjectStore* store = path ? stores_.Find(path->store) : nullptr;
    if (store == nullptr) ThrowStatus(NotFound("there is no such store: {}", file.path));
    return duckdb::make_uniq<StoreHandle>(*this, file, flags, *store, std::move(path->object),
                                          bytes);
  }

 private:
  const io::StoreSet& stores_;
};

}  // namespace

OpenFileInfo ScanFile(const std::string& path, uint64_t bytes) {
  OpenFileInfo file(path);
  file.extended_info = duckdb::make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
  auto& options = file.extended_info->options;
  options[kFileSize] = Value::UBIGINT(bytes);
  // Data files never change: DuckDB need not ask again whether a cached one is still valid.
  options[kValidate] = Value::BOOLEAN(false);
  options[kOurScan] = Value::BOOLEAN(true);
  return file;
}

void RegisterStoreFiles(duckdb::DatabaseInstance& db, const io::StoreSet& stores) {
  db.GetFileSystem().RegisterSubSystem(duckdb::make_uniq<StoreFileSystem>(stores));
  // Without this DuckDB refuses the scans as well, once its external access is off.
  duckdb::DBConfig::GetConfig(db).AddAllowedDirectory(std::string(io::kStoreScheme));
}

}  // namespace varve::engine
