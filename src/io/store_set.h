// Finds an object store by its name.
//
// Role:     main, projects -> [StoreSet] -> engine (varve://<store>/<object>), lake.
// Layout:   "lake" is the server's own store, "project-<id>" one of a project.
// Threads:  safe. A store stays for as long as the set: what was found may be kept.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "io/object_store.h"

namespace varve::io {

inline constexpr std::string_view kLakeStore = "lake";
inline constexpr std::string_view kStoreScheme = "varve://";

struct StorePath {
  std::string store;
  std::string object;
};

// "varve://<store>/<object>": what ReadPath of a store without local files returns.
inline std::string MakeStorePath(std::string_view store, std::string_view object) {
  return fmt::format("{}{}/{}", kStoreScheme, store, object);
}

// nullopt when `path` is not of that form.
inline std::optional<StorePath> ParseStorePath(std::string_view path) {
  if (!path.starts_with(kStoreScheme)) return std::nullopt;
  path.remove_prefix(kStoreScheme.size());
  const size_t slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == path.size()) {
    return std::nullopt;
  }
  return StorePath{std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

class StoreSet {
 public:
  // `store` outlives the set. AlreadyExists when the name is taken by another one.
  Status Add(const std::string& name, ObjectStore& store) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    const auto [at, added] = stores_.emplace(name, &store);
    if (!added && at->second != &store) return AlreadyExists("a store named {} is there", name);
    return OkStatus();
  }

  // nullptr when there is none of that name.
  ObjectStore* Find(std::string_view name) const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    const auto at = stores_.find(name);
    return at == stores_.end() ? nullptr : at->second;
  }

 private:
  mutable Mutex mu_;
  std::map<std::string, ObjectStore*, std::less<>> stores_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::io
