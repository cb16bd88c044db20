// Reads a whole log folder: segments in order, records checked, transactions put together.
//
// Role:     local_log (recovery), log_inspect -> [ReadLog] -> callbacks. Changes nothing on disk.
// Limits:   holds one segment (at most kSegmentBytesMax) and one transaction in memory.
// Errors:   DataLoss naming segment and offset; what a callback returns. Callbacks have then been
//           given everything before the damage.
// Threads:  no shared state; callbacks run on the caller's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "io/file.h"
#include "log/local_log.h"
#include "log/segment_reader.h"

namespace varve::log {

// Larger files are not ours: a segment is at most this long.
inline constexpr uint64_t kSegmentBytesMax = 1u << 30;

struct SegmentFile {
  std::string name;
  Lsn first;
  uint64_t bytes = 0;
};

// "000000000042.log"; more digits when the Lsn has more.
std::string SegmentName(Lsn first);

// The segments of the folder, ascending by first Lsn; files of other names are left alone.
Result<std::vector<SegmentFile>> ListSegments(io::FileSystem& files, const std::string& dir);

struct LogVisitor {
  std::function<void(const SegmentFile&)> on_segment;
  std::function<void(const RecordView&)> on_record;
  // Gets every transaction that has its last record. Of one that began in a segment deleted since,
  // it gets the records that are left: what was deleted had been made durable elsewhere.
  ReplayFunction on_transaction;
};

struct LogContents {
  std::vector<SegmentFile> segments;
  uint64_t last_segment_end = 0;  // where the last whole record of the newest segment ends
  RecoveryReport report;
};

Result<LogContents> ReadLog(io::FileSystem& files, const std::string& dir,
                            const LogVisitor& visitor);

}  // namespace varve::log
