// Opens buckets: the server's own, and those of projects.
//
// Role:     LakeStore, ProjectStores -> [OpenCheckedBucket, OpenBucket] -> io/s3.
// Errors:   of OpenCheckedBucket: one sentence for the operator that names the setting: no such
//           bucket, a wrong key, an endpoint that cannot be reached, a store that is not safe for
//           several writers.
// Threads:  pure functions; a Cloud is shared by whoever uses the bucket.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "config/options.h"
#include "io/aws/credentials.h"
#include "io/file.h"
#include "io/http/http_client.h"
#include "io/s3/s3_store.h"

namespace varve {

// A bucket's connections and keys, for the lock table too.
struct Cloud {
  explicit Cloud(std::string ca_file) : http(gate, std::move(ca_file)) {}

  io::StopGate gate;
  io::HttpClient http;
  std::unique_ptr<io::aws::CredentialSource> credentials;
  std::string bucket;
  std::string region;
};

struct BucketSpec {
  std::string store_name;  // as in varve://<name>/<object>
  std::string bucket;
  std::string prefix;    // folder in the bucket; empty: none
  std::string endpoint;  // empty: AWS
  std::string region;
  // Puts if absent go one after the other: the store has no conditional PUT.
  bool single_writer = false;
};

// Without a request.
Result<std::unique_ptr<io::S3Store>> OpenBucket(const config::Options& options,
                                                const BucketSpec& spec, Cloud& cloud,
                                                io::FileSystem& files);
// After the bucket was found fit for the options' lock provider; sets spec.single_writer.
Result<std::unique_ptr<io::S3Store>> OpenCheckedBucket(const config::Options& options,
                                                       BucketSpec& spec, Cloud& cloud,
                                                       io::FileSystem& files);

}  // namespace varve
