// The same cases for DynamoDB Local, through DynamoClient, and for the double that other tests use:
// what holds for the one holds for the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/uuid.h"
#include "io/dynamodb/dynamo_client.h"
#include "io/posix/posix_file_system.h"
#include "io/testing/memory_dynamo_db.h"
#include "io/testing/real_server.h"

namespace varve::io {
namespace {

using ::testing::ElementsAre;
using testing::FreePort;
using ::testing::HasSubstr;
using testing::MemoryDynamoDb;
using testing::PartPath;
using testing::RealServer;
using testing::ScratchFolder;

// DynamoDB Local, once for all tests of the program.
class LocalDynamo {
 public:
  static LocalDynamo& Get() {
    static LocalDynamo dynamo;
    return dynamo;
  }

  void CreateTable(const std::string& name, const std::vector<DynamoKeyPart>& keys) {
    std::string schema;
    std::string types;
    for (const DynamoKeyPart& key : keys) {
      schema += fmt::format(R"({}{{"AttributeName":"{}","KeyType":"{}"}})",
                            schema.empty() ? "" : ",", key.name, key.is_range ? "RANGE" : "HASH");
      types += fmt::format(R"({}{{"AttributeName":"{}","AttributeType":"{}"}})",
                           types.empty() ? "" : ",", key.name, key.type);
    }
    const std::string body =
        fmt::format(R"({{"TableName":"{}","BillingMode":"PAY_PER_REQUEST","KeySchema":[{}],)"
                    R"("AttributeDefinitions":[{}]}})",
                    name, schema, types);
    HttpRequest request{.method = "POST", .url = url_ + "/", .body = body};
    request.headers = {
        {"Content-Type", "application/x-amz-json-1.0"},
        {"X-Amz-Target", "DynamoDB_20120810.CreateTable"},
        {"X-Amz-Date", "20250101T000000Z"},
        {"Authorization",
         "AWS4-HMAC-SHA256 Credential=thekey/20250101/us-east-1/dynamodb/aws4_request, "
         "SignedHeaders=host, Signature=0"}};
    const auto answer = http_.Send(request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->status, 200) << answer->body;
  }

  std::unique_ptr<DynamoDb> Open(const std::string& table) {
    DynamoSettings settings{.table = table, .endpoint = url_};
    settings.allow_http = true;
    return *DynamoClient::Make(std::move(settings),
                               {http_, *credentials_, Clock::System(), Random::System()});
  }

 private:
  LocalDynamo() {
    aws::CredentialSettings keys;
    keys.given = {"thekey", "the-secret", ""};
    credentials_ = *aws::CredentialSource::Open(files_, std::move(keys));
    const auto library = PartPath("dynamodb/lib");
    EXPECT_TRUE(library.ok()) << library.status();
    if (!library.ok()) return;
    const uint16_t port = FreePort();
    auto server =
        RealServer::Start({"/usr/bin/env", "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                           "-Xmx256m", "-Djava.library.path=" + *library, "-cp", *library + "/*",
                           "com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory",
                           "-sharedDb", "-disableTelemetry", "-port", std::to_string(port)},
                          {}, port, folder_.path() + "/log");
    EXPECT_TRUE(server.ok()) << server.status();
    if (!server.ok()) return;
    server_ = *std::move(server);
    url_ = fmt::format("http://127.0.0.1:{}", port);
  }

  PosixFileSystem files_;
  StopGate gate_;
  HttpClient http_{gate_};
  std::unique_ptr<aws::CredentialSource> credentials_;
  ScratchFolder folder_;
  std::unique_ptr<RealServer> server_;
  std::string url_ = "http://127.0.0.1:1";
};

class DynamoContractTest : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<DynamoDb> Open(const std::vector<DynamoKeyPart>& keys) {
    if (!GetParam()) return std::make_unique<MemoryDynamoDb>(keys);
    const std::string table = "t-" + Uuid::MakeV4().ToString();
    LocalDynamo::Get().CreateTable(table, keys);
    return LocalDynamo::Get().Open(table);
  }
  static std::vector<DynamoKeyPart> OneKey() { return {{"key", "S", false}}; }
  static std::vector<DynamoKeyPart> TwoKeys() {
    return {{"tablePath", "S", false}, {"fileName", "S", true}};
  }
};

INSTANTIATE_TEST_SUITE_P(All, DynamoContractTest, ::testing::Bool(),
                         [](const auto& real) { return real.param ? "DynamoDbLocal" : "Memory"; });

TEST_P(DynamoContractTest, KeysAreDescribed) {
  EXPECT_EQ(*Open(OneKey())->DescribeKeys(), OneKey());
  EXPECT_EQ(*Open(TwoKeys())->DescribeKeys(), TwoKeys());
}

TEST_P(DynamoContractTest, ItemsArePutAndRead) {
  const auto db = Open(OneKey());
  const DynamoItem key{{"key", {"s3://bucket/t\u00e9st/0"}}};
  EXPECT_FALSE(db->Get(key)->has_value());
  DynamoItem item = key;
  item["tempPath"] = {".tmp/\"x\"\n"};
  item["expireTime"] = {"1763718000", true};
  ASSERT_TRUE(db->Put(item, {.absent = {"key"}, .equal = {}}).ok());
  EXPECT_EQ(**db->Get(key), item);
  // Put replaces all of it.
  ASSERT_TRUE(db->Put(key, {}).ok());
  EXPECT_EQ(**db->Get(key), key);
  ASSERT_TRUE(db->Delete(key, {}).ok());
  EXPECT_FALSE(db->Get(key)->has_value());
  EXPECT_TRUE(db->Delete(key, {}).ok());
}

TEST_P(DynamoContractTest, ConditionsDecide) {
  const auto db = Open(OneKey());
  const DynamoItem key{{"key", {"a"}}};
  DynamoItem item = key;
  item["complete"] = {"false"};
  const DynamoCondition open{.absent = {}, .equal = {{"complete", {"false"}}}};
  EXPECT_EQ(db->Put(item, open).code(), StatusCode::kAborted);  // nothing there
  EXPECT_EQ(db->Update(key, {{"complete", {"true"}}}, open).code(), StatusCode::kAborted);
  EXPECT_EQ(db->Delete(key, open).code(), StatusCode::kAborted);
  EXPECT_FALSE(db->Get(key)->has_value());
  ASSERT_TRUE(db->Put(item, {.absent = {"key"}, .equal = {}}).ok());
  EXPECT_EQ(db->Put(item, {.absent = {"key"}, .equal = {}}).code(), StatusCode::kAborted);
  ASSERT_TRUE(db->Update(key, {{"complete", {"true"}}, {"expireTime", {"5", true}}}, open).ok());
  item["complete"] = {"true"};
  item["expireTime"] = {"5", true};
  EXPECT_EQ(**db->Get(key), item);
  EXPECT_EQ(db->Update(key, {{"complete", {"true"}}}, open).code(), StatusCode::kAborted);
  EXPECT_EQ(db->Delete(key, open).code(), StatusCode::kAborted);
  EXPECT_TRUE(db->Delete(key, {.absent = {"gone"}, .equal = {{"complete", {"true"}}}}).ok());
}

TEST_P(DynamoContractTest, TheNewestComeFirst) {
  const auto db = Open(TwoKeys());
  for (int version = 0; version < 12; ++version) {
    for (const char* table : {"a", "b"}) {
      ASSERT_TRUE(db->Put({{"tablePath", {table}},
                           {"fileName", {fmt::format("{:020}.json", version + (*table == 'b'))}}},
                          {.absent = {"fileName"}, .equal = {}})
                      .ok());
    }
  }
  const auto one = *db->QueryNewest({{"tablePath", {"a"}}}, 1);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].at("fileName").text, "00000000000000000011.json");
  EXPECT_EQ(one[0].at("tablePath").text, "a");
  EXPECT_EQ(db->QueryNewest({{"tablePath", {"b"}}}, 100)->size(), 12u);
  EXPECT_TRUE(db->QueryNewest({{"tablePath", {"c"}}}, 1)->empty());
}

TEST_P(DynamoContractTest, OneOfManyRacingWritersWins) {
  const auto db = Open(OneKey());
  for (int round = 0; round < 10; ++round) {
    const DynamoItem item{{"key", {std::to_string(round)}}};
    std::atomic<int> winners{0};
    std::vector<std::thread> threads;
    for (int w = 0; w < 8; ++w) {
      threads.emplace_back([&] {
        const Status put = db->Put(item, {.absent = {"key"}, .equal = {}});
        winners += put.ok();
        EXPECT_TRUE(put.ok() || put.code() == StatusCode::kAborted) << put;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
  }
}

TEST(DynamoLocalTest, ATableThatIsNotThereIsNotFound) {
  const auto db = LocalDynamo::Get().Open("no-such-table");
  EXPECT_EQ(db->DescribeKeys().status().code(), StatusCode::kNotFound);
  EXPECT_EQ(db->Put({{"key", {"a"}}}, {}).code(), StatusCode::kNotFound);
}

TEST(DynamoLocalTest, OtherKeysAreRefusedByName) {
  LocalDynamo::Get().CreateTable("other-keys", {{"id", "N", false}});
  const auto db = LocalDynamo::Get().Open("other-keys");
  EXPECT_THAT(*db->DescribeKeys(), ElementsAre(DynamoKeyPart{"id", "N", false}));
  const Status refused = db->Put({{"key", {"a"}}}, {});
  EXPECT_EQ(refused.code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(MessageOf(refused)), HasSubstr("ValidationException"));
}

}  // namespace
}  // namespace varve::io
