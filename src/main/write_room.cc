#include "main/write_room.h"

#include <algorithm>

namespace varve {

Status CheckWriteRoom(io::FileSystem& files, const std::string& data_dir,
                      const log::LogTelemetry& log, uint64_t log_bytes_max) {
  VARVE_ASSIGN_OR_RETURN(const io::DiskSpace disk, files.Space(data_dir));
  // No segment of a small log has room for so much.
  const bool needs_segment = log.room_bytes < std::min(kSmallWriteBytes, log.segment_bytes / 2);
  // Sealing the newest segment gives its unused rest back.
  const uint64_t with_segment = log.disk_bytes - log.room_bytes + log.segment_bytes;
  if (needs_segment && with_segment > log_bytes_max) {
    return SqlErrorf(sqlstate::kDiskFull,
                     "writes are refused: the log has {} of the {} MiB that log-max-mb allows; "
                     "see varve.jobs for what fails",
                     log.disk_bytes >> 20, log_bytes_max >> 20);
  }
  if (disk.free_bytes < (needs_segment ? log.segment_bytes : kDiskBytesMin)) {
    return SqlErrorf(sqlstate::kDiskFull,
                     "writes are refused: the disk of the data folder is full, {} KiB are free",
                     disk.free_bytes >> 10);
  }
  return OkStatus();
}

}  // namespace varve
