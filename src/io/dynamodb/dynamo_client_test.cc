#include "io/dynamodb/dynamo_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "io/posix/posix_file_system.h"
#include "io/testing/scripted_server.h"

namespace varve::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedReply;
using testing::ScriptedRequest;
using testing::ScriptedServer;

ScriptedReply Refusal(int status, const std::string& code) {
  return {.status = status,
          .body = R"({"__type":"com.amazonaws.dynamodb.v20120810#)" + code +
                  R"(","message":"says the test"})"};
}

class DynamoClientTest : public ::testing::Test {
 protected:
  static DynamoSettings SettingsFor(const std::string& endpoint) {
    DynamoSettings settings{.table = "locks", .endpoint = endpoint};
    settings.allow_http = true;
    settings.request_limit = std::chrono::milliseconds(500);
    settings.retry = {std::chrono::milliseconds(1), std::chrono::milliseconds(5),
                      std::chrono::milliseconds(5'000)};
    return settings;
  }
  Result<std::unique_ptr<DynamoClient>> Make(DynamoSettings settings) {
    aws::CredentialSettings keys;
    keys.given = {"the-key", "the-secret", "the-token"};
    credentials_ = *aws::CredentialSource::Open(files_, std::move(keys));
    return DynamoClient::Make(std::move(settings),
                              {http_, *credentials_, Clock::System(), Random::System()});
  }
  void Serve(ScriptedReply first, ScriptedReply then = {.body = "{}"}) {
    server_ = std::make_unique<ScriptedServer>(
        [this, first, then](const ScriptedRequest&) { return requests_++ == 0 ? first : then; });
    client_ = *Make(SettingsFor(server_->url()));
  }

  PosixFileSystem files_;
  StopGate gate_;
  HttpClient http_{gate_};
  std::unique_ptr<aws::CredentialSource> credentials_;
  std::atomic<int> requests_{0};
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<DynamoClient> client_;
};

TEST_F(DynamoClientTest, RequestsAreSignedCallsOfTheProtocol) {
  Serve({.body = "{}"});
  ASSERT_TRUE(client_->Put({{"key", {"a"}}}, {}).ok());
  const ScriptedRequest request = server_->requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/");
  EXPECT_EQ(request.headers.at("x-amz-target"), "DynamoDB_20120810.PutItem");
  EXPECT_EQ(request.headers.at("content-type"), "application/x-amz-json-1.0");
  EXPECT_EQ(request.headers.at("x-amz-security-token"), "the-token");
  EXPECT_THAT(request.headers.at("authorization"),
              HasSubstr("/us-east-1/dynamodb/aws4_request, SignedHeaders="));
  EXPECT_EQ(request.body, R"({"Item":{"key":{"S":"a"}},"TableName":"locks"})");
}

TEST_F(DynamoClientTest, TriesAgainWhatAsksForIt) {
  using Fault = ScriptedReply::Fault;
  const std::vector<ScriptedReply> replies = {
      Refusal(400, "ProvisionedThroughputExceededException"),
      Refusal(400, "ThrottlingException"),
      Refusal(500, "InternalServerError"),
      {.status = 503, .body = "busy"},
      {.fault = Fault::kCloseWithoutAnswer},
      {.body = "{\"long\":\"" + std::string(1000, 'x') + "\"}", .fault = Fault::kCutBody},
      {.fault = Fault::kNeverAnswer},
  };
  for (const ScriptedReply& reply : replies) {
    requests_ = 0;
    Serve(reply);
    const auto item = client_->Get({{"key", {"a"}}});
    EXPECT_TRUE(item.ok()) << item.status();
    EXPECT_EQ(requests_, 2) << reply.status << reply.body;
  }
}

TEST_F(DynamoClientTest, RefusalsAreFinalAndSayWhatToMend) {
  const std::map<std::string, std::pair<StatusCode, std::string>> refusals = {
      {"ConditionalCheckFailedException", {StatusCode::kAborted, ""}},
      {"ResourceNotFoundException", {StatusCode::kNotFound, "locks"}},
      {"ValidationException", {StatusCode::kInternal, "ValidationException (400)"}},
      {"AccessDeniedException", {StatusCode::kFailedPrecondition, "s3-access-key: "}},
      {"UnrecognizedClientException", {StatusCode::kFailedPrecondition, "s3-access-key: "}},
      {"InvalidSignatureException", {StatusCode::kFailedPrecondition, "s3-secret-key: "}},
      {"ExpiredTokenException", {StatusCode::kFailedPrecondition, "s3-session-token: "}},
  };
  for (const auto& [code, expected] : refusals) {
    requests_ = 0;
    Serve(Refusal(400, code));
    const Status refused = client_->Delete({{"key", {"a"}}}, {});
    EXPECT_EQ(refused.code(), expected.first) << refused;
    EXPECT_THAT(std::string(MessageOf(refused)), HasSubstr(expected.second));
    EXPECT_THAT(std::string(MessageOf(refused)), HasSubstr("says the test"));
    EXPECT_THAT(std::string(MessageOf(refused)), Not(HasSubstr("the-secret")));
    EXPECT_EQ(requests_, 1) << code;
  }
}

// A first try may have been done; that the second is refused says nothing of it.
TEST_F(DynamoClientTest, AChangeThatMayHaveHappenedIsInDoubt) {
  using Fault = ScriptedReply::Fault;
  const std::vector<ScriptedReply> firsts = {{.fault = Fault::kCloseWithoutAnswer},
                                             Refusal(500, "InternalServerError")};
  const std::vector<std::function<Status()>> changes = {
      [&] { return client_->Put({{"key", {"a"}}}, {}); },
      [&] { return client_->Update({{"key", {"a"}}}, {{"x", {"y"}}}, {}); },
      [&] { return client_->Delete({{"key", {"a"}}}, {}); }};
  for (const ScriptedReply& first : firsts) {
    for (const auto& change : changes) {
      requests_ = 0;
      Serve(first, Refusal(400, "AccessDeniedException"));
      const Status unknown = change();
      EXPECT_EQ(unknown.code(), StatusCode::kUnavailable) << unknown;
      EXPECT_THAT(std::string(MessageOf(unknown)), HasSubstr("AccessDeniedException"));
    }
    requests_ = 0;
    Serve(first, Refusal(400, "ConditionalCheckFailedException"));
    EXPECT_EQ(client_->Put({{"key", {"a"}}}, {}).code(), StatusCode::kAborted);
    requests_ = 0;
    Serve(first, Refusal(400, "AccessDeniedException"));
    EXPECT_EQ(client_->Get({{"key", {"a"}}}).status().code(), StatusCode::kFailedPrecondition);
  }
  requests_ = 0;
  Serve(Refusal(400, "ThrottlingException"), Refusal(400, "AccessDeniedException"));
  EXPECT_EQ(client_->Put({{"key", {"a"}}}, {}).code(), StatusCode::kFailedPrecondition)
      << "neither was done";
}

TEST_F(DynamoClientTest, AServerThatIsNoDynamoDbIsNamed) {
  Serve({.status = 404, .body = "<html>not here</html>"});
  const Status refused = client_->DescribeKeys().status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(MessageOf(refused)), HasSubstr("dynamodb-endpoint: " + server_->url()));
}

TEST_F(DynamoClientTest, GivesUpAtTheDeadline) {
  server_ = std::make_unique<ScriptedServer>([this](const ScriptedRequest&) {
    ++requests_;
    return Refusal(500, "InternalServerError");
  });
  DynamoSettings settings = SettingsFor(server_->url());
  settings.retry.deadline = std::chrono::milliseconds(100);
  const auto client = *Make(settings);
  const Status failed = client->Put({{"key", {"a"}}}, {});
  EXPECT_EQ(failed.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(MessageOf(failed)), HasSubstr("InternalServerError"));
  EXPECT_THAT(std::string(MessageOf(failed)), HasSubstr("given up after"));
  EXPECT_GT(requests_, 1);
}

TEST_F(DynamoClientTest, ATableInTheMakingIsNotUsed) {
  Serve({.body = R"({"Table":{"TableStatus":"CREATING",
    "AttributeDefinitions":[{"AttributeName":"key","AttributeType":"S"}],
    "KeySchema":[{"AttributeName":"key","KeyType":"HASH"}]}})"});
  EXPECT_EQ(client_->DescribeKeys().status().code(), StatusCode::kUnavailable);
}

TEST_F(DynamoClientTest, AddressesThatCannotBeUsedAreRefused) {
  const auto refusal = [this](const DynamoSettings& settings) {
    return std::string(MessageOf(Make(settings).status()));
  };
  EXPECT_THAT(refusal({.table = ""}), HasSubstr("dynamodb-table"));
  EXPECT_THAT(refusal({.table = "t", .endpoint = "localhost:8000"}), HasSubstr("https://"));
  EXPECT_THAT(refusal({.table = "t", .endpoint = "http://localhost:8000"}),
              HasSubstr("s3-allow-http"));
  EXPECT_THAT(refusal({.table = "t", .endpoint = "https://host/path"}), HasSubstr("alone"));
  EXPECT_THAT(refusal({.table = "t", .endpoint = "https://who:hidden@host"}),
              AllOf(HasSubstr("s3-secret-key"), Not(HasSubstr("hidden"))));
  EXPECT_TRUE(Make({.table = "t"}).ok());
}

}  // namespace
}  // namespace varve::io
