// Knows which projects have storage of their own, and gives it to them.
//
// Role:     engine (SELECT varve.create_project(...), varve.projects, which rows go where) ->
//           [ProjectStorage] -> implemented by main.
// Errors:   FailedPrecondition with one sentence that names what is wrong with bucket or keys.
//           Secrets are in no message and in nothing that this interface returns.
// Threads:  safe; Add blocks on the object store, the others at most on the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"

namespace varve::catalog {

struct Project {
  std::string id;  // the value of project_id
  std::string bucket;
  std::string prefix;    // folder in the bucket; empty: none
  std::string endpoint;  // empty: as the server's own
  std::string region;    // empty: as the server's own
  std::string access_key;
  int64_t created_us = 0;  // microseconds UTC
};

struct ProjectSecrets {
  std::string secret_key;
  std::string session_token;
};

using ProjectIds = std::set<std::string, std::less<>>;
using ProjectIdsRef = std::shared_ptr<const ProjectIds>;

class ProjectStorage {
 public:
  virtual ~ProjectStorage() = default;

  // Checks bucket and keys and keeps them durably. 42710 when the project has storage already.
  virtual Status Add(Project project, ProjectSecrets secrets) = 0;
  // Forgets a project's storage; nothing is deleted there. No table may have a part in it any more.
  // NotFound for an unknown project.
  virtual Status Remove(const std::string& id) = 0;
  // By id.
  virtual std::vector<Project> List() const = 0;
  // Of the projects whose rows go to their own storage; never null.
  virtual ProjectIdsRef ids() const = 0;
};

}  // namespace varve::catalog
