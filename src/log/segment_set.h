// Owns the segment files of an open log: appends to the newest, starts new ones, deletes old ones.
//
// Role:     log writer -> [SegmentSet] -> io. TruncateThrough comes from the flush.
// Layout:   sealed segments, ascending, then the active one, preallocated and never deleted: its
//           name alone keeps the next Lsn when everything before it is gone.
// Units:    bytes on disk, the preallocated rest of the active segment included.
// Errors:   53100 from Rotate when the disk has no room for a new segment: nothing has changed and
//           the active one can still be filled. After any other error of a writing call the state
//           on disk is unknown and the log must stop.
// Threads:  Start, Append, DataSync, Rotate, room: the writer's thread only. The rest: safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "io/file.h"
#include "log/log_reader.h"
#include "model/ids.h"

namespace varve::log {

class SegmentSet {
 public:
  SegmentSet(io::FileSystem& files, std::string dir, uint64_t segment_bytes,
             const std::vector<SegmentFile>& sealed);

  // Makes the first active segment, durable when it returns OK. `reuse_file`: a file of this name
  // is there and holds nothing of value.
  Status Start(Lsn first, bool reuse_file);

  Status Append(std::span<const std::string_view> pieces) { return active_->Append(pieces); }
  Status DataSync() { return active_->DataSync(); }
  // Bytes that still fit into the active segment.
  uint64_t room() const { return active_capacity_ - active_->position(); }
  // Size of a new segment whose first record has so many bytes.
  uint64_t NewSegmentBytes(uint64_t record_bytes) const;

  // Syncs and seals the active segment and starts one with room for `record_bytes`.
  Status Rotate(Lsn first, uint64_t record_bytes) VARVE_EXCLUDES(mu_);

  // See Log. Each deletion is durable before the next, so that no gap can appear in the middle.
  Status TruncateThrough(Lsn through) VARVE_EXCLUDES(truncate_mu_, mu_);

  uint64_t disk_bytes() const VARVE_EXCLUDES(mu_);
  size_t count() const VARVE_EXCLUDES(mu_);

 private:
  struct Sealed {
    Lsn first;
    uint64_t bytes = 0;
  };

  std::string PathOf(Lsn first) const;
  Result<std::unique_ptr<io::AppendFile>> MakeFile(Lsn first, uint64_t bytes, bool reuse_file);
  // The oldest segment if it holds nothing above `through`, Lsn(0) otherwise.
  Lsn OldestThrough(Lsn through) const VARVE_EXCLUDES(mu_);

  io::FileSystem& files_;
  const std::string dir_;
  const uint64_t segment_bytes_;

  // The writer thread's own.
  std::unique_ptr<io::AppendFile> active_;
  uint64_t active_capacity_ = 0;

  Mutex truncate_mu_ VARVE_ACQUIRED_BEFORE(mu_);  // One truncation at a time; held during its I/O.
  mutable Mutex mu_;
  std::deque<Sealed> sealed_ VARVE_GUARDED_BY(mu_);
  Sealed active_info_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::log
