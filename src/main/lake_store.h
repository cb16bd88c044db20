// Opens the store that the tables lie in: a folder, or a bucket that was found fit for it.
//
// Role:     Storage -> [LakeStore] -> io/posix or io/s3, with what a bucket needs (connections,
//           keys).
// Errors:   one sentence for the operator that names the option: no such bucket, a wrong key, an
//           endpoint that cannot be reached, a store that is not safe for several writers.
// Threads:  opened by one; the parts are safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "config/options.h"
#include "io/file.h"
#include "io/object_store.h"
#include "main/bucket.h"

namespace varve {

class LakeStore {
 public:
  // `folder`: of the lake, when there is no bucket. `home`: where .aws/ may be; empty: nowhere.
  static Result<std::unique_ptr<LakeStore>> Open(const config::Options& options,
                                                 const std::string& folder, io::FileSystem& files,
                                                 const std::string& home);

  io::ObjectStore& store() { return *store_; }
  // nullptr when the tables lie in a folder.
  Cloud* cloud() { return cloud_.get(); }

 private:
  LakeStore() = default;
  Status OpenBucket(const config::Options& options, io::FileSystem& files, const std::string& home);

  std::unique_ptr<Cloud> cloud_;
  std::unique_ptr<io::ObjectStore> store_;
};

// Ends the requests to the buckets after so long, unless it is destroyed before.
class StopRequestsLater {
 public:
  StopRequestsLater(std::vector<Cloud*> clouds, std::chrono::milliseconds limit);
  ~StopRequestsLater();
  StopRequestsLater(const StopRequestsLater&) = delete;
  StopRequestsLater& operator=(const StopRequestsLater&) = delete;

 private:
  Mutex mu_;
  CondVar changed_;
  bool ended_ VARVE_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses everything above; none without a bucket
};

}  // namespace varve
