#include "main/lake_store.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "config/option_registry.h"
#include "io/posix/local_store.h"
#include "io/store_set.h"

namespace varve {
namespace {

using std::chrono::milliseconds;

bool IsDefault(const config::Options& options, std::string_view name) {
  return options.all().find(name)->second.source == config::OptionSource::kDefault;
}

io::aws::CredentialSettings CredentialsOf(const config::Options& options, const std::string& home) {
  io::aws::CredentialSettings settings;
  settings.given = {options.Text("s3-access-key"), options.Text("s3-secret-key"),
                    options.Text("s3-session-token")};
  settings.profile = options.Text("s3-profile");
  settings.credentials_file = options.Text("s3-credentials-file");
  settings.config_file = options.Text("s3-config-file");
  if (!home.empty()) {
    if (settings.credentials_file.empty()) settings.credentials_file = home + "/.aws/credentials";
    if (settings.config_file.empty()) settings.config_file = home + "/.aws/config";
  }
  return settings;
}

}  // namespace

Result<std::unique_ptr<LakeStore>> LakeStore::Open(const config::Options& options,
                                                   const std::string& folder, io::FileSystem& files,
                                                   const std::string& home) {
  auto lake = std::unique_ptr<LakeStore>(new LakeStore());
  if (!options.Text("s3-bucket").empty()) {
    VARVE_RETURN_IF_ERROR(lake->OpenBucket(options, files, home));
  } else {
    VARVE_ASSIGN_OR_RETURN(lake->store_, io::LocalStore::Open(folder));
  }
  return lake;
}

Status LakeStore::OpenBucket(const config::Options& options, io::FileSystem& files,
                             const std::string& home) {
  cloud_ = std::make_unique<Cloud>(options.Text("s3-ca-file"));
  VARVE_ASSIGN_OR_RETURN(cloud_->credentials,
                         io::aws::CredentialSource::Open(files, CredentialsOf(options, home)));
  cloud_->bucket = options.Text("s3-bucket");
  const std::string profile_region = cloud_->credentials->region();
  cloud_->region = IsDefault(options, "s3-region") && !profile_region.empty()
                       ? profile_region
                       : options.Text("s3-region");
  BucketSpec spec;
  spec.store_name = io::kLakeStore;
  spec.bucket = cloud_->bucket;
  spec.prefix = options.Text("table-prefix");
  const std::string& endpoint = options.Text("s3-endpoint");
  if (endpoint != config::FindOption("s3-endpoint")->default_text) spec.endpoint = endpoint;
  spec.region = cloud_->region;
  VARVE_ASSIGN_OR_RETURN(std::unique_ptr<io::S3Store> store,
                         OpenCheckedBucket(options, spec, *cloud_, files));
  spdlog::info("tables are in s3://{}/{} at {}", spec.bucket, spec.prefix,
               store->client().endpoint());
  store_ = std::move(store);
  return OkStatus();
}

StopRequestsLater::StopRequestsLater(std::vector<Cloud*> clouds, milliseconds limit) {
  if (clouds.empty()) return;
  thread_ = std::thread([this, clouds = std::move(clouds), limit] {
    MutexLock lock(mu_);
    if (changed_.WaitFor(mu_, limit, [this]() VARVE_REQUIRES(mu_) { return ended_; })) return;
    spdlog::warn("requests to the object store are given up: the server stops");
    for (Cloud* const cloud : clouds) cloud->gate.Stop();
  });
}

StopRequestsLater::~StopRequestsLater() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mu_);
    ended_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

}  // namespace varve
