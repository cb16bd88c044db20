#include "flush/background.h"

#include <utility>

namespace varve::flush {

BackgroundWork::BackgroundWork(const Parts& parts, std::chrono::milliseconds flush_interval)
    : parts_(parts) {
  using Trigger = JobRunner::Trigger;
  JobRunner& local = parts_.local_runner;
  flush_job_ = parts_.runner.Add({.name = "flush",
                                  .interval = flush_interval,
                                  .run = [this](Trigger trigger) { return RunFlush(trigger); }});
  stage_job_ = local.Add({.name = "stage", .run = [this](Trigger) { return RunStage(); }});
  truncate_job_ =
      local.Add({.name = "log-truncate", .interval = flush_interval, .run = [this](Trigger) {
                   return TruncateLog();
                 }});
  merge_job_ =
      local.Add({.name = "buffer-merge", .run = [this](Trigger) { return MergeSegments(); }});
  parts_.stager.OnRelieved([this] { parts_.runner.Wake(flush_job_); });
  parts_.budget.OnSoftLimit([this] { parts_.local_runner.Wake(stage_job_); });
  parts_.buffer.OnLargeMergeDue([this] { parts_.local_runner.Wake(merge_job_); });
  // Replay may have left each of them something to do.
  parts_.runner.Wake(flush_job_);
  local.Wake(truncate_job_);
  local.Wake(merge_job_);
}

Result<int64_t> BackgroundWork::Flush(const TableRef& table) {
  Result<int64_t> rows = parts_.flusher.Flush(table->id);
  parts_.local_runner.Wake(truncate_job_);
  return rows;
}

Status BackgroundWork::ShowFiles(const TableRef& table, const FileSetRef& files) {
  return parts_.flusher.ShowFiles(table->id, files);
}

std::vector<catalog::JobInfo> BackgroundWork::Jobs() const {
  std::vector<catalog::JobInfo> jobs = parts_.runner.Jobs();
  for (catalog::JobInfo& job : parts_.local_runner.Jobs()) jobs.push_back(std::move(job));
  return jobs;
}

Status BackgroundWork::RunFlush(JobRunner::Trigger trigger) {
  Status flushed = trigger == JobRunner::Trigger::kInterval
                       ? parts_.flusher.FlushAll(/*skip_backing_off=*/true)
                       : parts_.flusher.FlushPending();
  parts_.local_runner.Wake(truncate_job_);
  return flushed;
}

Status BackgroundWork::RunStage() {
  Status relieved = parts_.stager.Relieve();
  parts_.runner.Wake(flush_job_);
  return relieved;
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
  const Status flushed = parts_.flusher.FlushAll(/*skip_backing_off=*/true);
  const Status truncated = TruncateLog();
  return flushed.ok() ? truncated : flushed;
}

}  // namespace varve::flush
