// Sets up the jobs of the write path and lets SQL ask for a flush.
//
// Role:     engine (varve.flush, varve.jobs) -> [BackgroundWork] -> Stager, Flusher, Buffer, Log.
//           Jobs: "flush" by interval, and when something was staged; "stage" at the soft memory
//           limit; "log-truncate" after each flush and by interval; "buffer-merge" when segments
//           are due. All but "flush" need no object store and run apart from it, so that a store
//           that does not answer holds up nothing else.
// Errors:   of a job: in varve.jobs and to the runner's error sink.
// Threads:  safe; Flush blocks until the rows are committed, on the caller's thread.
#pragma once

#include <chrono>
#include <vector>

#include "buffer/buffer.h"
#include "catalog/maintenance.h"
#include "flush/flusher.h"
#include "flush/job_runner.h"
#include "log/log.h"

namespace varve::flush {

class BackgroundWork : public catalog::Maintenance {
 public:
  struct Parts {
    buffer::Buffer& buffer;
    buffer::MemoryBudget& budget;
    log::Log& log;
    Stager& stager;
    Flusher& flusher;
    JobRunner& runner;        // of jobs that may wait for the object store
    JobRunner& local_runner;  // of those that never do
  };

  // Adds the jobs to the runners and hooks them to budget and buffer, so it must be made before the
  // runners start and before anybody writes. `parts` outlive it; stop the runners before it goes.
  BackgroundWork(const Parts& parts, std::chrono::milliseconds flush_interval);

  Result<int64_t> Flush(const TableRef& table) override;
  Status ShowFiles(const TableRef& table, const FileSetRef& files) override;
  std::vector<catalog::JobInfo> Jobs() const override;

  // Flushes what there is and cuts the log; for a clean stop, after the runners have stopped and
  // nobody writes any more. What fails stays in the log, and so do tables whose last flush failed a
  // short time ago: a store that is down must not hold up the end.
  Status FlushForShutdown();

 private:
  Status RunFlush(JobRunner::Trigger trigger);
  Status RunStage();
  Status TruncateLog();
  Status MergeSegments();

  const Parts parts_;
  JobRunner::JobId flush_job_ = 0;  // of runner; the others are local_runner's
  JobRunner::JobId stage_job_ = 0;
  JobRunner::JobId truncate_job_ = 0;
  JobRunner::JobId merge_job_ = 0;
};

}  // namespace varve::flush
