#include "io/posix/posix_mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "io/posix/descriptor.h"
#include "io/posix/errno_status.h"

#ifndef MADV_POPULATE_READ  // Linux 5.14; older ones answer EINVAL.
#define MADV_POPULATE_READ 22
#endif

namespace varve::io {
namespace {

// Keeps no descriptor: there may be more slabs than a process may have files open, and the mapping
// holds the file. fdatasync takes the pages of the file, whoever dirtied them.
class PosixMappedFile : public MappedFile {
 public:
  PosixMappedFile(std::string path, std::span<char> bytes)
      : path_(std::move(path)),
        bytes_(bytes),
        page_bytes_(static_cast<uint64_t>(sysconf(_SC_PAGESIZE))) {}
  ~PosixMappedFile() override { munmap(bytes_.data(), bytes_.size()); }
  PosixMappedFile(const PosixMappedFile&) = delete;
  PosixMappedFile& operator=(const PosixMappedFile&) = delete;

  std::span<char> bytes() const override { return bytes_; }
  uint64_t page_bytes() const override { return page_bytes_; }

  Status Allocate(uint64_t offset, uint64_t bytes) override {
    VARVE_ASSIGN_OR_RETURN(const Descriptor fd, OpenDescriptor(path_, O_RDWR));
    if (Fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, bytes) == 0) return OkStatus();
    if (errno != EOPNOTSUPP && errno != ENOSYS) return ErrnoStatus("allocate", path_, errno);
    return Rewrite(fd, offset, bytes);
  }

  Status Load(uint64_t offset, uint64_t bytes) const override {
    const uint64_t end = std::min<uint64_t>(offset + bytes, bytes_.size());
    // All of it at once, then wait for each page; where that is unknown the hint alone will do.
    if (end - offset > page_bytes_) madvise(bytes_.data() + offset, end - offset, MADV_WILLNEED);
    if (madvise(bytes_.data() + offset, end - offset, MADV_POPULATE_READ) == 0) return OkStatus();
    if (errno == EINVAL) return OkStatus();
    return ErrnoStatus("read", path_, errno == EFAULT ? EIO : errno);
  }

  Status PunchHole(uint64_t offset, uint64_t bytes) override {
    VARVE_ASSIGN_OR_RETURN(const Descriptor fd, OpenDescriptor(path_, O_RDWR));
    if (Fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes) == 0) {
      return OkStatus();
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS) return ErrnoStatus("punch", path_, errno);
    return WriteZeros(fd, offset, bytes);
  }

  Status DataSync() override {
    const Result<Descriptor> opened = OpenDescriptor(path_, O_RDWR);
    // Mostly for want of descriptors. No page was lost by that, and the error of one that could not
    // be written is kept for the descriptor that comes next.
    if (!opened.ok()) return FailedPrecondition("{}", MessageOf(opened.status()));
    const Descriptor& fd = *opened;
    if (fdatasync(fd.get()) != 0) return ErrnoStatus("sync", path_, errno);
    return OkStatus();
  }

 private:
  // 0, or -1 with errno. The last page may reach beyond the file, which keeps its size.
  static int Fallocate(const Descriptor& fd, int mode, uint64_t offset, uint64_t bytes) {
    int result = 0;
    do {
      result = fallocate(fd.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(bytes));
    } while (result != 0 && errno == EINTR);
    return result;
  }

  // For file systems without fallocate: what is written has room. The write of a page races with
  // stores into the same page, so only pages of zeros are written, and others have room already.
  Status Rewrite(const Descriptor& fd, uint64_t offset, uint64_t bytes) {
    const uint64_t end = std::min<uint64_t>(offset + bytes, bytes_.size());
    for (uint64_t at = offset; at < end; at += page_bytes_) {
      const std::span<const char> page = bytes_.subspan(at, std::min(page_bytes_, end - at));
      if (std::any_of(page.begin(), page.end(), [](char byte) { return byte != 0; })) continue;
      VARVE_RETURN_IF_ERROR(WriteZeros(fd, at, page.size()));
    }
    return OkStatus();
  }

  Status WriteZeros(const Descriptor& fd, uint64_t offset, uint64_t bytes) {
    static constexpr std::array<char, 65536> kZeros{};
    const uint64_t end = std::min<uint64_t>(offset + bytes, bytes_.size());
    while (offset < end) {
      const ssize_t wrote = pwrite(fd.get(), kZeros.data(), std::min(kZeros.size(), end - offset),
                                   static_cast<off_t>(offset));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return ErrnoStatus("write", path_, wrote < 0 ? errno : ENOSPC);
      offset += static_cast<uint64_t>(wrote);
    }
    return OkStatus();
  }

  const std::string path_;
  const std::span<char> bytes_;
  const uint64_t page_bytes_;
};

Result<std::unique_ptr<MappedFile>> Map(const std::string& path, const Descriptor& fd,
                                        uint64_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return ErrnoStatus("map", path, errno);
  // Rings lie all over the file: what is beside a page that is read is not wanted next.
  madvise(at, bytes, MADV_RANDOM);
  return std::make_unique<PosixMappedFile>(path, std::span(static_cast<char*>(at), bytes));
}

}  // namespace

Result<std::unique_ptr<MappedFile>> CreatePosixMapped(const std::string& path, uint64_t bytes) {
  VARVE_ASSIGN_OR_RETURN(const Descriptor fd, OpenDescriptor(path, O_RDWR | O_CREAT | O_EXCL));
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    const int error = errno;
    unlink(path.c_str());
    return ErrnoStatus("truncate", path, error);
  }
  return Map(path, fd, bytes);
}

Result<std::unique_ptr<MappedFile>> OpenPosixMapped(const std::string& path, uint64_t bytes) {
  VARVE_ASSIGN_OR_RETURN(const Descriptor fd, OpenDescriptor(path, O_RDWR));
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus("stat", path, errno);
  if (static_cast<uint64_t>(info.st_size) != bytes) {
    return DataLoss("file {} has {} bytes, not {}", path, info.st_size, bytes);
  }
  return Map(path, fd, bytes);
}

}  // namespace varve::io
