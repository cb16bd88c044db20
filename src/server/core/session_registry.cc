#include "server/core/session_registry.h"

#include <utility>

namespace varve::server {

SessionEntry::SessionEntry(int32_t pid, int32_t secret, Clock& clock)
    : pid_(pid), secret_(secret), clock_(clock) {}

void SessionEntry::SetSession(engine::Session* session) {
  MutexLock lock(mu_);
  session_ = session;
}

void SessionEntry::BeginStatement(int64_t timeout_ms) {
  const int64_t deadline_us = timeout_ms > 0 ? clock_.MonotonicUs() + timeout_ms * 1000 : 0;
  MutexLock lock(mu_);
  deadline_us_ = deadline_us;
  running_ = true;
  reason_ = final_reason_;
}

StopReason SessionEntry::EndStatement() {
  MutexLock lock(mu_);
  running_ = false;
  deadline_us_ = 0;
  return std::exchange(reason_, final_reason_);
}

StopReason SessionEntry::stop_reason() const {
  MutexLock lock(mu_);
  return reason_;
}

void SessionEntry::Stop(StopReason reason) {
  MutexLock lock(mu_);
  StopLocked(reason);
}

void SessionEntry::StopForGood(StopReason reason) {
  MutexLock lock(mu_);
  if (final_reason_ == StopReason::kNone) final_reason_ = reason;
  if (reason_ == StopReason::kNone) reason_ = final_reason_;
  StopLocked(reason);
}

void SessionEntry::Watch(int64_t now_monotonic_us) {
  MutexLock lock(mu_);
  if (reason_ != StopReason::kNone) {
    StopLocked(reason_);
  } else if (deadline_us_ != 0 && now_monotonic_us >= deadline_us_) {
    StopLocked(StopReason::kStatementTimeout);
  }
}

// Session::Cancel only sets a flag, so it may be called under the lock; the lock keeps the session
// from being destroyed at that moment.
void SessionEntry::StopLocked(StopReason reason) {
  if (!running_ || session_ == nullptr) return;
  if (reason_ == StopReason::kNone) reason_ = reason;
  session_->Cancel();
}

SessionRegistry::SessionRegistry(size_t sessions_max, Clock& clock, Random& random)
    : sessions_max_(sessions_max), clock_(clock), random_(random) {}

Result<std::shared_ptr<SessionEntry>> SessionRegistry::Register() {
  const auto secret = static_cast<int32_t>(random_.NextU64());
  MutexLock lock(mu_);
  if (entries_.size() >= sessions_max_) {
    return WithHint(SqlErrorf(sqlstate::kTooManyConnections, "sorry, too many clients already: {}",
                              entries_.size()),
                    "Close connections, use a pool, or raise the option max-connections.");
  }
  // Numbers come round again after 2^31 connections; one that is still in use is passed over.
  do {
    last_pid_ = last_pid_ == INT32_MAX ? 1 : last_pid_ + 1;
  } while (entries_.contains(last_pid_));
  auto entry = std::make_shared<SessionEntry>(last_pid_, secret, clock_);
  entries_.emplace(last_pid_, entry);
  if (stopped_ != StopReason::kNone) entry->StopForGood(stopped_);
  return entry;
}

void SessionRegistry::Unregister(int32_t pid) {
  MutexLock lock(mu_);
  entries_.erase(pid);
}

void SessionRegistry::Cancel(int32_t pid, int32_t secret) {
  std::shared_ptr<SessionEntry> entry;
  {
    MutexLock lock(mu_);
    const auto found = entries_.find(pid);
    if (found == entries_.end()) return;
    entry = found->second;
  }
  if (entry->secret() == secret) entry->Stop(StopReason::kUser);
}

void SessionRegistry::Watch() {
  const int64_t now = clock_.MonotonicUs();
  for (const auto& entry : Entries()) entry->Watch(now);
}

void SessionRegistry::StopAll(StopReason reason) {
  {
    MutexLock lock(mu_);
    stopped_ = reason;
  }
  for (const auto& entry : Entries()) entry->StopForGood(reason);
}

std::vector<std::shared_ptr<SessionEntry>> SessionRegistry::Entries() const {
  MutexLock lock(mu_);
  std::vector<std::shared_ptr<SessionEntry>> entries;
  entries.reserve(entries_.size());
  for (const auto& [pid, entry] : entries_) entries.push_back(entry);
  return entries;
}

size_t SessionRegistry::count() const {
  MutexLock lock(mu_);
  return entries_.size();
}

}  // namespace varve::server
