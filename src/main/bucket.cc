#include "main/bucket.h"

#include <chrono>

#include "base/clock.h"
#include "base/random.h"
#include "io/s3/start_check.h"

namespace varve {
namespace {

using std::chrono::milliseconds;

io::S3Addressing AddressingOf(const config::Options& options) {
  const std::string& text = options.Text("s3-addressing");
  return text == "path"      ? io::S3Addressing::kPath
         : text == "virtual" ? io::S3Addressing::kVirtual
                             : io::S3Addressing::kAuto;
}

io::S3Settings SettingsOf(const config::Options& options, const BucketSpec& spec) {
  io::S3Settings settings;
  settings.bucket = spec.bucket;
  if (!spec.endpoint.empty()) settings.endpoint = spec.endpoint;
  settings.region = spec.region;
  settings.addressing = AddressingOf(options);
  settings.allow_http = options.Bool("s3-allow-http");
  settings.connect_limit = milliseconds(options.Integer("s3-connect-timeout-ms"));
  settings.request_limit = milliseconds(options.Integer("s3-request-timeout-ms"));
  settings.retry.deadline = std::chrono::seconds(options.Integer("s3-retry-secs"));
  return settings;
}

// Object names have 1,024 bytes, and tables, partitions and files want to be told apart.
constexpr size_t kPrefixBytesMax = 200;

}  // namespace

Result<std::unique_ptr<io::S3Store>> OpenBucket(const config::Options& options,
                                                const BucketSpec& spec, Cloud& cloud,
                                                io::FileSystem& files) {
  if (spec.prefix.size() > kPrefixBytesMax) {
    return InvalidArgument("the prefix of tables in bucket \"{}\" is longer than {} bytes: \"{}\"",
                           spec.bucket, kPrefixBytesMax, spec.prefix);
  }
  VARVE_ASSIGN_OR_RETURN(
      std::unique_ptr<io::S3Client> client,
      io::S3Client::Make(SettingsOf(options, spec), {cloud.http, *cloud.credentials, files,
                                                     Clock::System(), Random::System()}));
  io::S3StoreSettings settings;
  settings.name = spec.store_name;
  settings.prefix = spec.prefix;
  settings.single_writer = spec.single_writer;
  return std::make_unique<io::S3Store>(std::move(settings), std::move(client));
}

Result<std::unique_ptr<io::S3Store>> OpenCheckedBucket(const config::Options& options,
                                                       BucketSpec& spec, Cloud& cloud,
                                                       io::FileSystem& files) {
  const std::string& lock_provider = options.Text("lock-provider");
  spec.single_writer = lock_provider == "single";
  VARVE_ASSIGN_OR_RETURN(std::unique_ptr<io::S3Store> store,
                         OpenBucket(options, spec, cloud, files));
  VARVE_RETURN_IF_ERROR(io::CheckBucket(*store));
  if (lock_provider.empty()) {
    VARVE_RETURN_IF_ERROR(io::ProbeConditionalPut(*store, Random::System()));
  } else if (lock_provider == "dynamodb" &&
             !io::ProbeConditionalPut(*store, Random::System()).ok()) {
    // The lock table says whose a version is; looking before writing is all that is left to do
    // about writers who do not heed it.
    spec.single_writer = true;
    return OpenBucket(options, spec, cloud, files);
  }
  return store;
}

}  // namespace varve
