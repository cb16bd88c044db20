// Knows every client session: for cancelling, time limits and the connection limit.
//
// Role:     connections register -> [SessionRegistry] -> cancel requests, watchdog. What
//           varve.sessions shows is the engine's own registry.
// Limits:   sessions_max; one more is refused with 53300.
// Units:    deadlines in microseconds of the monotonic clock.
// Threads:  safe. A session is stopped under its entry's lock, so that it cannot go away meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "engine/session.h"

namespace varve::server {

enum class StopReason { kNone, kUser, kStatementTimeout, kDisconnect, kShutdown };

class SessionEntry {
 public:
  SessionEntry(int32_t pid, int32_t secret, Clock& clock);

  int32_t pid() const { return pid_; }
  int32_t secret() const { return secret_; }

  // The session to stop; nullptr before it is destroyed.
  void SetSession(engine::Session* session) VARVE_EXCLUDES(mu_);

  // timeout_ms 0: no limit.
  void BeginStatement(int64_t timeout_ms) VARVE_EXCLUDES(mu_);
  // Why the statement was stopped, if it was.
  StopReason EndStatement() VARVE_EXCLUDES(mu_);
  StopReason stop_reason() const VARVE_EXCLUDES(mu_);

  // Stops the running statement; does nothing between statements.
  void Stop(StopReason reason) VARVE_EXCLUDES(mu_);
  // Stops the running statement and every later one: stop_reason() stays.
  void StopForGood(StopReason reason) VARVE_EXCLUDES(mu_);
  // Stops the statement when its time limit has passed; one that was stopped and still runs is
  // stopped again, because the engine forgets an interruption that comes before its query begins.
  void Watch(int64_t now_monotonic_us) VARVE_EXCLUDES(mu_);

 private:
  void StopLocked(StopReason reason) VARVE_REQUIRES(mu_);

  const int32_t pid_;
  const int32_t secret_;
  Clock& clock_;

  mutable Mutex mu_;
  engine::Session* session_ VARVE_GUARDED_BY(mu_) = nullptr;
  bool running_ VARVE_GUARDED_BY(mu_) = false;
  int64_t deadline_us_ VARVE_GUARDED_BY(mu_) = 0;  // monotonic; 0: none
  StopReason reason_ VARVE_GUARDED_BY(mu_) = StopReason::kNone;
  StopReason final_reason_ VARVE_GUARDED_BY(mu_) = StopReason::kNone;  // of StopForGood
};

class SessionRegistry {
 public:
  SessionRegistry(size_t sessions_max, Clock& clock, Random& random);

  // A new entry with a number and a secret of its own. 53300 when there are sessions_max.
  Result<std::shared_ptr<SessionEntry>> Register() VARVE_EXCLUDES(mu_);
  void Unregister(int32_t pid) VARVE_EXCLUDES(mu_);

  // What a CancelRequest asks; a wrong secret is passed over in silence, as PostgreSQL does.
  void Cancel(int32_t pid, int32_t secret) VARVE_EXCLUDES(mu_);
  // To be called now and then: time limits hold, and stops reach their statements, by this.
  void Watch() VARVE_EXCLUDES(mu_);
  // For good, each session that there is and each that comes.
  void StopAll(StopReason reason) VARVE_EXCLUDES(mu_);

  size_t count() const VARVE_EXCLUDES(mu_);

 private:
  std::vector<std::shared_ptr<SessionEntry>> Entries() const VARVE_EXCLUDES(mu_);

  const size_t sessions_max_;
  Clock& clock_;
  Random& random_;

  mutable Mutex mu_;
  std::map<int32_t, std::shared_ptr<SessionEntry>> entries_ VARVE_GUARDED_BY(mu_);
  int32_t last_pid_ VARVE_GUARDED_BY(mu_) = 0;
  StopReason stopped_ VARVE_GUARDED_BY(mu_) = StopReason::kNone;  // of StopAll
};

}  // namespace varve::server
