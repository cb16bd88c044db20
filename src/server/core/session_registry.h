// Knows every client session: for cancelling, time limits, the connection limit and varve.sessions.
//
// Role:     connections register -> [SessionRegistry] -> cancel requests, watchdog, system views.
// Limits:   sessions_max; one more is refused with 53300.
// Units:    times in microseconds of Clock: *_us UTC, deadlines of the monotonic clock.
// Threads:  safe. A session is stopped under its entry's lock, so that it cannot go away meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "engine/session.h"

namespace varve::server {

enum class StopReason { kNone, kUser, kStatementTimeout, kDisconnect, kShutdown };

// A row of varve.sessions.
struct SessionInfo {
  int32_t pid = 0;
  std::string user;
  std::string database;
  std::string application_name;
  std::string client;
  std::string state;  // "active", "idle", "idle in transaction", "idle in transaction (aborted)"
  std::string statement;  // the running or the last one, cut to kStatementShownMax bytes
  int64_t connected_us = 0;
  int64_t statement_started_us = 0;
  int64_t state_changed_us = 0;
};

class SessionEntry {
 public:
  static constexpr size_t kStatementShownMax = 1024;

  SessionEntry(int32_t pid, int32_t secret, Clock& clock);

  int32_t pid() const { return pid_; }
  int32_t secret() const { return secret_; }

  void Describe(std::string user, std::string database, std::string client) VARVE_EXCLUDES(mu_);
  void SetApplicationName(std::string name) VARVE_EXCLUDES(mu_);
  // The session to stop; nullptr before it is destroyed.
  void SetSession(engine::Session* session) VARVE_EXCLUDES(mu_);

  // timeout_ms 0: no limit.
  void BeginStatement(std::string_view text, int64_t timeout_ms) VARVE_EXCLUDES(mu_);
  // Why the statement was stopped, if it was.
  StopReason EndStatement(engine::TransactionState state) VARVE_EXCLUDES(mu_);
  StopReason stop_reason() const VARVE_EXCLUDES(mu_);

  // Stops the running statement; does nothing between statements.
  void Stop(StopReason reason) VARVE_EXCLUDES(mu_);
  // Stops it when its time limit has passed.
  void StopIfOverdue(int64_t now_monotonic_us) VARVE_EXCLUDES(mu_);

  SessionInfo Info() const VARVE_EXCLUDES(mu_);

 private:
  void StopLocked(StopReason reason) VARVE_REQUIRES(mu_);

  const int32_t pid_;
  const int32_t secret_;
  Clock& clock_;

  mutable Mutex mu_;
  SessionInfo info_ VARVE_GUARDED_BY(mu_);
  engine::Session* session_ VARVE_GUARDED_BY(mu_) = nullptr;
  bool running_ VARVE_GUARDED_BY(mu_) = false;
  int64_t deadline_us_ VARVE_GUARDED_BY(mu_) = 0;  // monotonic; 0: none
  StopReason reason_ VARVE_GUARDED_BY(mu_) = StopReason::kNone;
};

class SessionRegistry {
 public:
  SessionRegistry(size_t sessions_max, Clock& clock, Random& random);

  // A new entry with a number and a secret of its own. 53300 when there are sessions_max.
  Result<std::shared_ptr<SessionEntry>> Register() VARVE_EXCLUDES(mu_);
  void Unregister(int32_t pid) VARVE_EXCLUDES(mu_);

  // What a CancelRequest asks; a wrong secret is passed over in silence, as PostgreSQL does.
  void Cancel(int32_t pid, int32_t secret) VARVE_EXCLUDES(mu_);
  void StopOverdue() VARVE_EXCLUDES(mu_);
  void StopAll(StopReason reason) VARVE_EXCLUDES(mu_);

  std::vector<SessionInfo> List() const VARVE_EXCLUDES(mu_);
  size_t count() const VARVE_EXCLUDES(mu_);

 private:
  std::vector<std::shared_ptr<SessionEntry>> Entries() const VARVE_EXCLUDES(mu_);

  const size_t sessions_max_;
  Clock& clock_;
  Random& random_;

  mutable Mutex mu_;
  std::map<int32_t, std::shared_ptr<SessionEntry>> entries_ VARVE_GUARDED_BY(mu_);
  int32_t last_pid_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::server
