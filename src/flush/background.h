// Sets up the jobs of the write path and lets SQL ask for a flush.
//
// Role:     engine (varve.flush, varve.jobs) -> [BackgroundWork] -> Stager, Flusher, Buffer, Log,
//           RingStore.
//           Jobs: "flush" by interval, and when something was staged; "stage" at the soft memory
//           limit; "ring-checkpoint" by interval, and when the log holds much for the rings;
//           "log-truncate" after each flush and checkpoint and by interval; "buffer-merge" when
//           segments are due. All but "flush" need no object store and run apart from it, so that a
//           store that does not answer holds up nothing else.
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
#include "ring/checkpoint_note.h"
#include "ring/ring_store.h"

namespace varve::flush {

class BackgroundWork : public catalog::Maintenance {
 public:
  struct Parts {
    buffer::Buffer& buffer;
    buffer::MemoryBudget& budget;
    log::Log& log;
    ring::RingStore& rings;
    Stager& stager;
    Flusher& flusher;
    JobRunner& runner;                     // of jobs that may wait for the object store
    JobRunner& local_runner;               // of those that never do
    ring::CheckpointNote* note = nullptr;  // kept before the log is cut; a test may have none
  };

  struct Settings {
    std::chrono::milliseconds flush_interval{300'000};
    std::chrono::milliseconds ring_checkpoint_interval{60'000};
    // A log of this size is cut at the price of a checkpoint, if the rings are what keeps it.
    uint64_t log_bytes_of_rings_max = 256u << 20;
  };

  // Adds the jobs to the runners and hooks them to budget and buffer, so it must be made before the
  // runners start and before anybody writes. `parts` outlive it; stop the runners before it goes.
  BackgroundWork(const Parts& parts, const Settings& settings);

  Result<int64_t> Flush(const TableRef& table) override;
  Status ShowFiles(const TableRef& table, const FileSetRef& files) override;
  std::vector<catalog::JobInfo> Jobs() const override;
  // Soon; quick.
  void CheckpointRings();

  // Flushes what there is, makes a checkpoint of the rings and cuts the log; for a clean stop, when
  // the runners have stopped and nobody writes any more. What fails stays in the log, and so do
  // tables whose last flush failed a short time ago: a store that is down must not delay the end.
  Status FlushForShutdown();

 private:
  Status RunFlush(JobRunner::Trigger trigger);
  Status RunStage();
  Status RunTruncate();
  Status RunRingCheckpoint();
  Status TruncateLog();
  Status MergeSegments();

  const Parts parts_;
  const Settings settings_;
  JobRunner::JobId flush_job_ = 0;  // of runner; the others are local_runner's
  JobRunner::JobId stage_job_ = 0;
  JobRunner::JobId truncate_job_ = 0;
  JobRunner::JobId ring_job_ = 0;
  JobRunner::JobId merge_job_ = 0;
};

}  // namespace varve::flush
