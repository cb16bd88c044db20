// Writes queued transactions on one thread: all that wait go out together and share one sync.
//
// Role:     local_log (encoded transactions) -> [LogWriter] -> segment_set; then the callbacks.
// Limits:   kQueueBytesMax of encoded records waiting or being written; Submit blocks beyond it
//           and TrySubmit refuses, but both take any transaction when nothing else waits.
// Errors:   the first failed write or sync poisons the writer: on_fatal runs once, before anybody
//           is answered, because what the disk holds is unknown and a client must not be told
//           "failed" about rows that a restart may bring back. Everything later gets that error.
// Threads:  Submit and accessors: safe. Callbacks run on the writer's thread without a lock held.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "config/log_sync.h"
#include "log/local_log.h"
#include "log/record_codec.h"
#include "log/segment_set.h"
#include "model/ids.h"

namespace varve::log {

struct QueuedTransaction {
  Status refused;  // when set: answered with it in its turn, nothing is written
  std::vector<EncodedRecord> records;
  uint64_t bytes = 0;  // of all records as written
  LsnRange lsns;       // filled by the writer
  std::function<void(LsnRange)> on_durable;
  std::function<void(Result<LsnRange>)> done;
};

class LogWriter {
 public:
  struct Options {
    config::LogSync sync;
    uint64_t max_bytes = 0;
    std::function<void(const Status&)> on_fatal;
  };

  // `segments` is started, everything in it durable, and its next record has the Lsn `next`.
  LogWriter(SegmentSet& segments, Options options, Lsn next);
  // Writes and answers what is queued, syncs, joins.
  ~LogWriter();

  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void Submit(QueuedTransaction transaction) VARVE_EXCLUDES(mu_);
  // False when there is no room: nobody is answered then.
  bool TrySubmit(QueuedTransaction transaction) VARVE_EXCLUDES(mu_);

  Lsn acknowledged() const VARVE_EXCLUDES(mu_);
  LogTelemetry telemetry() const VARVE_EXCLUDES(mu_);

 private:
  using Group = std::vector<QueuedTransaction>;

  bool HasRoom(uint64_t bytes) const VARVE_REQUIRES(mu_) {
    return queue_bytes_ == 0 || queue_bytes_ + bytes <= kQueueBytesMax;
  }
  void Push(QueuedTransaction transaction) VARVE_REQUIRES(mu_);
  void Run() VARVE_EXCLUDES(mu_);
  // Waits for work; false when the writer is to stop and nothing is left.
  bool TakeGroup(Group& group) VARVE_EXCLUDES(mu_);
  void WriteGroup(Group& group);
  // Gives the transaction its Lsns and its place; sets `refused` when it finds none.
  void Place(QueuedTransaction& transaction);
  Status CheckLimit(const QueuedTransaction& transaction) const;
  Status WritePlaced();
  void SyncIfDue();
  Status Sync();
  void Answer(Group& group);
  void Poison(Status error);
  bool HasUnsynced() const { return synced_next_ < next_; }

  SegmentSet& segments_;
  const Options options_;

  // The writer thread's own.
  Status error_;                          // OK while healthy; sticky once set
  Lsn next_;                              // of the next record
  Lsn synced_next_;                       // every record below it is durable
  std::vector<std::string_view> placed_;  // headers and payloads on their way to Append
  uint64_t placed_bytes_ = 0;
  int64_t last_sync_at_us_ = 0;

  mutable Mutex mu_;
  CondVar work_;
  CondVar room_;
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
  Group queue_ VARVE_GUARDED_BY(mu_);
  uint64_t queue_bytes_ VARVE_GUARDED_BY(mu_) = 0;  // the group being written included
  LogTelemetry telemetry_ VARVE_GUARDED_BY(mu_);

  std::thread thread_;  // last: it uses everything above
};

}  // namespace varve::log
