#include "main/lake_store.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "config/option_registry.h"
#include "io/posix/local_store.h"
#include "io/s3/s3_store.h"
#include "io/s3/start_check.h"
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

io::S3Addressing AddressingOf(const config::Options& options) {
  const std::string& text = options.Text("s3-addressing");
  return text == "path"      ? io::S3Addressing::kPath
         : text == "virtual" ? io::S3Addressing::kVirtual
                             : io::S3Addressing::kAuto;
}

io::S3Settings SettingsOf(const config::Options& options, const std::string& region) {
  io::S3Settings settings;
  settings.bucket = options.Text("s3-bucket");
  const std::string& endpoint = options.Text("s3-endpoint");
  if (endpoint != config::FindOption("s3-endpoint")->default_text) settings.endpoint = endpoint;
  settings.region = region;
  settings.addressing = AddressingOf(options);
  settings.allow_http = options.Bool("s3-allow-http");
  settings.connect_limit = milliseconds(options.Integer("s3-connect-timeout-ms"));
  settings.request_limit = milliseconds(options.Integer("s3-request-timeout-ms"));
  settings.retry.deadline = std::chrono::seconds(options.Integer("s3-retry-secs"));
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
  const auto make_client = [&] {
    return io::S3Client::Make(
        SettingsOf(options, cloud_->region),
        {cloud_->http, *cloud_->credentials, files, Clock::System(), Random::System()});
  };
  VARVE_ASSIGN_OR_RETURN(std::unique_ptr<io::S3Client> client, make_client());
  const std::string& lock_provider = options.Text("lock-provider");
  io::S3StoreSettings settings;
  settings.name = io::kLakeStore;
  settings.prefix = options.Text("table-prefix");
  settings.single_writer = lock_provider == "single";
  auto store = std::make_unique<io::S3Store>(settings, std::move(client));
  VARVE_RETURN_IF_ERROR(io::CheckBucket(*store));
  if (lock_provider.empty()) {
    VARVE_RETURN_IF_ERROR(io::ProbeConditionalPut(*store, Random::System()));
  } else if (lock_provider == "dynamodb" &&
             !io::ProbeConditionalPut(*store, Random::System()).ok()) {
    // The lock table says whose a version is; looking before writing is all that is left to do
    // about writers who do not heed it.
    settings.single_writer = true;
    VARVE_ASSIGN_OR_RETURN(client, make_client());
    store = std::make_unique<io::S3Store>(std::move(settings), std::move(client));
  }
  spdlog::info("tables are in s3://{}/{} at {}", cloud_->bucket, options.Text("table-prefix"),
               store->client().endpoint());
  store_ = std::move(store);
  return OkStatus();
}

StopRequestsLater::StopRequestsLater(Cloud* cloud, milliseconds limit) {
  if (cloud == nullptr) return;
  thread_ = std::thread([this, cloud, limit] {
    MutexLock lock(mu_);
    if (changed_.WaitFor(mu_, limit, [this]() VARVE_REQUIRES(mu_) { return ended_; })) return;
    spdlog::warn("requests to the object store are given up: the server stops");
    cloud->gate.Stop();
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
