#include "flush/job_runner.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace varve::flush {
namespace {

// A wait without an end would need its own call; waking once an hour for nothing costs nothing.
constexpr int64_t kLongestWaitUs = int64_t{3600} * 1'000'000;

int64_t Micros(std::chrono::milliseconds duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

JobRunner::JobRunner(Clock& clock, ErrorSink on_error)
    : clock_(clock), on_error_(std::move(on_error)) {}

JobRunner::~JobRunner() { Stop(); }

JobRunner::JobId JobRunner::Add(Job job) {
  VARVE_CHECK(threads_.empty());
  MutexLock lock(mu_);
  State state;
  state.info.name = job.name;
  states_.push_back(std::move(state));
  jobs_.push_back(std::move(job));
  return jobs_.size() - 1;
}

void JobRunner::Start(size_t threads, const std::function<void()>& at_thread_start) {
  VARVE_CHECK(threads_.empty());
  {
    MutexLock lock(mu_);
    const int64_t now = clock_.MonotonicUs();
    for (JobId job = 0; job < jobs_.size(); ++job) {
      if (jobs_[job].interval.count() > 0) {
        states_[job].due_us = now + Micros(jobs_[job].interval);
      }
    }
  }
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, at_thread_start] {
      if (at_thread_start) at_thread_start();
      Work();
    });
    pthread_setname_np(threads_.back().native_handle(), ("jobs-" + std::to_string(i)).c_str());
  }
}

void JobRunner::Wake(JobId job) {
  {
    MutexLock lock(mu_);
    VARVE_CHECK(job < states_.size());
    states_[job].woken = true;
  }
  changed_.NotifyOne();
}

void JobRunner::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

std::vector<catalog::JobInfo> JobRunner::Jobs() const {
  MutexLock lock(mu_);
  std::vector<catalog::JobInfo> jobs;
  jobs.reserve(states_.size());
  for (const State& state : states_) jobs.push_back(state.info);
  return jobs;
}

void JobRunner::Work() {
  while (const std::optional<Turn> turn = NextTurn()) {
    const Status result = Run(*turn);
    Finish(*turn, result);
    if (!result.ok() && on_error_) on_error_(jobs_[turn->job].name, result);
  }
}

std::optional<JobRunner::Turn> JobRunner::NextTurn() {
  MutexLock lock(mu_);
  std::optional<Turn> turn;
  while (!stopping_) {
    const int64_t now = clock_.MonotonicUs();
    turn = Runnable(now);
    if (turn) break;
    const int64_t wait = std::clamp<int64_t>(EarliestUs() - now, 0, kLongestWaitUs);
    changed_.WaitFor(mu_, std::chrono::microseconds(wait), [&]() VARVE_REQUIRES(mu_) {
      return stopping_ || Runnable(clock_.MonotonicUs()).has_value();
    });
  }
  if (stopping_) return std::nullopt;
  State& state = states_[turn->job];
  state.woken = false;
  state.retry_us = INT64_MAX;
  state.started_us = clock_.MonotonicUs();
  if (turn->trigger == Trigger::kInterval) {
    state.due_us = state.started_us + Micros(jobs_[turn->job].interval);
  }
  state.info.running = true;
  state.info.last_start_us = clock_.NowUs();
  return turn;
}

std::optional<JobRunner::Turn> JobRunner::Runnable(int64_t now_us) const {
  for (JobId job = 0; job < states_.size(); ++job) {
    const State& state = states_[job];
    if (state.info.running) continue;
    if (state.due_us <= now_us) return Turn{job, Trigger::kInterval};
    if (state.retry_us <= now_us) return Turn{job, Trigger::kRetry};
    if (state.woken) return Turn{job, Trigger::kWoken};
  }
  return std::nullopt;
}

int64_t JobRunner::EarliestUs() const {
  int64_t earliest = INT64_MAX;
  for (const State& state : states_) {
    if (!state.info.running) earliest = std::min({earliest, state.due_us, state.retry_us});
  }
  return earliest;
}

Status JobRunner::Run(const Turn& turn) {
  // The entry of a thread is one of the three places that catch: a library's exception must not end
  // the process.
  try {
    return jobs_[turn.job].run(turn.trigger);
  } catch (const std::exception& e) {
    return Internal("background job failed: {}", e.what());
  } catch (...) {
    return Internal("background job failed with an exception of unknown type");
  }
}

void JobRunner::Finish(const Turn& turn, const Status& result) {
  {
    MutexLock lock(mu_);
    State& state = states_[turn.job];
    const int64_t now = clock_.MonotonicUs();
    state.info.running = false;
    ++state.info.runs;
    state.info.last_duration_us = now - state.started_us;
    state.info.last_error = result.ok() ? "" : std::string(MessageOf(result));
    if (!result.ok()) state.retry_us = now + Micros(jobs_[turn.job].retry_after);
  }
  // Another thread may wait with a plan from before this run.
  changed_.NotifyAll();
}

}  // namespace varve::flush
