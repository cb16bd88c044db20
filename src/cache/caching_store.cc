#include "cache/caching_store.h"

namespace varve::cache {

Status CachingStore::PutFile(std::string_view name, const std::string& path) {
  VARVE_RETURN_IF_ERROR(inner_.PutFile(name, path));
  cache_.Admit({name_, std::string(name)}, path);
  return OkStatus();
}

Status CachingStore::PutFiles(std::span<const io::FileToPut> files) {
  VARVE_RETURN_IF_ERROR(inner_.PutFiles(files));
  for (const io::FileToPut& file : files) cache_.Admit({name_, file.name}, file.path);
  return OkStatus();
}

// The cache first: nobody reads from it what is gone, and what is not gone can be fetched again.
Status CachingStore::Delete(std::string_view name) {
  cache_.Forget({name_, std::string(name)});
  return inner_.Delete(name);
}

Status CachingStore::DeleteMany(std::span<const std::string> names) {
  for (const std::string& name : names) cache_.Forget({name_, name});
  return inner_.DeleteMany(names);
}

}  // namespace varve::cache
