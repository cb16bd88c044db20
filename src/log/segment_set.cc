#include "log/segment_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fault_point.h"

namespace varve::log {
namespace {

constexpr uint64_t kSmallestStartBytes = 4096;

// Takes the SQLSTATE away: only a failure that has changed nothing may look like a full disk.
Status Fatal(const Status& status) {
  return status.ok() ? status : Unavailable("{}", MessageOf(status));
}

}  // namespace

SegmentSet::SegmentSet(io::FileSystem& files, std::string dir, uint64_t segment_bytes,
                       const std::vector<SegmentFile>& sealed)
    : files_(files), dir_(std::move(dir)), segment_bytes_(segment_bytes) {
  for (const SegmentFile& segment : sealed) sealed_.push_back({segment.first, segment.bytes});
}

std::string SegmentSet::PathOf(Lsn first) const { return io::JoinPath(dir_, SegmentName(first)); }

uint64_t SegmentSet::NewSegmentBytes(uint64_t record_bytes) const {
  return std::max(segment_bytes_, record_bytes);
}

Result<std::unique_ptr<io::AppendFile>> SegmentSet::MakeFile(Lsn first, uint64_t bytes,
                                                             bool reuse_file) {
  VARVE_ASSIGN_OR_RETURN(
      std::unique_ptr<io::AppendFile> file,
      reuse_file ? files_.Recreate(PathOf(first), bytes) : files_.Create(PathOf(first), bytes));
  // Size and name must be on disk before the first record is acknowledged.
  VARVE_RETURN_IF_ERROR(Fatal(file->DataSync()));
  VARVE_RETURN_IF_ERROR(Fatal(files_.SyncDir(dir_)));
  return file;
}

// On a disk that is nearly full the first segment is as small as it must be: the server has to come
// up to be read, and to flush, which is what makes room again.
Status SegmentSet::Start(Lsn first, bool reuse_file) {
  VARVE_CHECK(active_ == nullptr);
  uint64_t bytes = segment_bytes_;
  Result<std::unique_ptr<io::AppendFile>> file = MakeFile(first, bytes, reuse_file);
  while (SqlStateOf(file.status()) == sqlstate::kDiskFull && bytes / 2 >= kSmallestStartBytes) {
    bytes /= 2;
    file = MakeFile(first, bytes, reuse_file);
  }
  VARVE_ASSIGN_OR_RETURN(active_, std::move(file));
  active_capacity_ = bytes;
  MutexLock lock(mu_);
  VARVE_CHECK(sealed_.empty() || sealed_.back().first < first);
  active_info_ = {first, bytes};
  return OkStatus();
}

Status SegmentSet::Rotate(Lsn first, uint64_t record_bytes) {
  Sealed old;
  {
    MutexLock lock(mu_);
    old = active_info_;
  }
  const uint64_t capacity = NewSegmentBytes(record_bytes);
  if (active_->position() == 0) {
    // Only a record above the usual size gets here: the empty segment grows instead.
    VARVE_CHECK(old.first == first);
    VARVE_RETURN_IF_ERROR(active_->Grow(capacity));
    VARVE_RETURN_IF_ERROR(Fatal(active_->DataSync()));
  } else {
    // Recovery takes any damage in a segment that has a successor as damage to acknowledged rows.
    VARVE_RETURN_IF_ERROR(Fatal(active_->DataSync()));
    VARVE_ASSIGN_OR_RETURN(std::unique_ptr<io::AppendFile> next, MakeFile(first, capacity, false));
    VARVE_CHECK(old.first < first);
    old.bytes = active_->position();
    active_ = std::move(next);
    VARVE_RETURN_IF_ERROR(Fatal(files_.Truncate(PathOf(old.first), old.bytes)));
    MutexLock lock(mu_);
    sealed_.push_back(old);
  }
  active_capacity_ = capacity;
  MutexLock lock(mu_);
  active_info_ = {first, capacity};
  return OkStatus();
}

Lsn SegmentSet::OldestThrough(Lsn through) const {
  MutexLock lock(mu_);
  if (sealed_.empty()) return Lsn(0);
  const Lsn next_first = sealed_.size() > 1 ? sealed_[1].first : active_info_.first;
  return next_first.Prev() <= through ? sealed_.front().first : Lsn(0);
}

Status SegmentSet::TruncateThrough(Lsn through) {
  MutexLock truncate_lock(truncate_mu_);
  for (Lsn oldest = OldestThrough(through); oldest != Lsn(0); oldest = OldestThrough(through)) {
    VARVE_RETURN_IF_ERROR(files_.Remove(PathOf(oldest)));
    {
      MutexLock lock(mu_);
      VARVE_CHECK(sealed_.front().first == oldest);
      sealed_.pop_front();
    }
    VARVE_RETURN_IF_ERROR(files_.SyncDir(dir_));
    VARVE_FAULT_POINT("log.mid_truncate");
  }
  return OkStatus();
}

uint64_t SegmentSet::disk_bytes() const {
  MutexLock lock(mu_);
  uint64_t total = active_info_.bytes;
  for (const Sealed& segment : sealed_) total += segment.bytes;
  return total;
}

size_t SegmentSet::count() const {
  MutexLock lock(mu_);
  return sealed_.size() + 1;
}

}  // namespace varve::log
