#include "lake/routed_commits.h"

#include "io/routed_store.h"

namespace varve::lake {

void RoutedCommits::Route(const std::string& project, CommitStore* commits) {
  MutexLock lock(mu_);
  if (commits == nullptr) {
    projects_.erase(project);
  } else {
    projects_[project] = commits;
  }
}

Result<RoutedCommits::Target> RoutedCommits::Find(const std::string& location) const {
  const auto in_project = io::ParseProjectName(location);
  if (!in_project) return Target{main_, location};
  MutexLock lock(mu_);
  const auto at = projects_.find(in_project->project);
  if (at == projects_.end()) {
    return FailedPrecondition("project \"{}\" has no storage of its own on this server",
                              in_project->project);
  }
  return Target{*at->second, std::string(in_project->name)};
}

Status RoutedCommits::Put(const std::string& location, int64_t version, std::string_view content) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(location));
  return target.commits.Put(target.location, version, content);
}

Status RoutedCommits::Settle(const std::string& location) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(location));
  return target.commits.Settle(target.location);
}

Status RoutedCommits::Forget(const std::string& location) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(location));
  return target.commits.Forget(target.location);
}

}  // namespace varve::lake
