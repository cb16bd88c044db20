// Sends the objects of projects with storage of their own to their stores, all others to one store.
//
// Role:     flush, lake, maintenance, engine -> [RoutedStore] -> the server's store, or projects'.
// Layout:   ".project/<id>/<name>" is the object <name> of the project's store. No table folder
//           begins with a dot. Listings name objects as they were asked for.
// Errors:   the store's; FailedPrecondition for a project that has no storage here (any more).
// Threads:  safe. A store outlives this object, also after Route has put another in its place.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "io/object_store.h"

namespace varve::io {

// Where the names of a project's objects begin: ".project/<id>/".
std::string ProjectFolder(std::string_view project);

struct ProjectName {
  std::string_view project;
  std::string_view name;  // in the project's store
};
// nullopt for a name that is not below any ProjectFolder.
std::optional<ProjectName> ParseProjectName(std::string_view name);

class RoutedStore final : public ObjectStore {
 public:
  explicit RoutedStore(ObjectStore& main) : main_(main) {}

  // From now on the project's objects are in `store`; nullptr: it has none.
  void Route(const std::string& project, ObjectStore* store) VARVE_EXCLUDES(mu_);

  Result<std::string> Get(std::string_view name) override;
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override;
  Result<ObjectInfo> Head(std::string_view name) override;
  Status Put(std::string_view name, std::string_view content) override;
  Status PutIfAbsent(std::string_view name, std::string_view content) override;
  Status PutFile(std::string_view name, const std::string& path) override;
  Status PutFiles(std::span<const FileToPut> files) override;
  Result<std::vector<ObjectInfo>> List(std::string_view prefix,
                                       std::string_view start_after = {}) override;
  Result<std::vector<std::string>> ListFolders(std::string_view prefix) override;
  Status Delete(std::string_view name) override;
  Status DeleteMany(std::span<const std::string> names) override;
  std::string ReadPath(std::string_view name) const override;

 private:
  struct Target {
    ObjectStore& store;
    std::string_view name;  // in that store
    size_t dropped = 0;     // bytes at the front of the name that the store does not know
  };
  Result<Target> Find(std::string_view name) const VARVE_EXCLUDES(mu_);

  ObjectStore& main_;
  mutable Mutex mu_;
  std::map<std::string, ObjectStore*, std::less<>> projects_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::io
