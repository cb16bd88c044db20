// Sets up the jobs of the write path and lets SQL ask for a flush.
//
// Role:     engine (varve.flush, varve.jobs) -> [BackgroundWork] -> Flusher, Buffer, Log.
//           Jobs: "flush" by interval and at the soft limit; "log-truncate" after each flush and by
//           interval; "buffer-merge" when segments are due.
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
    Flusher& flusher;
    JobRunner& runner;
  };

  // Adds the jobs to the runner and hooks them to budget and buffer, so it must be made before the
  // runner starts and before anybody writes. `parts` outlive it; stop the runner before it goes.
  BackgroundWork(const Parts& parts, std::chrono::milliseconds flush_interval);

  Result<int64_t> Flush(const TableRef& table) override;
  Status ShowFiles(const TableRef& table, const FileSetRef& files) override;
  std::vector<catalog::JobInfo> Jobs() const override;

  // Flushes what there is and cuts the log; for a clean stop, after the runner has stopped and
  // nobody writes any more. What fails stays in the log.
  Status FlushForShutdown();

 private:
  Status RunFlush(JobRunner::Trigger trigger);
  Status TruncateLog();
  Status MergeSegments();

  const Parts parts_;
  JobRunner::JobId flush_job_ = 0;
  JobRunner::JobId truncate_job_ = 0;
  JobRunner::JobId merge_job_ = 0;
};

}  // namespace varve::flush
