// Keeps the log in a local folder: group commit by one writer thread, recovery when opened.
//
// Role:     ingest -> [LocalLog] -> on_durable callbacks (buffer); at start, replay -> recovery.
// Layout:   dir/NNNNNNNNNNNN.log, named by their first Lsn; bytes: docs/formats/log.md.
// Limits:   max_bytes on disk: beyond it a commit gets 53100 and nothing of it is written.
//           kQueueBytesMax waiting for the writer: beyond it CommitAsync blocks and
//           TryCommitAsync refuses.
// Errors:   DataLoss from OpenLocalLog when the log is damaged: nothing was changed on disk. After
//           a failed write or sync every commit gets that first error; see on_fatal.
// Threads:  safe. Callbacks and on_fatal run on the writer thread and must not call the log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/status.h"
#include "config/log_sync.h"
#include "io/file.h"
#include "log/log.h"
#include "log/torn_tail.h"
#include "model/ids.h"

namespace varve::log {

inline constexpr uint64_t kSegmentBytes = 64u << 20;
inline constexpr uint64_t kQueueBytesMax = 128u << 20;

struct LocalLogOptions {
  std::string dir;  // made when absent
  uint64_t max_bytes = uint64_t{8192} << 20;
  uint64_t segment_bytes = kSegmentBytes;  // lowered to a quarter of max_bytes if that is less
  config::LogSync sync;
  // No Lsn below this is given out: the lake holds rows up to the one before it, and a log folder
  // that was lost must not number new rows as old ones.
  Lsn min_next_lsn{1};
  // Called once with the first failed write or sync; the process should stop.
  std::function<void(const Status&)> on_fatal;
};

struct RecoveryReport {
  uint64_t segments = 0;
  uint64_t records = 0;
  uint64_t transactions = 0;     // given to replay
  uint64_t dropped_records = 0;  // whole, but their transaction has no last record
  uint64_t payload_bytes = 0;    // raw bytes of the records given to replay
  Lsn first;                     // of the oldest segment; the next one when there was none
  Lsn next;
  std::optional<TornTail> torn_tail;
};

// Counters since the log was opened, and where it stands.
struct LogTelemetry {
  uint64_t transactions = 0;
  uint64_t records = 0;
  uint64_t rejected_full = 0;      // transactions refused with 53100
  uint64_t written_bytes = 0;      // headers included, as written
  uint64_t raw_payload_bytes = 0;  // before compression
  uint64_t groups = 0;             // writes, each of one or more transactions
  uint64_t group_transactions_max = 0;
  uint64_t syncs = 0;
  uint64_t last_sync_us = 0;
  uint64_t sync_us_total = 0;
  uint64_t queue_bytes = 0;
  uint64_t blocked_commits = 0;  // callers of CommitAsync that wait for room in the queue
  uint64_t segments = 0;
  uint64_t disk_bytes = 0;
  uint64_t room_bytes = 0;     // that still fit into the newest segment
  uint64_t segment_bytes = 0;  // of the next one
  Lsn acknowledged;
  Lsn synced;  // behind `acknowledged` only in the modes `interval` and `off`
};

class LocalLog : public Log {
 public:
  virtual LogTelemetry telemetry() const = 0;
  // What opening found; constant.
  virtual const RecoveryReport& recovery() const = 0;
};

// Gets the records of one committed transaction; may move the payloads out. An error ends the
// opening with that error.
using ReplayFunction = std::function<Status(std::span<Record>)>;

// Reads the whole log, gives every committed transaction to `replay` in Lsn order (one in memory at
// a time), cuts off a torn tail and starts the writer. The destructor writes what is queued,
// answers it, syncs and joins the writer; no call may run or start then.
Result<std::unique_ptr<LocalLog>> OpenLocalLog(io::FileSystem& files, LocalLogOptions options,
                                               const ReplayFunction& replay);

}  // namespace varve::log
