// Keeps objects in a bucket, below one prefix.
//
// Role:     lake, cache -> [S3Store] -> S3Client. Names are relative to the prefix, as those of
//           LocalStore are to its folder.
// Limits:   keys of up to kKeyBytesMax bytes, prefix included; an object read as a whole, of
//           kGetBytesMax; kUploadsAtOnce uploads and kDeleteBatch deletes a request.
// Errors:   as io::ObjectStore says. Unavailable with SQLSTATE 58030, the store's own code and the
//           object's name for everything that is not about the object; 57P01 after a stop.
// Threads:  safe. Every call may block until the retry deadline.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "io/object_store.h"
#include "io/s3/s3_client.h"

namespace varve::io {

inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr uint64_t kGetBytesMax = 1ULL << 30;
inline constexpr size_t kDeleteBatch = 1000;

struct S3StoreSettings {
  std::string name = "lake";  // as in varve://<name>/<object>
  std::string prefix{};       // folder in the bucket; empty: none
  // The store has no conditional PUT, and this process is the only writer: puts if absent go one
  // after the other and look for the object first.
  bool single_writer = false;
};

class S3Store final : public ObjectStore {
 public:
  S3Store(S3StoreSettings settings, std::unique_ptr<S3Client> client);

  Result<std::string> Get(std::string_view name) override;
  // Bytes [begin, end) as far as the object reaches.
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override;
  Result<ObjectInfo> Head(std::string_view name) override;
  Status Put(std::string_view name, std::string_view content) override;
  // When a try before the last one may have made the object, the object is read back, whatever the
  // last one's answer: AlreadyExists only if it is another one, Unavailable if it cannot be read.
  // `content` must therefore be the caller's own (a uuid in it will do).
  Status PutIfAbsent(std::string_view name, std::string_view content) override;
  // The local file stays.
  Status PutFile(std::string_view name, const std::string& path) override;
  Status PutFiles(std::span<const FileToPut> files) override;
  Result<std::vector<ObjectInfo>> List(std::string_view prefix,
                                       std::string_view start_after = {}) override;
  Result<std::vector<std::string>> ListFolders(std::string_view prefix) override;
  Status Delete(std::string_view name) override;
  Status DeleteMany(std::span<const std::string> names) override;
  std::string ReadPath(std::string_view name) const override;

  S3Client& client() { return *client_; }

 private:
  Result<std::string> KeyOf(std::string_view name) const;
  // Calls `take` with each page of the listing.
  Status ListPages(std::string_view prefix, std::string_view start_after, bool folders_only,
                   const std::function<void(S3Listing&)>& take);
  Status PutIfAbsentAlone(std::string_view name, std::string_view content)
      VARVE_EXCLUDES(single_writer_mu_);
  // Sends a put that may only be said to have failed if it has.
  Status PutNew(std::string_view name, const S3Call& call);
  // After `refusal` of a put of which an earlier try may have made the object.
  Status ReadBack(std::string_view name, std::string_view content, const Status& refusal);
  Status DeleteBatchOf(std::span<const std::string> keys);

  // Constant after construction.
  const S3StoreSettings settings_;
  const std::string key_prefix_;  // "" or "a/b/"
  const std::unique_ptr<S3Client> client_;

  // Held across look and put, which is its purpose.
  Mutex single_writer_mu_;
};

}  // namespace varve::io
