#include "main/commit_coordination.h"

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "io/dynamodb/dynamo_client.h"
#include "lake/dynamo_commits.h"

namespace varve {

Result<std::unique_ptr<CommitCoordination>> CommitCoordination::Open(const config::Options& options,
                                                                     Cloud* cloud) {
  std::unique_ptr<io::DynamoDb> db;
  if (cloud != nullptr && options.Text("lock-provider") == "dynamodb") {
    io::DynamoSettings settings;
    settings.table = options.Text("dynamodb-table");
    settings.endpoint = options.Text("dynamodb-endpoint");
    settings.region = cloud->region;
    settings.allow_http = options.Bool("s3-allow-http");
    settings.connect_limit = std::chrono::milliseconds(options.Integer("s3-connect-timeout-ms"));
    settings.request_limit = std::chrono::milliseconds(options.Integer("s3-request-timeout-ms"));
    settings.retry.deadline = std::chrono::seconds(options.Integer("s3-retry-secs"));
    VARVE_ASSIGN_OR_RETURN(
        db, io::DynamoClient::Make(std::move(settings), {cloud->http, *cloud->credentials,
                                                         Clock::System(), Random::System()}));
  }
  return std::unique_ptr<CommitCoordination>(
      new CommitCoordination(std::move(db), options.Text("dynamodb-path-scheme")));
}

Result<std::unique_ptr<lake::CommitStore>> CommitCoordination::For(io::ObjectStore& store,
                                                                   const std::string& bucket,
                                                                   const std::string& prefix) {
  if (db_ == nullptr) return std::make_unique<lake::PutIfAbsentCommits>(store);
  Result<std::unique_ptr<lake::DynamoCommits>> commits =
      lake::DynamoCommits::Open(store, *db_, Clock::System(), {scheme_, bucket, prefix});
  if (commits.status().code() == StatusCode::kUnavailable) {
    return FailedPrecondition("dynamodb-endpoint: the lock table cannot be read: {}",
                              MessageOf(commits.status()));
  }
  VARVE_RETURN_IF_ERROR(commits.status());
  return *std::move(commits);
}

}  // namespace varve
