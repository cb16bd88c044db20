#include "io/routed_store.h"

#include <utility>

#include "io/store_set.h"

namespace varve::io {
namespace {

constexpr std::string_view kProjects = ".project/";

}  // namespace

std::string ProjectFolder(std::string_view project) {
  return fmt::format("{}{}/", kProjects, project);
}

std::optional<ProjectName> ParseProjectName(std::string_view name) {
  if (!name.starts_with(kProjects)) return std::nullopt;
  name.remove_prefix(kProjects.size());
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return ProjectName{name.substr(0, slash), name.substr(slash + 1)};
}

void RoutedStore::Route(const std::string& project, ObjectStore* store) {
  MutexLock lock(mu_);
  if (store == nullptr) {
    projects_.erase(project);
  } else {
    projects_[project] = store;
  }
}

Result<RoutedStore::Target> RoutedStore::Find(std::string_view name) const {
  const auto in_project = ParseProjectName(name);
  if (!in_project) return Target{main_, name, 0};
  MutexLock lock(mu_);
  const auto at = projects_.find(in_project->project);
  if (at == projects_.end()) {
    return FailedPrecondition("project \"{}\" has no storage of its own on this server",
                              in_project->project);
  }
  return Target{*at->second, in_project->name, name.size() - in_project->name.size()};
}

Result<std::string> RoutedStore::Get(std::string_view name) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(name));
  return target.store.Get(target.name);
}

Result<std::string> RoutedStore::GetRange(std::string_view name, uint64_t begin, uint64_t end) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(name));
  return target.store.GetRange(target.name, begin, end);
}

Result<ObjectInfo> RoutedStore::Head(std::string_view name) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(name));
  VARVE_ASSIGN_OR_RETURN(ObjectInfo info, target.store.Head(target.name));
  info.name = name;
  return info;
}

Status RoutedStore::Put(std::string_view name, std::string_view content) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(name));
  return target.store.Put(target.name, content);
}

Status RoutedStore::PutIfAbsent(std::string_view name, std::string_view content) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(name));
  return target.store.PutIfAbsent(target.name, content);
}

Status RoutedStore::PutFile(std::string_view name, const std::string& path) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(name));
  return target.store.PutFile(target.name, path);
}

Status RoutedStore::PutFiles(std::span<const FileToPut> files) {
  std::map<ObjectStore*, std::vector<FileToPut>> by_store;
  for (const FileToPut& file : files) {
    VARVE_ASSIGN_OR_RETURN(const Target target, Find(file.name));
    by_store[&target.store].push_back({std::string(target.name), file.path});
  }
  for (const auto& [store, puts] : by_store) VARVE_RETURN_IF_ERROR(store->PutFiles(puts));
  return OkStatus();
}

Result<std::vector<ObjectInfo>> RoutedStore::List(std::string_view prefix,
                                                  std::string_view start_after) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(prefix));
  // A name to start after that lies elsewhere is before or behind all that there is.
  if (target.dropped > 0 && !start_after.empty()) {
    const std::string_view folder = prefix.substr(0, target.dropped);
    if (start_after.starts_with(folder)) {
      start_after.remove_prefix(target.dropped);
    } else if (start_after < folder) {
      start_after = {};
    } else {
      return std::vector<ObjectInfo>();
    }
  }
  VARVE_ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects,
                         target.store.List(target.name, start_after));
  for (ObjectInfo& object : objects) object.name.insert(0, prefix.substr(0, target.dropped));
  return objects;
}

Result<std::vector<std::string>> RoutedStore::ListFolders(std::string_view prefix) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(prefix));
  return target.store.ListFolders(target.name);
}

Status RoutedStore::Delete(std::string_view name) {
  VARVE_ASSIGN_OR_RETURN(const Target target, Find(name));
  return target.store.Delete(target.name);
}

Status RoutedStore::DeleteMany(std::span<const std::string> names) {
  std::map<ObjectStore*, std::vector<std::string>> by_store;
  Status first_error;
  for (const std::string& name : names) {
    const Result<Target> target = Find(name);
    first_error.Update(target.status());
    if (target.ok()) by_store[&target->store].emplace_back(target->name);
  }
  for (const auto& [store, deleted] : by_store) first_error.Update(store->DeleteMany(deleted));
  return first_error;
}

// Of a project without storage nothing is read: the path is one that no store has.
std::string RoutedStore::ReadPath(std::string_view name) const {
  const Result<Target> target = Find(name);
  if (target.ok()) return target->store.ReadPath(target->name);
  return MakeStorePath("none", name);
}

}  // namespace varve::io
