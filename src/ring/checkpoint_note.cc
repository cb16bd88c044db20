#include "ring/checkpoint_note.h"

#include "ring/checkpoint_file.h"

namespace varve::ring {
namespace {

constexpr uint64_t kNoteBytesMax = 4096;

// Lsn 0: there is none.
Result<Lsn> ReadNote(io::FileSystem& files, const std::string& path) {
  const Result<std::string> bytes = files.ReadAll(path, kNoteBytesMax);
  if (bytes.status().code() == StatusCode::kNotFound) return Lsn(0);
  VARVE_RETURN_IF_ERROR(bytes.status());
  VARVE_ASSIGN_OR_RETURN(const CheckpointHead head, DecodeHead(path, *bytes));
  return head.lsn;
}

}  // namespace

Status CheckpointNote::Check(const std::string& dir, std::optional<Lsn> log_begin) {
  VARVE_ASSIGN_OR_RETURN(const Lsn noted, ReadNote(files_, path_));
  if (noted == Lsn(0)) return OkStatus();  // No change of rings was ever cut from the log.
  const Result<CheckpointHead> head = ReadHead(files_, dir);
  const bool is_missing = head.status().code() == StatusCode::kNotFound;
  if (!is_missing) VARVE_RETURN_IF_ERROR(head.status());
  const Lsn reached = is_missing ? Lsn(0) : head->lsn;
  if (reached >= noted) return OkStatus();
  needed_ = noted;
  if (log_begin && *log_begin <= reached.Next()) return OkStatus();
  const std::string found =
      is_missing ? fmt::format("{} is missing", io::JoinPath(dir, kCheckpointName))
                 : fmt::format("{} is an older copy, of log record {}", dir, reached.value);
  const std::string log =
      log_begin ? fmt::format("the log begins at record {}", log_begin->value) : "there is no log";
  return DataLoss(
      "rings are not what they were at the last stop (is their volume mounted?): {}, {}, and {} "
      "says that they reached record {}",
      found, log, path_, noted.value);
}

Status CheckpointNote::CheckEnd(Lsn log_end) const {
  if (log_end >= needed_) return OkStatus();
  return DataLoss(
      "rings and log are older than {}: that says that the rings reached record {}, and the log "
      "ends at record {}; put back copies of one time",
      path_, needed_.value, log_end.value);
}

Status CheckpointNote::Keep(Lsn checkpoint) {
  const MutexLock lock(mu_);
  if (checkpoint <= kept_) return OkStatus();
  const size_t slash = path_.rfind('/');
  if (slash != std::string::npos) VARVE_RETURN_IF_ERROR(files_.MakeDirs(path_.substr(0, slash)));
  const std::string bytes = EncodeHead({checkpoint, 1, {}});
  spare_.Prepare(bytes.size()).IgnoreError();  // It may be of an earlier run.
  VARVE_RETURN_IF_ERROR(spare_.Replace(path_, bytes));
  kept_ = checkpoint;
  spare_.Prepare(bytes.size()).IgnoreError();  // Now rather than when the disk is full.
  return OkStatus();
}

}  // namespace varve::ring
