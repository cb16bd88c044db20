#include "io/posix/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "io/posix/descriptor.h"
#include "io/posix/errno_status.h"
#include "io/posix/posix_mapped_file.h"

namespace varve::io {
namespace {

constexpr mode_t kDirMode = 0750;
constexpr size_t kPiecesPerCall = 1024;  // IOV_MAX on Linux.

Status Preallocate(const Descriptor& fd, const std::string& path, uint64_t bytes) {
  if (bytes == 0) return OkStatus();
  const auto length = static_cast<off_t>(bytes);
  int error = 0;
  do {
    error = fallocate(fd.get(), 0, 0, length) == 0 ? 0 : errno;
  } while (error == EINTR);
  if (error == EOPNOTSUPP || error == ENOSYS) {
    error = ftruncate(fd.get(), length) == 0 ? 0 : errno;
  }
  return error == 0 ? OkStatus() : ErrnoStatus("allocate", path, error);
}

class PosixAppendFile : public AppendFile {
 public:
  PosixAppendFile(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Status Append(std::span<const std::string_view> pieces) override {
    std::array<iovec, kPiecesPerCall> vectors{};
    while (!pieces.empty()) {
      const size_t count = std::min(pieces.size(), kPiecesPerCall);
      for (size_t i = 0; i < count; ++i) {
        // pwritev only reads through this pointer; POSIX shares the struct with readv.
        vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
      }
      VARVE_RETURN_IF_ERROR(WriteAll(std::span(vectors.data(), count)));
      pieces = pieces.subspan(count);
    }
    return OkStatus();
  }

  Status Grow(uint64_t bytes) override { return Preallocate(fd_, path_, bytes); }

  Status DataSync() override {
    // No second try, whatever the reason: the kernel may have dropped the pages it could not write.
    if (fdatasync(fd_.get()) != 0) return ErrnoStatus("sync", path_, errno);
    return OkStatus();
  }

  uint64_t position() const override { return position_; }

 private:
  Status WriteAll(std::span<iovec> vectors) {
    while (!vectors.empty()) {
      const ssize_t wrote = pwritev(fd_.get(), vectors.data(), static_cast<int>(vectors.size()),
                                    static_cast<off_t>(position_));
      if (wrote < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus("write", path_, errno);
      }
      position_ += static_cast<uint64_t>(wrote);
      size_t left = static_cast<size_t>(wrote);
      while (!vectors.empty() && left >= vectors.front().iov_len) {
        left -= vectors.front().iov_len;
        vectors = vectors.subspan(1);
      }
      if (vectors.empty()) break;
      // A disk that takes nothing and names no reason would loop here for ever.
      if (wrote == 0) return ErrnoStatus("write", path_, ENOSPC);
      vectors.front().iov_base = static_cast<char*>(vectors.front().iov_base) + left;
      vectors.front().iov_len -= left;
    }
    return OkStatus();
  }

  const std::string path_;
  const Descriptor fd_;
  uint64_t position_ = 0;
};

class PosixRandomFile : public RandomFile {
 public:
  PosixRandomFile(std::string path, Descriptor fd, uint64_t bytes)
      : path_(std::move(path)), fd_(std::move(fd)), bytes_(bytes) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<char> into) const override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = pread(fd_.get(), into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoStatus("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  uint64_t bytes() const override { return bytes_; }

 private:
  const std::string path_;
  const Descriptor fd_;
  const uint64_t bytes_;
};

class PosixFileLock : public FileLock {
 public:
  explicit PosixFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  const Descriptor fd_;  // flock is bound to it: closing, or the end of the process, lets go.
};

int64_t ModifiedUs(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000;
}

DirEntry EntryOf(std::string name, const struct stat& info) {
  return {std::move(name), static_cast<uint64_t>(info.st_size), ModifiedUs(info),
          S_ISDIR(info.st_mode)};
}

std::string BaseName(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

Result<Descriptor> OpenDescriptor(const std::string& path, int flags) {
  constexpr mode_t kFileMode = 0640;
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoStatus("open", path, errno);
  return Descriptor(fd);
}

PosixFileSystem& PosixFileSystem::Get() {
  static PosixFileSystem files;
  return files;
}

Result<std::unique_ptr<AppendFile>> PosixFileSystem::Create(const std::string& path,
                                                            uint64_t preallocate) {
  VARVE_ASSIGN_OR_RETURN(Descriptor fd, OpenDescriptor(path, O_RDWR | O_CREAT | O_EXCL));
  if (Status allocated = Preallocate(fd, path, preallocate); !allocated.ok()) {
    unlink(path.c_str());  // Ours alone so far; an empty file left behind would do no harm either.
    return allocated;
  }
  return std::make_unique<PosixAppendFile>(path, std::move(fd));
}

Result<std::unique_ptr<AppendFile>> PosixFileSystem::Recreate(const std::string& path,
                                                              uint64_t preallocate) {
  VARVE_ASSIGN_OR_RETURN(Descriptor fd, OpenDescriptor(path, O_RDWR | O_TRUNC));
  VARVE_RETURN_IF_ERROR(Preallocate(fd, path, preallocate));
  return std::make_unique<PosixAppendFile>(path, std::move(fd));
}

Result<std::unique_ptr<RandomFile>> PosixFileSystem::OpenRead(const std::string& path) {
  VARVE_ASSIGN_OR_RETURN(Descriptor fd, OpenDescriptor(path, O_RDONLY));
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus("stat", path, errno);
  return std::make_unique<PosixRandomFile>(path, std::move(fd),
                                           static_cast<uint64_t>(info.st_size));
}

Result<std::unique_ptr<MappedFile>> PosixFileSystem::CreateMapped(const std::string& path,
                                                                  uint64_t bytes) {
  return CreatePosixMapped(path, bytes);
}

Result<std::unique_ptr<MappedFile>> PosixFileSystem::OpenMapped(const std::string& path,
                                                                uint64_t bytes) {
  return OpenPosixMapped(path, bytes);
}

Status PosixFileSystem::Truncate(const std::string& path, uint64_t bytes) {
  VARVE_ASSIGN_OR_RETURN(const Descriptor fd, OpenDescriptor(path, O_RDWR));
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus("stat", path, errno);
  if (bytes > static_cast<uint64_t>(info.st_size)) {
    return InvalidArgument("file {} is shorter than the {} bytes to cut it to: {}", path, bytes,
                           info.st_size);
  }
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return ErrnoStatus("truncate", path, errno);
  }
  if (fsync(fd.get()) != 0) return ErrnoStatus("sync", path, errno);
  return OkStatus();
}

Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus("rename", from, errno);
  return OkStatus();
}

Status PosixFileSystem::Link(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) != 0) {
    return ErrnoStatus("link", errno == EEXIST ? to : from, errno);
  }
  return OkStatus();
}

Status PosixFileSystem::Remove(const std::string& path) {
  if (unlink(path.c_str()) != 0) return ErrnoStatus("remove", path, errno);
  return OkStatus();
}

Status PosixFileSystem::Restrict(const std::string& path) {
  if (chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return ErrnoStatus("chmod", path, errno);
  return OkStatus();
}

Status PosixFileSystem::MakeDirs(const std::string& path) {
  for (size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') continue;
    const std::string prefix = path.substr(0, end);
    if (mkdir(prefix.c_str(), kDirMode) == 0) {
      const size_t slash = prefix.rfind('/');
      const std::string parent = slash == std::string::npos ? "." : prefix.substr(0, slash + 1);
      VARVE_RETURN_IF_ERROR(SyncDir(parent));
      continue;
    }
    const int error = errno;
    // A folder above that we may not write into is fine as long as it is there.
    struct stat info{};
    if (stat(prefix.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
    return Unavailable("could not make folder \"{}\": {}", prefix,
                       MessageOf(ErrnoStatus("create", prefix, error)));
  }
  return OkStatus();
}

Status PosixFileSystem::SyncDir(const std::string& path) {
  VARVE_ASSIGN_OR_RETURN(const Descriptor fd, OpenDescriptor(path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return ErrnoStatus("sync", path, errno);
  return OkStatus();
}

Result<std::vector<DirEntry>> PosixFileSystem::List(const std::string& dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(opendir(dir.c_str()), closedir);
  if (!handle) return ErrnoStatus("list", dir, errno);
  std::vector<DirEntry> entries;
  while (true) {
    errno = 0;
    const dirent* item = readdir(handle.get());
    if (item == nullptr) break;
    std::string name = item->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (fstatat(dirfd(handle.get()), name.c_str(), &info, 0) != 0) {
      if (errno == ENOENT) continue;  // Removed since readdir, or a link to nowhere.
      return ErrnoStatus("stat", JoinPath(dir, name), errno);
    }
    entries.push_back(EntryOf(std::move(name), info));
  }
  if (errno != 0) return ErrnoStatus("list", dir, errno);
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

Result<DirEntry> PosixFileSystem::Stat(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus("stat", path, errno);
  return EntryOf(BaseName(path), info);
}

Result<DiskSpace> PosixFileSystem::Space(const std::string& path) {
  struct statvfs info{};
  if (statvfs(path.c_str(), &info) != 0) return ErrnoStatus("stat", path, errno);
  return DiskSpace{uint64_t{info.f_blocks} * info.f_frsize, uint64_t{info.f_bavail} * info.f_frsize,
                   uint64_t{info.f_blocks - info.f_bfree} * info.f_frsize};
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path,
                                                        std::string_view content) {
  VARVE_ASSIGN_OR_RETURN(Descriptor fd, OpenDescriptor(path, O_RDWR | O_CREAT));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus("lock", path, errno);
    std::array<char, 256> holder{};
    const ssize_t got = pread(fd.get(), holder.data(), holder.size(), 0);
    return WithDetail(
        SqlErrorf(sqlstate::kObjectInUse, "file \"{}\" is locked by another process", path),
        std::string_view(holder.data(), got > 0 ? static_cast<size_t>(got) : 0));
  }
  if (ftruncate(fd.get(), 0) != 0) return ErrnoStatus("truncate", path, errno);
  if (pwrite(fd.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) {
    return ErrnoStatus("write", path, errno != 0 ? errno : ENOSPC);
  }
  return std::make_unique<PosixFileLock>(std::move(fd));
}

}  // namespace varve::io
