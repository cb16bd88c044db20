// Reads, writes and names files: what the log and the data folder need from an operating system.
//
// Role:     log, main -> [FileSystem] -> io/posix (real), io/testing (in memory, with faults).
// Units:    bytes; paths are the system's own, absolute or relative to the working folder.
// Errors:   NotFound; AlreadyExists; ResourceExhausted with SQLSTATE 53100 when the disk is full;
//           Unavailable for any other failure, with the path and the system's reason in the text.
// Threads:  FileSystem and RandomFile are safe; an AppendFile has one owner. Every call may block.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/mapped_file.h"

namespace varve::io {

// Writes a file from front to back. Nothing is durable before DataSync() has returned OK. After a
// failed Append or DataSync the content behind the last successful DataSync is unknown: never
// retry.
class AppendFile {
 public:
  virtual ~AppendFile() = default;

  // Writes all pieces, one after the other, behind what was appended before.
  virtual Status Append(std::span<const std::string_view> pieces) = 0;
  Status Append(std::string_view piece) { return Append(std::span(&piece, 1)); }
  // Extends the preallocated part to `bytes` from the start of the file. 53100 when the disk has no
  // room for it: then nothing has changed.
  virtual Status Grow(uint64_t bytes) = 0;
  // Makes everything appended so far durable, with the file's size (fdatasync).
  virtual Status DataSync() = 0;
  // Bytes appended: where the next Append begins.
  virtual uint64_t position() const = 0;
};

// Reads a file at any offset.
class RandomFile {
 public:
  virtual ~RandomFile() = default;

  // Fills `into` from `offset` on and returns the bytes read: fewer only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<char> into) const = 0;
  // Size when the file was opened.
  virtual uint64_t bytes() const = 0;
};

// Held as long as the object lives; gone when the process ends, however it ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirEntry {
  std::string name;  // without the folder
  uint64_t bytes = 0;
  int64_t modified_us = 0;  // microseconds UTC
  bool is_dir = false;
};

struct DiskSpace {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;  // for an unprivileged process
  uint64_t used_bytes = 0;  // by files; the rest is the system's reserve
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Makes an empty file with `preallocate` bytes of zeros behind its position 0, their space
  // reserved on disk, so that appending within them changes no metadata. AlreadyExists when the
  // name is taken. Not durable before DataSync() and SyncDir().
  virtual Result<std::unique_ptr<AppendFile>> Create(const std::string& path,
                                                     uint64_t preallocate) = 0;
  // The same for a file that exists: its content is dropped first.
  virtual Result<std::unique_ptr<AppendFile>> Recreate(const std::string& path,
                                                       uint64_t preallocate) = 0;
  virtual Result<std::unique_ptr<RandomFile>> OpenRead(const std::string& path) = 0;

  // Makes a file of `bytes` zeros that takes no room yet and maps it. AlreadyExists when the name
  // is taken. Neither name nor content is durable before SyncDir() and DataSync().
  virtual Result<std::unique_ptr<MappedFile>> CreateMapped(const std::string& path,
                                                           uint64_t bytes) = 0;
  // Maps a file that exists. DataLoss when it has not exactly `bytes`.
  virtual Result<std::unique_ptr<MappedFile>> OpenMapped(const std::string& path,
                                                         uint64_t bytes) = 0;

  // Cuts the file to `bytes` (never longer than it is), durable when it returns OK.
  virtual Status Truncate(const std::string& path, uint64_t bytes) = 0;
  // Replaces `to` atomically. Link fails with AlreadyExists instead and leaves both names.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Link(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // From now on only the user that this process runs as may read or write the file.
  virtual Status Restrict(const std::string& path) = 0;
  // Makes the folder and those above it that are absent; each is durable when it returns OK.
  virtual Status MakeDirs(const std::string& path) = 0;
  // Makes names created, renamed and removed in the folder durable.
  virtual Status SyncDir(const std::string& path) = 0;

  // Everything in the folder but "." and "..", ascending by name.
  virtual Result<std::vector<DirEntry>> List(const std::string& dir) = 0;
  virtual Result<DirEntry> Stat(const std::string& path) = 0;
  virtual Result<DiskSpace> Space(const std::string& path) = 0;

  // Takes the file's lock, making the file if it is absent, and writes `content` into it.
  // 55006 with the content of the file as detail when another process holds it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                 std::string_view content) = 0;

  // The whole file. Its size is checked against `bytes_max` first (ResourceExhausted).
  Result<std::string> ReadAll(const std::string& path, uint64_t bytes_max);
  // Writes `content` into `path` and syncs it; the name is durable after SyncDir(). AlreadyExists
  // when the name is taken.
  Status WriteSynced(const std::string& path, std::string_view content);
  // Replaces the file `path`, which may be absent, by one with `content`, durably and at once: a
  // crash leaves the old one or the new one, and maybe `path`.new, which the next call removes.
  // Only the user that this process runs as may read it.
  Status Replace(const std::string& path, std::string_view content);
};

// "dir/name", one slash between them.
std::string JoinPath(std::string_view dir, std::string_view name);

}  // namespace varve::io
