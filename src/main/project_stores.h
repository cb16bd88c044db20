// Keeps the storage of projects: definitions and keys in a file of the data folder, open buckets.
//
// Role:     Storage, SQL (through catalog::ProjectStorage) -> [ProjectStores] -> buckets, routed to
//           under io::ProjectFolder.
// Layout:   <data folder>/projects.json, readable by the server's user only; spec:
//           docs/formats/projects.md.
// Errors:   Add: one sentence that names what is wrong, nothing changed. Open: DataLoss for a file
//           that cannot be read; a bucket that is down is no error.
// Threads:  safe. One Add or Remove at a time; Add blocks on the bucket.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "cache/block_cache.h"
#include "cache/caching_store.h"
#include "catalog/project_storage.h"
#include "config/options.h"
#include "io/file.h"
#include "io/routed_store.h"
#include "io/store_set.h"
#include "lake/routed_commits.h"
#include "main/bucket.h"
#include "main/commit_coordination.h"

namespace varve {

class ProjectStores final : public catalog::ProjectStorage {
 public:
  // All outlive this object, which outlives what it routes to: nobody uses the routes after it.
  struct Parts {
    io::FileSystem& files;
    io::StoreSet& stores;
    cache::BlockCache& cache;
    CommitCoordination& coordination;
    io::RoutedStore& routes;
    lake::RoutedCommits& commit_routes;
    std::string default_region;  // of the server's own bucket
  };
  static Result<std::unique_ptr<ProjectStores>> Open(const Parts& parts,
                                                     const config::Options& options,
                                                     const std::string& path);

  Status Add(catalog::Project project, catalog::ProjectSecrets secrets) override
      VARVE_EXCLUDES(change_mu_, mu_);
  Status Remove(const std::string& id) override VARVE_EXCLUDES(change_mu_, mu_);
  std::vector<catalog::Project> List() const override VARVE_EXCLUDES(mu_);
  catalog::ProjectIdsRef ids() const override VARVE_EXCLUDES(mu_);

  // Of every bucket that is or was open.
  std::vector<Cloud*> clouds() const VARVE_EXCLUDES(mu_);

 private:
  struct Definition {
    catalog::Project project;
    catalog::ProjectSecrets secrets;
    bool single_writer = false;
  };
  // In the order in which they are made: each uses those before it.
  struct Opened {
    std::unique_ptr<Cloud> cloud;
    std::unique_ptr<io::ObjectStore> store;
    std::unique_ptr<cache::CachingStore> caching;
    std::unique_ptr<lake::CommitStore> commits;
  };
  using Definitions = std::map<std::string, Definition>;

  ProjectStores(const Parts& parts, const config::Options& options, std::string path)
      : parts_(parts), options_(options), path_(std::move(path)) {}

  BucketSpec SpecOf(const Definition& definition) const;
  Status CheckFree(const Definition& definition) const VARVE_REQUIRES(change_mu_);
  // With `check`, the bucket is asked whether it can be used.
  Result<Opened> OpenStore(Definition& definition, bool check);
  void Show(const std::string& id, Opened opened) VARVE_REQUIRES(change_mu_) VARVE_EXCLUDES(mu_);
  Status Read() VARVE_EXCLUDES(change_mu_, mu_);
  Status Write(const Definitions& definitions);
  void Publish(Definitions definitions) VARVE_EXCLUDES(mu_);

  const Parts parts_;
  const config::Options options_;
  const std::string path_;

  // Held across requests and the write of the file.
  Mutex change_mu_ VARVE_ACQUIRED_BEFORE(mu_);
  mutable Mutex mu_;
  Definitions definitions_ VARVE_GUARDED_BY(mu_);
  catalog::ProjectIdsRef ids_ VARVE_GUARDED_BY(mu_) = std::make_shared<catalog::ProjectIds>();
  // Also those that were removed: somebody may still read from them.
  std::vector<Opened> opened_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve
