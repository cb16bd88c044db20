// Keeps objects as files below one local folder, each write atomic and durable.
//
// Role:     lake, engine -> [LocalStore] -> the file system.
// Layout:   object `a/b/c` is the file <root>/a/b/c. Files being written are in <root>/.varve-tmp,
//           which List never shows; what a crash left there is removed by a later Open.
// Limits:   names up to kNameBytesMax bytes, each part up to the file system's own limit.
// Errors:   as io::ObjectStore says. InvalidArgument for a name that is not a plain relative path;
//           58030 for any other system error: a write may then have happened or not.
// Threads:  safe, also for several stores and processes on one folder. Every call may block.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "io/object_name.h"
#include "io/object_store.h"

namespace varve::io {

class LocalStore final : public ObjectStore {
 public:
  // Uses the folder `root`, an absolute or relative path; makes it when it is not there.
  static Result<std::unique_ptr<LocalStore>> Open(const std::string& root);

  Result<std::string> Get(std::string_view name) override;
  // Bytes [begin, end) as far as the object reaches.
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override;
  Result<ObjectInfo> Head(std::string_view name) override;
  Status Put(std::string_view name, std::string_view content) override;
  Status PutIfAbsent(std::string_view name, std::string_view content) override;
  // Links `path` when it is on the same file system, else copies it.
  Status PutFile(std::string_view name, const std::string& path) override;
  // Each file and each folder is synced once, several at a time.
  Status PutFiles(std::span<const FileToPut> files) override;
  Result<std::vector<ObjectInfo>> List(std::string_view prefix,
                                       std::string_view start_after = {}) override;
  Result<std::vector<std::string>> ListFolders(std::string_view prefix) override;
  Status Delete(std::string_view name) override;
  std::string ReadPath(std::string_view name) const override;

 private:
  explicit LocalStore(std::string root);

  // Writes `content` to a new synced file in the folder for temporary files; returns its path.
  Result<std::string> WriteTemporary(std::string_view content);
  Result<std::string> CopyToTemporary(const std::string& path);
  std::string NextTemporaryPath();
  void RemoveStaleTemporaries() const;

  // Makes the folder of the object `name` and every folder above it, and makes their entries
  // durable. The first use of a folder by this store syncs it even when it is there already:
  // whoever made it may not have come to that yet.
  Status MakeFolderOf(std::string_view name) VARVE_EXCLUDES(mu_);
  // Makes them, adds the folders that hold their entries to `unsynced`, and leaves the syncing to
  // the caller, who then calls NoteDurable.
  Status MakeFoldersUnsynced(std::string_view folder, std::set<std::string>& unsynced)
      VARVE_EXCLUDES(mu_);
  void NoteDurable(std::string_view folder) VARVE_EXCLUDES(mu_);
  Status SyncFolderOf(std::string_view name) const;
  // Gives a synced file its place; the folders to sync for it join `unsynced`.
  Status LinkIn(const FileToPut& file, std::set<std::string>& unsynced) VARVE_EXCLUDES(mu_);
  // Gives the file the name `to` as well, in the place of whatever has it; returns 0 or an errno.
  int LinkOver(const std::string& from, const std::string& to);
  // Runs `place` (which returns 0 or an errno) after MakeFolderOf, once more if the folder has gone
  // meanwhile. Returns the errno of the last try.
  Result<int> PlaceInFolder(std::string_view name, const std::function<int()>& place)
      VARVE_EXCLUDES(mu_);
  std::string PathOf(std::string_view name) const;
  // Unavailable without the root: a disk that is not mounted is a store that is down, not an empty
  // one, and whoever finds no table there would make it anew.
  Status CheckRoot() const;
  // For a name that the file system does not open: NotFound only if the root is there.
  Status Unreachable(std::string_view what, const std::string& path, int error) const;

  // Constant after construction.
  const std::string root_;
  // Own synchronization.
  std::atomic<uint64_t> next_temporary_{0};

  Mutex mu_;
  std::set<std::string, std::less<>> durable_folders_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::io
