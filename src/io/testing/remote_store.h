// Plays a store behind a network: remembers requests, answers late, and can be switched off.
//
// Role:     tests -> [RemoteStore] -> another ObjectStore, usually a local folder.
// Errors:   Unavailable for everything while it is off; FailNext()'s for the next reads; 57014 for
//           a late read that is interrupted.
// Threads:  safe.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/object_store.h"
#include "io/store_set.h"

namespace varve::io::testing {

struct ReadRequest {
  std::string name;
  uint64_t begin = 0;
  uint64_t end = 0;
  // How many requests had been answered when this one came: one that needed another's answer has a
  // higher number than that.
  size_t after = 0;
};

class RemoteStore : public ObjectStore {
 public:
  RemoteStore(std::string name, ObjectStore& inner) : name_(std::move(name)), inner_(inner) {}

  void SetOff(bool off) VARVE_EXCLUDES(mu_);
  void SetDelay(std::chrono::milliseconds delay) VARVE_EXCLUDES(mu_);
  // The next `count` ranged reads fail with `error`.
  void FailNext(int count, Status error) VARVE_EXCLUDES(mu_);
  // Ranged reads since the last call.
  std::vector<ReadRequest> TakeReads() VARVE_EXCLUDES(mu_);
  // Reads under way, and the most there were at once.
  size_t busy_max() const VARVE_EXCLUDES(mu_);

  Result<std::string> Get(std::string_view name) override;
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override;
  Result<ObjectInfo> Head(std::string_view name) override;
  Status Put(std::string_view name, std::string_view content) override;
  Status PutIfAbsent(std::string_view name, std::string_view content) override;
  Status PutFile(std::string_view name, const std::string& path) override;
  Result<std::vector<ObjectInfo>> List(std::string_view prefix,
                                       std::string_view start_after = {}) override;
  Status Delete(std::string_view name) override;
  std::string ReadPath(std::string_view name) const override { return MakeStorePath(name_, name); }

 private:
  // Unavailable while it is off.
  Status Reach() const VARVE_EXCLUDES(mu_);

  const std::string name_;
  ObjectStore& inner_;

  mutable Mutex mu_;
  bool off_ VARVE_GUARDED_BY(mu_) = false;
  std::chrono::milliseconds delay_ VARVE_GUARDED_BY(mu_){0};
  int failures_left_ VARVE_GUARDED_BY(mu_) = 0;
  Status failure_ VARVE_GUARDED_BY(mu_);
  std::vector<ReadRequest> reads_ VARVE_GUARDED_BY(mu_);
  size_t answered_ VARVE_GUARDED_BY(mu_) = 0;
  size_t busy_ VARVE_GUARDED_BY(mu_) = 0;
  size_t busy_max_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::io::testing
