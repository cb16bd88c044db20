// Tells whether there is room for writes, for /readyz.
//
// Role:     the log, the disk of the data folder -> [CheckWriteRoom] -> /readyz.
// Errors:   53100 with what is full, when a transaction of kSmallWriteBytes would be refused, or
//           the disk has less than kDiskBytesMin for the pages of rings.
// Threads:  no state.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "io/file.h"
#include "log/local_log.h"

namespace varve {

inline constexpr uint64_t kSmallWriteBytes = uint64_t{1} << 20;
inline constexpr uint64_t kDiskBytesMin = uint64_t{1} << 20;

Status CheckWriteRoom(io::FileSystem& files, const std::string& data_dir,
                      const log::LogTelemetry& log, uint64_t log_bytes_max);

}  // namespace varve
