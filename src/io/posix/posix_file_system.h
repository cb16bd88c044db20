// Implements FileSystem with the system calls of POSIX and Linux.
//
// Role:     log, main -> [PosixFileSystem] -> kernel. System calls on files live here only.
// Errors:   see io/file.h; ENOSPC and EDQUOT become 53100. A system without fallocate gets sparse
//           files: then a write inside the preallocated part can fail for want of space.
// Threads:  safe; no state.
#pragma once

#include "io/file.h"

namespace varve::io {

class PosixFileSystem : public FileSystem {
 public:
  // The process-wide one.
  static PosixFileSystem& Get();

  Result<std::unique_ptr<AppendFile>> Create(const std::string& path,
                                             uint64_t preallocate) override;
  Result<std::unique_ptr<AppendFile>> Recreate(const std::string& path,
                                               uint64_t preallocate) override;
  Result<std::unique_ptr<RandomFile>> OpenRead(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> CreateMapped(const std::string& path,
                                                   uint64_t bytes) override;
  Result<std::unique_ptr<MappedFile>> OpenMapped(const std::string& path, uint64_t bytes) override;
  Status Truncate(const std::string& path, uint64_t bytes) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Link(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status Restrict(const std::string& path) override;
  Status MakeDirs(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  Result<std::vector<DirEntry>> List(const std::string& dir) override;
  Result<DirEntry> Stat(const std::string& path) override;
  Result<DiskSpace> Space(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                         std::string_view content) override;
};

}  // namespace varve::io
