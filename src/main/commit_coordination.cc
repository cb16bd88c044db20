#include "main/commit_coordination.h"

#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "io/dynamodb/dynamo_client.h"
#include "lake/dynamo_commits.h"

namespace varve {

Result<std::unique_ptr<CommitCoordination>> CommitCoordination::Open(
    const config::Options& options, io::HttpClient& http, io::aws::CredentialSource& credentials) {
  std::unique_ptr<io::DynamoDb> db;
  if (options.Text("lock-provider") == "dynamodb") {
    io::DynamoSettings settings;
    settings.table = options.Text("dynamodb-table");
    settings.endpoint = options.Text("dynamodb-endpoint");
    settings.region = options.Text("s3-region");
    settings.allow_http = options.Bool("s3-allow-http");
    VARVE_ASSIGN_OR_RETURN(
        db, io::DynamoClient::Make(std::move(settings),
                                   {http, credentials, Clock::System(), Random::System()}));
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
