// Keeps room on the disk for a file that must be written even when the disk is full.
//
// Role:     checkpoints, CheckpointNote -> [SpareFile] -> io::FileSystem.
// Layout:   a preallocated file of no meaning, which becomes the file that is needed: its room is
//           never given back in between, where others that wait for room would take it.
// Units:    bytes.
// Errors:   53100 when there is neither room on the disk nor in the spare; other errors are the
//           file system's. The spare is gone after a failure, until it is prepared again.
// Threads:  safe; every call may block on the disk, and waits for the one before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"
#include "io/file.h"

namespace varve::ring {

class SpareFile {
 public:
  // What lies at `path` is taken for a spare of an earlier run.
  SpareFile(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  // Makes the room at least so large, and an eighth larger when it has to grow. Quick when it is.
  // After 53100 there is what was there before, or nothing.
  Status Prepare(uint64_t bytes) VARVE_EXCLUDES(mu_);
  // Makes the spare the file `to`, with what `write` appends and syncs. The name is durable after
  // SyncDir().
  Status Become(const std::string& to, const std::function<Status(io::AppendFile&)>& write)
      VARVE_EXCLUDES(mu_);
  // FileSystem::Replace, with the spare's room if the disk has none.
  Status Replace(const std::string& path, std::string_view content) VARVE_EXCLUDES(mu_);

 private:
  Status PrepareLocked(uint64_t bytes) VARVE_REQUIRES(mu_);
  Status Make(uint64_t bytes) VARVE_REQUIRES(mu_);

  io::FileSystem& files_;
  const std::string path_;

  Mutex mu_;  // held across I/O
  std::unique_ptr<io::AppendFile> file_ VARVE_GUARDED_BY(mu_);
  uint64_t room_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::ring
