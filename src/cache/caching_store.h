// Puts the block cache behind a store: what is stored enters it, what is deleted leaves it.
//
// Role:     flush, compaction, vacuum -> [CachingStore] -> io::ObjectStore, BlockCache.
// Limits:   only PutFile and PutFiles fill the cache: they bring data files. Reads pass through:
//           the Delta log is read once and changes, and data files are read by BlockCache itself.
// Errors:   the store's; the cache adds none.
// Threads:  safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/block_cache.h"
#include "io/object_store.h"

namespace varve::cache {

class CachingStore final : public io::ObjectStore {
 public:
  // `name`: as in the StoreSet. A local file that `inner` was given must still be there afterwards.
  CachingStore(std::string name, io::ObjectStore& inner, BlockCache& cache)
      : name_(std::move(name)), inner_(inner), cache_(cache) {}

  Result<std::string> Get(std::string_view name) override { return inner_.Get(name); }
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override {
    return inner_.GetRange(name, begin, end);
  }
  Result<io::ObjectInfo> Head(std::string_view name) override { return inner_.Head(name); }
  Status Put(std::string_view name, std::string_view content) override {
    return inner_.Put(name, content);
  }
  Status PutIfAbsent(std::string_view name, std::string_view content) override {
    return inner_.PutIfAbsent(name, content);
  }
  Status PutFile(std::string_view name, const std::string& path) override;
  Status PutFiles(std::span<const io::FileToPut> files) override;
  Result<std::vector<io::ObjectInfo>> List(std::string_view prefix,
                                           std::string_view start_after = {}) override {
    return inner_.List(prefix, start_after);
  }
  Result<std::vector<std::string>> ListFolders(std::string_view prefix) override {
    return inner_.ListFolders(prefix);
  }
  Status Delete(std::string_view name) override;
  Status DeleteMany(std::span<const std::string> names) override;
  std::string ReadPath(std::string_view name) const override { return inner_.ReadPath(name); }

 private:
  const std::string name_;
  io::ObjectStore& inner_;
  BlockCache& cache_;
};

}  // namespace varve::cache
