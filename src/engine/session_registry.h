// Lists the sessions that are open, for varve.sessions.
//
// Threads:  safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace varve::engine {

struct SessionInfo {
  uint64_t id = 0;
  std::string user;
  std::string database;
  std::string state;      // "active", "idle", "idle in transaction"
  std::string statement;  // the running or last one
  int64_t started_us = 0;
  int64_t statement_started_us = 0;  // 0: none yet
};

class SessionRegistry {
 public:
  // Returns the new session's id.
  uint64_t Add(const std::string& user, const std::string& database, int64_t now_us)
      VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    SessionInfo& info = sessions_[++last_id_];
    info.id = last_id_;
    info.user = user;
    info.database = database;
    info.state = "idle";
    info.started_us = now_us;
    return info.id;
  }
  void Remove(uint64_t id) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    sessions_.erase(id);
  }
  void NoteStatement(uint64_t id, std::string_view statement, int64_t now_us) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    auto& info = sessions_.at(id);
    info.state = "active";
    info.statement = statement;
    info.statement_started_us = now_us;
  }
  void NoteState(uint64_t id, std::string_view state) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    sessions_.at(id).state = state;
  }
  std::string StatementOf(uint64_t id) const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return sessions_.at(id).statement;
  }
  std::vector<SessionInfo> List() const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    std::vector<SessionInfo> all;
    all.reserve(sessions_.size());
    for (const auto& [id, info] : sessions_) all.push_back(info);
    return all;
  }

 private:
  mutable Mutex mu_;
  std::map<uint64_t, SessionInfo> sessions_ VARVE_GUARDED_BY(mu_);
  uint64_t last_id_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::engine
