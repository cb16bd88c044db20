// Runs named background jobs on a few threads: by interval, on demand, and again after an error.
//
// Role:     main adds jobs; anybody wakes them -> [JobRunner] -> varve.jobs shows how they are.
// Units:    intervals from start to start in milliseconds; the listing in microseconds UTC.
// Errors:   a job's error is kept in the listing, given to on_error, and the job is run again after
//           retry_after. What a job throws counts as Internal.
// Threads:  safe. A job never runs twice at once; different jobs do, as far as there are threads.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "catalog/maintenance.h"

namespace varve::flush {

class JobRunner {
 public:
  enum class Trigger : uint8_t { kInterval, kWoken, kRetry };

  struct Job {
    std::string name;
    std::chrono::milliseconds interval{0};  // 0: only when woken
    std::chrono::milliseconds retry_after{1000};
    std::function<Status(Trigger)> run;
  };
  using JobId = size_t;
  using ErrorSink = std::function<void(const std::string& job, const Status& error)>;

  // `on_error` is called on a job thread after each failed run; it may be empty.
  JobRunner(Clock& clock, ErrorSink on_error);
  // Stops.
  ~JobRunner();

  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // Before Start only.
  JobId Add(Job job) VARVE_EXCLUDES(mu_);
  // The first interval of each job begins now. `at_thread_start` is called on each thread first.
  void Start(size_t threads, const std::function<void()>& at_thread_start = {}) VARVE_EXCLUDES(mu_);
  // Runs the job soon; if it is running now, once more afterwards. Quick, and fine before Start and
  // after Stop.
  void Wake(JobId job) VARVE_EXCLUDES(mu_);
  // Waits for what is running and ends the threads. Nothing runs afterwards.
  void Stop() VARVE_EXCLUDES(mu_);

  std::vector<catalog::JobInfo> Jobs() const VARVE_EXCLUDES(mu_);

 private:
  struct State {
    catalog::JobInfo info;
    bool woken = false;
    // Of the monotonic clock; INT64_MAX: not planned.
    int64_t due_us = INT64_MAX;
    int64_t retry_us = INT64_MAX;
    int64_t started_us = 0;
  };
  struct Turn {
    JobId job = 0;
    Trigger trigger = Trigger::kInterval;
  };

  void Work();
  // Waits for the next job to run and marks it as running; nullopt: the runner stops.
  std::optional<Turn> NextTurn() VARVE_EXCLUDES(mu_);
  std::optional<Turn> Runnable(int64_t now_us) const VARVE_REQUIRES(mu_);
  int64_t EarliestUs() const VARVE_REQUIRES(mu_);
  Status Run(const Turn& turn);
  void Finish(const Turn& turn, const Status& result) VARVE_EXCLUDES(mu_);

  // Constant after Start.
  Clock& clock_;
  const ErrorSink on_error_;
  std::vector<Job> jobs_;
  std::vector<std::thread> threads_;

  mutable Mutex mu_;
  CondVar changed_;
  std::vector<State> states_ VARVE_GUARDED_BY(mu_);  // by JobId
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
};

}  // namespace varve::flush
