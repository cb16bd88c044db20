#include "io/testing/remote_store.h"

#include <algorithm>
#include <utility>

#include "base/interrupt.h"

namespace varve::io::testing {

void RemoteStore::SetOff(bool off) {
  MutexLock lock(mu_);
  off_ = off;
}

void RemoteStore::SetDelay(std::chrono::milliseconds delay) {
  MutexLock lock(mu_);
  delay_ = delay;
}

void RemoteStore::FailNext(int count, Status error) {
  MutexLock lock(mu_);
  failures_left_ = count;
  failure_ = std::move(error);
}

std::vector<ReadRequest> RemoteStore::TakeReads() {
  MutexLock lock(mu_);
  return std::exchange(reads_, {});
}

size_t RemoteStore::busy_max() const {
  MutexLock lock(mu_);
  return busy_max_;
}

Status RemoteStore::Reach() const {
  MutexLock lock(mu_);
  return off_ ? Unavailable("the store is off (test)") : OkStatus();
}

Result<std::string> RemoteStore::Get(std::string_view name) {
  VARVE_RETURN_IF_ERROR(Reach());
  return inner_.Get(name);
}

Result<std::string> RemoteStore::GetRange(std::string_view name, uint64_t begin, uint64_t end) {
  std::chrono::milliseconds delay;
  Status failure;
  {
    MutexLock lock(mu_);
    reads_.push_back({std::string(name), begin, end, answered_});
    busy_max_ = std::max(busy_max_, ++busy_);
    delay = delay_;
    if (failures_left_ > 0) {
      --failures_left_;
      failure = failure_;
    }
    if (off_) failure = Unavailable("the store is off (test)");
  }
  while (delay.count() > 0 && !Interrupted()) {
    const auto slice = std::min(delay, kInterruptPoll);
    Mutex mu;
    CondVar never;
    MutexLock lock(mu);
    never.WaitFor(mu, slice, [] { return false; });
    delay -= slice;
  }
  if (Interrupted()) failure = InterruptedStatus();
  Result<std::string> content =
      failure.ok() ? inner_.GetRange(name, begin, end) : Result<std::string>(failure);
  MutexLock lock(mu_);
  ++answered_;
  --busy_;
  return content;
}

Result<ObjectInfo> RemoteStore::Head(std::string_view name) {
  VARVE_RETURN_IF_ERROR(Reach());
  return inner_.Head(name);
}

Status RemoteStore::Put(std::string_view name, std::string_view content) {
  VARVE_RETURN_IF_ERROR(Reach());
  return inner_.Put(name, content);
}

Status RemoteStore::PutIfAbsent(std::string_view name, std::string_view content) {
  VARVE_RETURN_IF_ERROR(Reach());
  return inner_.PutIfAbsent(name, content);
}

Status RemoteStore::PutFile(std::string_view name, const std::string& path) {
  VARVE_RETURN_IF_ERROR(Reach());
  return inner_.PutFile(name, path);
}

Result<std::vector<ObjectInfo>> RemoteStore::List(std::string_view prefix,
                                                  std::string_view start_after) {
  VARVE_RETURN_IF_ERROR(Reach());
  return inner_.List(prefix, start_after);
}

Status RemoteStore::Delete(std::string_view name) {
  VARVE_RETURN_IF_ERROR(Reach());
  return inner_.Delete(name);
}

}  // namespace varve::io::testing
