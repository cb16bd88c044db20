#include "log/local_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/bytes.h"
#include "log/log_reader.h"
#include "log/log_writer.h"
#include "log/record_codec.h"
#include "log/segment_set.h"

namespace varve::log {
namespace {

// Below this a segment holds too little to be worth a file.
constexpr uint64_t kSegmentBytesMin = 4096;
// So that a full log has segments that can be deleted beside the active one.
constexpr uint64_t kSegmentsPerLogMin = 4;

QueuedTransaction Encode(Transaction transaction) {
  QueuedTransaction queued;
  queued.on_durable = std::move(transaction.on_durable);
  queued.done = std::move(transaction.done);
  if (transaction.records.empty()) queued.refused = InvalidArgument("transaction has no records");
  for (size_t i = 0; i < transaction.records.size() && queued.refused.ok(); ++i) {
    if (transaction.records[i].type == RecordType::kSkip) {
      queued.refused = InvalidArgument("skip records are the log's own");
      break;
    }
    const bool last = i + 1 == transaction.records.size();
    Result<EncodedRecord> record = EncodeRecord(std::move(transaction.records[i]), last);
    if (!record.ok()) {
      queued.refused = record.status();
      break;
    }
    queued.bytes += record->record_bytes();
    queued.records.push_back(*std::move(record));
  }
  return queued;
}

class LocalLogImpl : public LocalLog {
 public:
  LocalLogImpl(std::unique_ptr<SegmentSet> segments, LogWriter::Options options,
               RecoveryReport report)
      : recovery_(std::move(report)),
        segments_(std::move(segments)),
        writer_(*segments_, std::move(options), recovery_.next) {}

  void CommitAsync(Transaction transaction) override {
    writer_.Submit(Encode(std::move(transaction)));
  }
  bool TryCommitAsync(Transaction transaction) override {
    return writer_.TrySubmit(Encode(std::move(transaction)));
  }

  Result<LsnRange> Commit(Transaction transaction) override {
    std::promise<Result<LsnRange>> promise;
    std::future<Result<LsnRange>> answer = promise.get_future();
    transaction.done = [&promise](Result<LsnRange> lsns) { promise.set_value(std::move(lsns)); };
    CommitAsync(std::move(transaction));
    return answer.get();
  }

  Lsn durable() const override { return writer_.acknowledged(); }
  Status TruncateThrough(Lsn through) override { return segments_->TruncateThrough(through); }
  uint64_t disk_bytes() const override { return segments_->disk_bytes(); }
  const RecoveryReport& recovery() const override { return recovery_; }

  LogTelemetry telemetry() const override {
    LogTelemetry telemetry = writer_.telemetry();
    telemetry.segments = segments_->count();
    telemetry.disk_bytes = segments_->disk_bytes();
    telemetry.segment_bytes = segments_->NewSegmentBytes(0);
    return telemetry;
  }

 private:
  const RecoveryReport recovery_;
  const std::unique_ptr<SegmentSet> segments_;
  LogWriter writer_;  // last: its thread uses the segments
};

Result<uint64_t> SegmentBytesFor(const LocalLogOptions& options) {
  if (options.segment_bytes < kSegmentBytesMin || options.segment_bytes > kSegmentBytesMax) {
    return InvalidArgument("log segment size not in {}..{}: {}", kSegmentBytesMin, kSegmentBytesMax,
                           options.segment_bytes);
  }
  const uint64_t share = options.max_bytes / kSegmentsPerLogMin;
  if (share < kSegmentBytesMin) {
    return InvalidArgument("log size limit is below {}: {}", kSegmentBytesMin * kSegmentsPerLogMin,
                           options.max_bytes);
  }
  return std::min(options.segment_bytes, share);
}

// Also a folder that is there already: the process that made it may have ended before it was
// durable, and every record in it would go with it.
Status MakeDurableDir(io::FileSystem& files, const std::string& dir) {
  VARVE_RETURN_IF_ERROR(files.MakeDirs(dir));
  const size_t slash = dir.find_last_not_of('/') == std::string::npos
                           ? std::string::npos
                           : dir.rfind('/', dir.find_last_not_of('/'));
  if (slash == std::string::npos) return files.SyncDir(".");
  return files.SyncDir(slash == 0 ? "/" : dir.substr(0, slash));
}

// Ends the newest segment where its last whole record ends, and makes that durable: what was just
// replayed must still be there after a power cut, and a torn write must not be met again.
Status SealNewest(io::FileSystem& files, const std::string& dir, LogContents& contents) {
  SegmentFile& newest = contents.segments.back();
  VARVE_RETURN_IF_ERROR(files.Truncate(io::JoinPath(dir, newest.name), contents.last_segment_end));
  newest.bytes = contents.last_segment_end;
  return OkStatus();
}

// Tells readers that the Lsns from `at` up to `target` were given out by a log that is gone.
Status WriteSkip(SegmentSet& segments, Lsn at, Lsn target) {
  RecordInput input;
  input.type = RecordType::kSkip;
  AppendLittle(input.payload, target.value);
  VARVE_ASSIGN_OR_RETURN(EncodedRecord record, EncodeRecord(std::move(input), true));
  SealRecord(record, at, TransactionId(at.value), 0);
  const std::string_view pieces[] = {{record.header_bytes.data(), record.header_bytes.size()},
                                     record.payload};
  VARVE_RETURN_IF_ERROR(segments.Append(pieces));
  return segments.DataSync();
}

void LogRecovery(const std::string& dir, const RecoveryReport& report) {
  if (report.torn_tail) {
    spdlog::warn(
        "log {}: the last write was cut short by a crash; segment {} is cut at offset {} ({} bytes "
        "that were never acknowledged)",
        dir, report.torn_tail->segment, report.torn_tail->offset, report.torn_tail->bytes);
  }
  if (report.dropped_records > 0) {
    spdlog::warn("log {}: {} records belong to transactions that were never completed; dropped",
                 dir, report.dropped_records);
  }
}

}  // namespace

Result<std::unique_ptr<LocalLog>> OpenLocalLog(io::FileSystem& files, LocalLogOptions options,
                                               const ReplayFunction& replay) {
  VARVE_ASSIGN_OR_RETURN(const uint64_t segment_bytes, SegmentBytesFor(options));
  VARVE_RETURN_IF_ERROR(MakeDurableDir(files, options.dir));
  LogVisitor visitor;
  visitor.on_transaction = replay;
  VARVE_ASSIGN_OR_RETURN(LogContents contents, ReadLog(files, options.dir, visitor));
  RecoveryReport& report = contents.report;
  LogRecovery(options.dir, report);

  const bool is_new = contents.segments.empty();
  const bool reuse_newest = !is_new && contents.last_segment_end == 0;
  if (is_new) {
    report.first = report.next = std::max(Lsn(1), options.min_next_lsn);
  } else if (reuse_newest) {
    contents.segments.pop_back();  // Empty, and named as the next one must be.
  } else {
    VARVE_RETURN_IF_ERROR(SealNewest(files, options.dir, contents));
  }
  auto segments =
      std::make_unique<SegmentSet>(files, options.dir, segment_bytes, std::move(contents.segments));
  VARVE_RETURN_IF_ERROR(segments->Start(report.next, reuse_newest));
  if (report.next < options.min_next_lsn) {
    VARVE_RETURN_IF_ERROR(WriteSkip(*segments, report.next, options.min_next_lsn));
    report.next = options.min_next_lsn;
  }
  LogWriter::Options writer_options{options.sync, options.max_bytes, std::move(options.on_fatal)};
  return std::make_unique<LocalLogImpl>(std::move(segments), std::move(writer_options),
                                        std::move(report));
}

}  // namespace varve::log
