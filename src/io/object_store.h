// Stores immutable objects by name: the lake's view of a bucket or of a local folder.
//
// Role:     lake, engine -> [ObjectStore] -> io/posix (folder), io/s3 (bucket).
// Layout:   names are '/'-separated, relative, without "." and ".." parts.
// Units:    bytes, half-open ranges.
// Errors:   NotFound; AlreadyExists (put if absent); Unavailable (retry later, state unknown unless
//           the method says otherwise); ResourceExhausted, 53100, when the store is full.
// Threads:  safe; every call may block on disk or network.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace varve::io {

struct ObjectInfo {
  std::string name;
  uint64_t bytes = 0;
  int64_t modified_us = 0;  // microseconds UTC
};

// A local file that is to become an object.
struct FileToPut {
  std::string name;  // of the object
  std::string path;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual Result<std::string> Get(std::string_view name) = 0;
  virtual Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) = 0;
  virtual Result<ObjectInfo> Head(std::string_view name) = 0;

  // Durable when it returns OK; replaces an object of that name atomically.
  virtual Status Put(std::string_view name, std::string_view content) = 0;
  // Durable when it returns OK; AlreadyExists and nothing changed when the name is taken. Exactly
  // one of any number of racing callers wins. Unavailable: whether the object was made, or will yet
  // be, is unknown; after any other error it was not and will not be.
  virtual Status PutIfAbsent(std::string_view name, std::string_view content) = 0;
  // Makes the local file `path` the object `name`, modified now. The file stays, for the caller to
  // remove: it must never be changed again, because it may be the object itself under another name.
  virtual Status PutFile(std::string_view name, const std::string& path) = 0;
  // PutFile for each; all are durable when it returns OK. After an error any of them may be there.
  virtual Status PutFiles(std::span<const FileToPut> files) {
    for (const FileToPut& file : files) VARVE_RETURN_IF_ERROR(PutFile(file.name, file.path));
    return OkStatus();
  }

  // Objects whose names start with `prefix`, ascending by name (bytewise), those after
  // `start_after` only.
  virtual Result<std::vector<ObjectInfo>> List(std::string_view prefix,
                                               std::string_view start_after = {}) = 0;
  // The folders right below `prefix` (empty, or with a '/' at its end): "a" for an object a/b/c.
  // Ascending. A store that can say so without listing what lies in them does; one that knows
  // folders by themselves may name empty ones.
  virtual Result<std::vector<std::string>> ListFolders(std::string_view prefix) {
    VARVE_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, List(prefix));
    std::vector<std::string> folders;
    for (const ObjectInfo& object : objects) {
      const std::string_view rest = std::string_view(object.name).substr(prefix.size());
      const size_t slash = rest.find('/');
      if (slash == std::string_view::npos) continue;
      // Not all of one folder follow each other: "a-b/c" comes between "a" and "a/c".
      folders.emplace_back(rest.substr(0, slash));
    }
    std::sort(folders.begin(), folders.end());
    folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
    return folders;
  }
  // NotFound is not an error here: the object is gone either way.
  virtual Status Delete(std::string_view name) = 0;
  // Delete for each. All are tried; the first error counts, and the others may be gone.
  virtual Status DeleteMany(std::span<const std::string> names) {
    Status first_error;
    for (const std::string& name : names) first_error.Update(Delete(name));
    return first_error;
  }

  // Where DuckDB finds the object: a local path, or varve://<store>/<object> (store_set.h).
  virtual std::string ReadPath(std::string_view name) const = 0;
};

}  // namespace varve::io
