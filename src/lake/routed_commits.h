// Sends the commits of projects with storage of their own to their stores' commit stores.
//
// Role:     DeltaTable -> [RoutedCommits] -> CommitStore of the server's store, or of a project's.
// Layout:   locations as io::RoutedStore's names: ".project/<id>/<location>".
// Errors:   theirs; FailedPrecondition for a project that has no storage here (any more).
// Threads:  safe. What is routed to outlives this object.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "lake/commit_store.h"

namespace varve::lake {

class RoutedCommits final : public CommitStore {
 public:
  explicit RoutedCommits(CommitStore& main) : main_(main) {}

  // nullptr: the project has no storage of its own.
  void Route(const std::string& project, CommitStore* commits) VARVE_EXCLUDES(mu_);

  Status Put(const std::string& location, int64_t version, std::string_view content) override;
  Status Settle(const std::string& location) override;
  Status Forget(const std::string& location) override;

 private:
  struct Target {
    CommitStore& commits;
    std::string location;  // as it knows it
  };
  Result<Target> Find(const std::string& location) const VARVE_EXCLUDES(mu_);

  CommitStore& main_;
  mutable Mutex mu_;
  std::map<std::string, CommitStore*, std::less<>> projects_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::lake
