#include "io/posix/local_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "base/parallel.h"
#include "io/posix/descriptor.h"
#include "io/posix/local_listing.h"

namespace varve::io {
namespace {

// A writer that is alive has long ended its file by then; clocks of one machine differ less.
constexpr int64_t kStaleTemporarySeconds = 3600;
constexpr size_t kDurableFoldersMax = 65'536;
constexpr size_t kCopyBytes = 1 << 20;
constexpr size_t kSyncsAtOnce = 8;

// Others may read the files of a lake. Not ok() when it fails, with the reason in errno.
Descriptor OpenPath(const std::string& path, int flags) {
  return Descriptor(::open(path.c_str(), flags | O_CLOEXEC, 0644));
}

// Deletes a temporary file unless it has found its place.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }
  void Keep() { path_.clear(); }

 private:
  std::string path_;
};

Status CheckName(std::string_view name) {
  VARVE_RETURN_IF_ERROR(CheckObjectName(name));
  if (fmt::format("/{}/", name).find(fmt::format("/{}/", kTemporaryFolder)) != std::string::npos) {
    return InvalidArgument("object name is of a folder for temporary files: \"{}\"", name);
  }
  return OkStatus();
}

std::string_view FolderOf(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError("write", path, errno);
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
  return OkStatus();
}

Status SyncFolder(const std::string& path) {
  const Descriptor folder = OpenPath(path, O_RDONLY | O_DIRECTORY);
  if (!folder.ok()) return SystemError("open folder", path, errno);
  if (::fsync(folder.get()) != 0) return SystemError("sync folder", path, errno);
  return OkStatus();
}

// As if written now: a file that waited for long must not look old to a vacuum before its commit.
Status TouchAndSync(const std::string& path) {
  const Descriptor file = OpenPath(path, O_RDONLY);
  if (!file.ok()) return SystemError("read", path, errno);
  if (::futimens(file.get(), nullptr) != 0) return SystemError("set time of", path, errno);
  if (::fsync(file.get()) != 0) return SystemError("sync", path, errno);
  return OkStatus();
}

// Calls `act` for each path, a few at a time: syncs that run together share the disk's work. All
// are tried; the first error in their order counts.
Status InParallel(const std::vector<std::string>& paths, Status (*act)(const std::string&)) {
  std::vector<Status> results(paths.size());
  RunParallel(paths.size(), kSyncsAtOnce, [&](size_t i) { results[i] = act(paths[i]); });
  for (Status& result : results) VARVE_RETURN_IF_ERROR(std::move(result));
  return OkStatus();
}

}  // namespace

LocalStore::LocalStore(std::string root) : root_(std::move(root)) {}

Result<std::unique_ptr<LocalStore>> LocalStore::Open(const std::string& root) {
  if (root.empty()) return InvalidArgument("the folder of a local store has no name");
  auto store = std::unique_ptr<LocalStore>(new LocalStore(root));
  std::string path = root + "/" + std::string(kTemporaryFolder);
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (::mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST) {
      return SystemError("make folder", path.substr(0, slash), errno);
    }
  }
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return SystemError("make folder", path, errno);
  }
  const std::string_view above = FolderOf(root);
  VARVE_RETURN_IF_ERROR(SyncFolder(!above.empty()          ? std::string(above)
                                   : root.starts_with('/') ? "/"
                                                           : "."));
  store->RemoveStaleTemporaries();
  return store;
}

void LocalStore::RemoveStaleTemporaries() const {
  const std::string folder = root_ + "/" + std::string(kTemporaryFolder);
  DIR* stream = ::opendir(folder.c_str());
  if (stream == nullptr) return;
  const int64_t now = Clock::System().NowUs() / 1'000'000;
  while (const dirent* entry = ::readdir(stream)) {
    struct stat info{};
    const std::string path = folder + "/" + entry->d_name;
    // Rubbish that cannot be removed does no harm.
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
        info.st_mtim.tv_sec + kStaleTemporarySeconds < now) {
      ::unlink(path.c_str());
    }
  }
  ::closedir(stream);
}

std::string LocalStore::PathOf(std::string_view name) const {
  return root_ + "/" + std::string(name);
}

Status LocalStore::CheckRoot() const {
  std::error_code error;
  if (std::filesystem::is_directory(root_, error)) return OkStatus();
  return Unavailable("the folder of the store is not there: {}", root_);
}

Status LocalStore::Unreachable(std::string_view what, const std::string& path, int error) const {
  if (error != ENOENT && error != ENOTDIR) return SystemError(what, path, error);
  VARVE_RETURN_IF_ERROR(CheckRoot());
  return SystemError(what, path, ENOENT);
}

std::string LocalStore::ReadPath(std::string_view name) const { return PathOf(name); }

Result<std::string> LocalStore::Get(std::string_view name) { return GetRange(name, 0, UINT64_MAX); }

Result<std::string> LocalStore::GetRange(std::string_view name, uint64_t begin, uint64_t end) {
  VARVE_RETURN_IF_ERROR(CheckName(name));
  const std::string path = PathOf(name);
  const Descriptor file = OpenPath(path, O_RDONLY);
  if (!file.ok()) return Unreachable("read", path, errno);
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return SystemError("read", path, errno);
  if (!S_ISREG(info.st_mode)) return SystemError("read", path, ENOENT);
  end = std::min(end, static_cast<uint64_t>(info.st_size));
  std::string content(begin < end ? end - begin : 0, '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::pread(file.get(), content.data() + done, content.size() - done,
                              static_cast<off_t>(begin + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("read", path, errno);
    if (n == 0) return DataLoss("object became shorter while it was read: {}", path);
    done += static_cast<size_t>(n);
  }
  return content;
}

Result<ObjectInfo> LocalStore::Head(std::string_view name) {
  VARVE_RETURN_IF_ERROR(CheckName(name));
  const std::string path = PathOf(name);
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return Unreachable("look up", path, errno);
  }
  if (!S_ISREG(info.st_mode)) return SystemError("look up", path, ENOENT);
  return DescribeFile(std::string(name), info);
}

std::string LocalStore::NextTemporaryPath() {
  return fmt::format("{}/{}/{}-{}", root_, kTemporaryFolder, ::getpid(),
                     next_temporary_.fetch_add(1));
}

Result<std::string> LocalStore::WriteTemporary(std::string_view content) {
  while (true) {
    std::string path = NextTemporaryPath();
    const Descriptor file = OpenPath(path, O_WRONLY | O_CREAT | O_EXCL);
    // Another store of this process, or a process that had our id and died, has the name.
    if (!file.ok() && errno == EEXIST) continue;
    if (!file.ok()) {
      // Not NotFound even when the folder is gone: the caller asked for another object.
      return SystemError("make", path, errno == ENOENT ? EIO : errno);
    }
    TemporaryFile temporary(path);
    VARVE_RETURN_IF_ERROR(WriteAll(file.get(), content, path));
    if (::fsync(file.get()) != 0) return SystemError("sync", path, errno);
    temporary.Keep();
    return path;
  }
}

Result<std::string> LocalStore::CopyToTemporary(const std::string& path) {
  const Descriptor from = OpenPath(path, O_RDONLY);
  if (!from.ok()) return SystemError("read", path, errno);
  VARVE_ASSIGN_OR_RETURN(std::string copy, WriteTemporary({}));
  TemporaryFile temporary(copy);
  const Descriptor to = OpenPath(copy, O_WRONLY);
  if (!to.ok()) return SystemError("write", copy, errno);
  std::string block(kCopyBytes, '\0');
  while (true) {
    const ssize_t n = ::read(from.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("read", path, errno);
    if (n == 0) break;
    VARVE_RETURN_IF_ERROR(
        WriteAll(to.get(), std::string_view(block).substr(0, static_cast<size_t>(n)), copy));
  }
  if (::fsync(to.get()) != 0) return SystemError("sync", copy, errno);
  temporary.Keep();
  return copy;
}

Status LocalStore::MakeFolderOf(std::string_view name) {
  std::set<std::string> unsynced;
  VARVE_RETURN_IF_ERROR(MakeFoldersUnsynced(FolderOf(name), unsynced));
  for (const std::string& folder : unsynced) VARVE_RETURN_IF_ERROR(SyncFolder(folder));
  NoteDurable(FolderOf(name));
  return OkStatus();
}

Status LocalStore::MakeFoldersUnsynced(std::string_view folder, std::set<std::string>& unsynced) {
  for (size_t end = 0; end < folder.size();) {
    end = std::min(folder.find('/', end + 1), folder.size());
    const std::string_view above = folder.substr(0, end);
    {
      MutexLock lock(mu_);
      if (durable_folders_.contains(above)) continue;
    }
    const std::string path = PathOf(above);
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
      return SystemError("make folder", path, errno);
    }
    unsynced.insert(PathOf(FolderOf(above)));
  }
  return OkStatus();
}

void LocalStore::NoteDurable(std::string_view folder) {
  MutexLock lock(mu_);
  if (durable_folders_.size() >= kDurableFoldersMax) durable_folders_.clear();
  for (size_t end = 0; end < folder.size();) {
    end = std::min(folder.find('/', end + 1), folder.size());
    durable_folders_.emplace(folder.substr(0, end));
  }
}

Status LocalStore::SyncFolderOf(std::string_view name) const {
  return SyncFolder(PathOf(FolderOf(name)));
}

Result<int> LocalStore::PlaceInFolder(std::string_view name, const std::function<int()>& place) {
  VARVE_RETURN_IF_ERROR(MakeFolderOf(name));
  const int error = place();
  if (error != ENOENT) return error;
  {
    MutexLock lock(mu_);
    durable_folders_.clear();
  }
  VARVE_RETURN_IF_ERROR(MakeFolderOf(name));
  return place();
}

Status LocalStore::Put(std::string_view name, std::string_view content) {
  VARVE_RETURN_IF_ERROR(CheckName(name));
  const std::string path = PathOf(name);
  VARVE_ASSIGN_OR_RETURN(std::string written, WriteTemporary(content));
  TemporaryFile temporary(std::move(written));
  VARVE_ASSIGN_OR_RETURN(const int error, PlaceInFolder(name, [&] {
                           const int rc = std::rename(temporary.path().c_str(), path.c_str());
                           return rc == 0 ? 0 : errno;
                         }));
  if (error != 0) return SystemError("write", path, error);
  temporary.Keep();
  return SyncFolderOf(name);
}

Status LocalStore::PutIfAbsent(std::string_view name, std::string_view content) {
  VARVE_RETURN_IF_ERROR(CheckName(name));
  const std::string path = PathOf(name);
  VARVE_ASSIGN_OR_RETURN(std::string written, WriteTemporary(content));
  const TemporaryFile temporary(std::move(written));
  // link() gives a synced file its name only if nobody has it: the whole object or nothing.
  VARVE_ASSIGN_OR_RETURN(const int error, PlaceInFolder(name, [&] {
                           const int rc = ::link(temporary.path().c_str(), path.c_str());
                           return rc == 0 ? 0 : errno;
                         }));
  if (error == EEXIST) return AlreadyExists("object exists: {}", path);
  if (error != 0) return SystemError("write", path, error);
  const Status synced = SyncFolderOf(name);
  // The object is there for all to see; only whether it outlives a power cut is open.
  return synced.ok() ? synced : Unavailable("could not sync {}: {}", path, MessageOf(synced));
}

Status LocalStore::PutFile(std::string_view name, const std::string& path) {
  const FileToPut file{std::string(name), path};
  return PutFiles({&file, 1});
}

Status LocalStore::PutFiles(std::span<const FileToPut> files) {
  std::vector<std::string> paths;
  for (const FileToPut& file : files) {
    VARVE_RETURN_IF_ERROR(CheckName(file.name));
    paths.push_back(file.path);
  }
  VARVE_RETURN_IF_ERROR(InParallel(paths, TouchAndSync));
  std::set<std::string> unsynced;
  for (const FileToPut& file : files) VARVE_RETURN_IF_ERROR(LinkIn(file, unsynced));
  VARVE_RETURN_IF_ERROR(InParallel({unsynced.begin(), unsynced.end()}, SyncFolder));
  for (const FileToPut& file : files) NoteDurable(FolderOf(file.name));
  return OkStatus();
}

int LocalStore::LinkOver(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return 0;
  if (errno != EEXIST) return errno;
  std::string path = NextTemporaryPath();
  while (::link(from.c_str(), path.c_str()) != 0) {
    if (errno != EEXIST) return errno;
    path = NextTemporaryPath();  // as in WriteTemporary
  }
  // Removed at the end also after the rename, which does nothing between two names of one file.
  const TemporaryFile temporary(std::move(path));
  return std::rename(temporary.path().c_str(), to.c_str()) == 0 ? 0 : errno;
}

Status LocalStore::LinkIn(const FileToPut& file, std::set<std::string>& unsynced) {
  const std::string target = PathOf(file.name);
  const std::string_view folder = FolderOf(file.name);
  VARVE_RETURN_IF_ERROR(MakeFoldersUnsynced(folder, unsynced));
  int error = LinkOver(file.path, target);
  if (error == ENOENT) {  // Somebody has removed the folder.
    {
      MutexLock lock(mu_);
      durable_folders_.clear();
    }
    VARVE_RETURN_IF_ERROR(MakeFoldersUnsynced(folder, unsynced));
    error = LinkOver(file.path, target);
  }
  // Another file system, one without links, or a file with as many as it may have.
  if (error == EXDEV || error == EPERM || error == EMLINK || error == EOPNOTSUPP) {
    VARVE_ASSIGN_OR_RETURN(std::string copy, CopyToTemporary(file.path));
    const TemporaryFile temporary(std::move(copy));
    error = std::rename(temporary.path().c_str(), target.c_str()) == 0 ? 0 : errno;
  }
  if (error != 0) return SystemError("write", target, error);
  unsynced.insert(PathOf(folder));
  return OkStatus();
}

Result<std::vector<ObjectInfo>> LocalStore::List(std::string_view prefix,
                                                 std::string_view start_after) {
  std::string folder(prefix.substr(0, prefix.rfind('/') + 1));
  if (!folder.empty()) VARVE_RETURN_IF_ERROR(CheckName(folder.substr(0, folder.size() - 1)));
  VARVE_RETURN_IF_ERROR(CheckRoot());
  return ListFiles(root_, folder, prefix, start_after);
}

Result<std::vector<std::string>> LocalStore::ListFolders(std::string_view prefix) {
  const std::string_view folder = prefix.substr(0, prefix.rfind('/') + 1);
  if (folder != prefix) return InvalidArgument("not a folder: {}", prefix);
  if (!folder.empty()) VARVE_RETURN_IF_ERROR(CheckName(folder.substr(0, folder.size() - 1)));
  VARVE_RETURN_IF_ERROR(CheckRoot());
  std::vector<std::string> folders;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(PathOf(folder), error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name == kTemporaryFolder || !entry->is_directory(error)) continue;
    folders.push_back(std::move(name));
  }
  if (error == std::errc::no_such_file_or_directory) return folders;
  if (error) return SystemError("list", PathOf(folder), error.value());
  std::sort(folders.begin(), folders.end());
  return folders;
}

Status LocalStore::Delete(std::string_view name) {
  VARVE_RETURN_IF_ERROR(CheckName(name));
  const std::string path = PathOf(name);
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return CheckRoot();
    return SystemError("delete", path, errno);
  }
  return SyncFolderOf(name);
}

}  // namespace varve::io
