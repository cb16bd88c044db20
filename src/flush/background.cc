#include "flush/background.h"

namespace varve::flush {

BackgroundWork::BackgroundWork(const Parts& parts, std::chrono::milliseconds flush_interval)
    : parts_(parts) {
  JobRunner& runner = parts_.runner;
  flush_job_ = runner.Add(
      {.name = "flush", .interval = flush_interval, .run = [this](JobRunner::Trigger trigger) {
         return RunFlush(trigger);
       }});
  truncate_job_ = runner.Add({.name = "log-truncate",
                              .interval = flush_interval,
                              .run = [this](JobRunner::Trigger) { return TruncateLog(); }});
  merge_job_ = runner.Add(
      {.name = "buffer-merge", .run = [this](JobRunner::Trigger) { return MergeSegments(); }});
  parts_.budget.OnSoftLimit([this] { parts_.runner.Wake(flush_job_); });
  parts_.buffer.OnLargeMergeDue([this] { parts_.runner.Wake(merge_job_); });
  // Replay may have left both due.
  runner.Wake(truncate_job_);
  runner.Wake(merge_job_);
}

Result<int64_t> BackgroundWork::Flush(const TableRef& table) {
  Result<int64_t> rows = parts_.flusher.Flush(table->id);
  parts_.runner.Wake(truncate_job_);
  return rows;
}

Status BackgroundWork::ShowFiles(const TableRef& table, const FileSetRef& files) {
  return parts_.flusher.ShowFiles(table->id, files);
}

std::vector<catalog::JobInfo> BackgroundWork::Jobs() const { return parts_.runner.Jobs(); }

Status BackgroundWork::RunFlush(JobRunner::Trigger trigger) {
  Status flushed = trigger == JobRunner::Trigger::kWoken
                       ? parts_.flusher.Relieve()
                       : parts_.flusher.FlushAll(/*skip_backing_off=*/true);
  parts_.runner.Wake(truncate_job_);
  return flushed;
}

Status BackgroundWork::TruncateLog() {
  return parts_.log.TruncateThrough(parts_.buffer.FlushedThrough(parts_.log.durable()));
}

Status BackgroundWork::MergeSegments() {
  while (parts_.buffer.MergeLarge()) {
  }
  return OkStatus();
}

Status BackgroundWork::FlushForShutdown() {
  const Status flushed = parts_.flusher.FlushAll(/*skip_backing_off=*/false);
  const Status truncated = TruncateLog();
  return flushed.ok() ? truncated : flushed;
}

}  // namespace varve::flush
