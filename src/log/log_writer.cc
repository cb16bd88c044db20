#include "log/log_writer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/fault_point.h"

namespace varve::log {
namespace {

int64_t NowUs() { return Clock::System().MonotonicUs(); }

Status LogFull(uint64_t wanted_bytes, uint64_t max_bytes) {
  return WithHint(
      SqlErrorf(sqlstate::kDiskFull,
                "log is full: it would need {} MiB for what is in neither the lake nor the rings "
                "yet, and log-max-mb allows {}",
                (wanted_bytes + (1 << 20) - 1) >> 20, max_bytes >> 20),
      "Writes are accepted again when a flush has moved older rows to the lake, or the rings had "
      "their checkpoint; see varve.jobs for what fails, or raise log-max-mb.");
}

}  // namespace

LogWriter::LogWriter(SegmentSet& segments, Options options, Lsn next)
    : segments_(segments),
      options_(std::move(options)),
      next_(next),
      synced_next_(next),
      last_sync_at_us_(NowUs()) {
  telemetry_.acknowledged = next.Prev();
  telemetry_.synced = next.Prev();
  telemetry_.room_bytes = segments_.room();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "log-writer");
    Run();
  });
}

LogWriter::~LogWriter() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  work_.NotifyOne();
  thread_.join();
}

void LogWriter::Submit(QueuedTransaction transaction) {
  {
    MutexLock lock(mu_);
    VARVE_CHECK(!stopping_);
    ++telemetry_.blocked_commits;
    room_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return HasRoom(transaction.bytes); });
    --telemetry_.blocked_commits;
    Push(std::move(transaction));
  }
  work_.NotifyOne();
}

bool LogWriter::TrySubmit(QueuedTransaction transaction) {
  {
    MutexLock lock(mu_);
    VARVE_CHECK(!stopping_);
    if (!HasRoom(transaction.bytes)) return false;
    Push(std::move(transaction));
  }
  work_.NotifyOne();
  return true;
}

void LogWriter::Push(QueuedTransaction transaction) {
  queue_bytes_ += transaction.bytes;
  queue_.push_back(std::move(transaction));
}

Lsn LogWriter::acknowledged() const {
  MutexLock lock(mu_);
  return telemetry_.acknowledged;
}

LogTelemetry LogWriter::telemetry() const {
  MutexLock lock(mu_);
  LogTelemetry copy = telemetry_;
  copy.queue_bytes = queue_bytes_;
  return copy;
}

void LogWriter::Run() {
  Group group;
  while (TakeGroup(group)) {
    if (!group.empty()) WriteGroup(group);
    SyncIfDue();
    if (group.empty()) continue;
    Answer(group);
    group.clear();
  }
  if (error_.ok() && HasUnsynced()) {
    if (Status synced = Sync(); !synced.ok()) Poison(std::move(synced));
  }
}

bool LogWriter::TakeGroup(Group& group) {
  MutexLock lock(mu_);
  const auto has_work = [&]() VARVE_REQUIRES(mu_) { return stopping_ || !queue_.empty(); };
  if (options_.sync.mode == config::LogSync::Mode::kInterval && error_.ok() && HasUnsynced()) {
    const auto interval_us = std::chrono::microseconds(options_.sync.interval).count();
    const int64_t left_us = std::max<int64_t>(0, last_sync_at_us_ + interval_us - NowUs());
    work_.WaitFor(mu_, std::chrono::microseconds(left_us), has_work);
  } else {
    work_.Wait(mu_, has_work);
  }
  group.swap(queue_);
  return !group.empty() || !stopping_;
}

void LogWriter::WriteGroup(Group& group) {
  size_t records = 0;
  uint64_t raw_bytes = 0;
  const uint64_t accepted = static_cast<uint64_t>(
      std::count_if(group.begin(), group.end(), [](const auto& t) { return t.refused.ok(); }));
  for (QueuedTransaction& transaction : group) {
    if (error_.ok() && transaction.refused.ok()) Place(transaction);
    if (!transaction.refused.ok()) continue;
    records += transaction.records.size();
    for (const EncodedRecord& record : transaction.records) raw_bytes += record.header.raw_bytes;
  }
  if (!error_.ok()) return;
  if (Status written = WritePlaced(); !written.ok()) return Poison(std::move(written));
  VARVE_FAULT_POINT("log.after_write");
  if (options_.sync.mode == config::LogSync::Mode::kAlways && HasUnsynced()) {
    if (Status synced = Sync(); !synced.ok()) return Poison(std::move(synced));
  }
  VARVE_FAULT_POINT("log.after_sync");
  MutexLock lock(mu_);
  ++telemetry_.groups;
  telemetry_.group_transactions_max = std::max(telemetry_.group_transactions_max, accepted);
  telemetry_.records += records;
  telemetry_.raw_payload_bytes += raw_bytes;
}

Status LogWriter::CheckLimit(const QueuedTransaction& transaction) const {
  uint64_t room = segments_.room() - placed_bytes_;
  uint64_t total = segments_.disk_bytes();
  bool needs_segment = false;
  for (const EncodedRecord& record : transaction.records) {
    const uint64_t bytes = record.record_bytes();
    if (bytes > room) {
      needs_segment = true;
      total -= room;  // Sealing gives the unused rest back.
      room = segments_.NewSegmentBytes(bytes);
      total += room;
    }
    room -= bytes;
  }
  if (needs_segment && total > options_.max_bytes) return LogFull(total, options_.max_bytes);
  return OkStatus();
}

void LogWriter::Place(QueuedTransaction& transaction) {
  transaction.refused = CheckLimit(transaction);
  if (!transaction.refused.ok()) return;
  transaction.lsns.begin = next_;
  for (EncodedRecord& record : transaction.records) {
    const uint64_t bytes = record.record_bytes();
    if (segments_.room() - placed_bytes_ < bytes) {
      if (Status written = WritePlaced(); !written.ok()) return Poison(std::move(written));
      Status rotated = segments_.Rotate(next_, bytes);
      // No room on the disk for another segment. Records of this transaction that are already in
      // the old one lack their last record, so that no reader will ever give them out.
      if (SqlStateOf(rotated) == sqlstate::kDiskFull) {
        transaction.refused = std::move(rotated);
        return;
      }
      if (!rotated.ok()) return Poison(std::move(rotated));
      synced_next_ = next_;
    }
    SealRecord(record, next_, TransactionId(transaction.lsns.begin.value),
               next_.value - synced_next_.value);
    placed_.emplace_back(record.header_bytes.data(), record.header_bytes.size());
    placed_.emplace_back(record.payload);
    placed_bytes_ += bytes;
    next_ = next_.Next();
  }
  transaction.lsns.end = next_;
}

Status LogWriter::WritePlaced() {
  if (placed_.empty()) return OkStatus();
  VARVE_CHECK(placed_bytes_ <= segments_.room());
  VARVE_RETURN_IF_ERROR(segments_.Append(placed_));
  {
    MutexLock lock(mu_);
    telemetry_.written_bytes += placed_bytes_;
  }
  placed_.clear();
  placed_bytes_ = 0;
  return OkStatus();
}

void LogWriter::SyncIfDue() {
  if (options_.sync.mode != config::LogSync::Mode::kInterval || !error_.ok() || !HasUnsynced())
    return;
  const auto interval_us = std::chrono::microseconds(options_.sync.interval).count();
  if (NowUs() < last_sync_at_us_ + interval_us) return;
  if (Status synced = Sync(); !synced.ok()) Poison(std::move(synced));
}

Status LogWriter::Sync() {
  const int64_t begin_us = NowUs();
  VARVE_RETURN_IF_ERROR(segments_.DataSync());
  last_sync_at_us_ = NowUs();
  synced_next_ = next_;
  MutexLock lock(mu_);
  ++telemetry_.syncs;
  telemetry_.last_sync_us = static_cast<uint64_t>(last_sync_at_us_ - begin_us);
  telemetry_.sync_us_total += telemetry_.last_sync_us;
  telemetry_.synced = synced_next_.Prev();
  return OkStatus();
}

void LogWriter::Answer(Group& group) {
  uint64_t bytes = 0;
  uint64_t accepted = 0;
  uint64_t refused_full = 0;
  for (QueuedTransaction& transaction : group) {
    bytes += transaction.bytes;
    if (transaction.refused.ok()) transaction.refused = error_;
    if (transaction.refused.ok()) {
      ++accepted;
      if (transaction.on_durable) transaction.on_durable(transaction.lsns);
    } else if (SqlStateOf(transaction.refused) == sqlstate::kDiskFull) {
      ++refused_full;
    }
  }
  {
    MutexLock lock(mu_);
    if (error_.ok()) telemetry_.acknowledged = next_.Prev();
    telemetry_.transactions += accepted;
    telemetry_.rejected_full += refused_full;
    telemetry_.room_bytes = segments_.room();
    VARVE_CHECK(queue_bytes_ >= bytes);
    queue_bytes_ -= bytes;
  }
  room_.NotifyAll();
  for (QueuedTransaction& transaction : group) {
    if (!transaction.done) continue;
    if (transaction.refused.ok()) {
      transaction.done(transaction.lsns);
    } else {
      transaction.done(std::move(transaction.refused));
    }
  }
}

void LogWriter::Poison(Status error) {
  VARVE_CHECK(!error.ok());
  if (!error_.ok()) return;
  error_ = std::move(error);
  placed_.clear();  // They point into records that are about to be answered and freed.
  placed_bytes_ = 0;
  if (options_.on_fatal) options_.on_fatal(error_);
}

}  // namespace varve::log
