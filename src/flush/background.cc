#include "flush/background.h"

#include <algorithm>
#include <utility>

namespace varve::flush {

BackgroundWork::BackgroundWork(const Parts& parts, const Settings& settings)
    : parts_(parts), settings_(settings) {
  using Trigger = JobRunner::Trigger;
  JobRunner& local = parts_.local_runner;
  flush_job_ = parts_.runner.Add({.name = "flush",
                                  .interval = settings_.flush_interval,
                                  .run = [this](Trigger trigger) { return RunFlush(trigger); }});
  stage_job_ = local.Add({.name = "stage", .run = [this](Trigger) { return RunStage(); }});
  truncate_job_ = local.Add({.name = "log-truncate",
                             .interval = settings_.flush_interval,
                             .run = [this](Trigger) { return RunTruncate(); }});
  ring_job_ = local.Add({.name = "ring-checkpoint",
                         .interval = settings_.ring_checkpoint_interval,
                         .run = [this](Trigger) { return RunRingCheckpoint(); }});
  merge_job_ =
      local.Add({.name = "buffer-merge", .run = [this](Trigger) { return MergeSegments(); }});
  parts_.stager.OnRelieved([this] { parts_.runner.Wake(flush_job_); });
  parts_.budget.OnSoftLimit([this] { parts_.local_runner.Wake(stage_job_); });
  parts_.buffer.OnLargeMergeDue([this] { parts_.local_runner.Wake(merge_job_); });
  // Replay may have left each of them something to do.
  parts_.runner.Wake(flush_job_);
  local.Wake(truncate_job_);
  local.Wake(ring_job_);
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

void BackgroundWork::CheckpointRings() { parts_.local_runner.Wake(ring_job_); }

Status BackgroundWork::RunTruncate() {
  const Lsn durable = parts_.log.durable();
  const bool rings_keep_it =
      parts_.rings.CheckpointedThrough(durable) < parts_.buffer.FlushedThrough(durable);
  if (rings_keep_it && parts_.log.disk_bytes() >= settings_.log_bytes_of_rings_max) {
    CheckpointRings();  // which truncates
  }
  return TruncateLog();
}

// Does not ask for RunTruncate: samples that come meanwhile would make the two take turns for ever.
Status BackgroundWork::RunRingCheckpoint() {
  const Lsn durable = parts_.log.durable();
  if (parts_.rings.CheckpointedThrough(durable) == durable) return OkStatus();
  VARVE_RETURN_IF_ERROR(parts_.rings.Checkpoint());
  return TruncateLog();
}

Status BackgroundWork::TruncateLog() {
  const Lsn durable = parts_.log.durable();
  const Lsn through =
      std::min(parts_.buffer.FlushedThrough(durable), parts_.rings.CheckpointedThrough(durable));
  // Asked behind `through`, so that no change of rings is cut that is not in this checkpoint.
  const Lsn checkpoint = parts_.rings.checkpoint_lsn();
  if (parts_.note != nullptr) VARVE_RETURN_IF_ERROR(parts_.note->Keep(checkpoint));
  return parts_.log.TruncateThrough(through);
}

Status BackgroundWork::MergeSegments() {
  while (parts_.buffer.MergeLarge()) {
  }
  return OkStatus();
}

Status BackgroundWork::FlushForShutdown() {
  Status flushed = parts_.flusher.FlushAll(/*skip_backing_off=*/true);
  Status checkpointed = parts_.rings.Checkpoint();
  Status truncated = TruncateLog();
  if (!flushed.ok()) return flushed;
  if (!checkpointed.ok()) return checkpointed;
  return truncated;
}

}  // namespace varve::flush
