#include "io/dynamodb/dynamo_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace varve::io {
namespace {

using ::testing::ElementsAre;

TEST(DynamoJsonTest, RequestsNameReservedWordsByPlaceholders) {
  EXPECT_EQ(PutBody("locks", {{"key", {"a/0"}}, {"n", {"5", true}}},
                    {.absent = {"key"}, .equal = {{"complete", {"false"}}}}),
            R"({"ConditionExpression":"attribute_not_exists(#0) AND #1 = :0",)"
            R"("ExpressionAttributeNames":{"#0":"key","#1":"complete"},)"
            R"("ExpressionAttributeValues":{":0":{"S":"false"}},)"
            R"("Item":{"key":{"S":"a/0"},"n":{"N":"5"}},"TableName":"locks"})");
  EXPECT_EQ(PutBody("locks", {{"key", {"a"}}}, {}),
            R"({"Item":{"key":{"S":"a"}},"TableName":"locks"})");
  EXPECT_EQ(
      UpdateBody("locks", {{"key", {"a"}}}, {{"x", {"1"}}, {"y", {"2", true}}},
                 {.absent = {}, .equal = {{"x", {"0"}}}}),
      R"({"ConditionExpression":"#2 = :2",)"
      R"("ExpressionAttributeNames":{"#0":"x","#1":"y","#2":"x"},)"
      R"("ExpressionAttributeValues":{":0":{"S":"1"},":1":{"N":"2"},":2":{"S":"0"}},)"
      R"("Key":{"key":{"S":"a"}},"TableName":"locks","UpdateExpression":"SET #0 = :0, #1 = :1"})");
  EXPECT_EQ(QueryBody("locks", {{"tablePath", {"t"}}}, 1),
            R"({"ConsistentRead":true,"ExpressionAttributeNames":{"#0":"tablePath"},)"
            R"("ExpressionAttributeValues":{":0":{"S":"t"}},"KeyConditionExpression":"#0 = :0",)"
            R"("Limit":1,"ScanIndexForward":false,"TableName":"locks"})");
}

TEST(DynamoJsonTest, TablesTellTheirKeysPartitionFirst) {
  const auto table = ReadTable(R"({"Table":{"TableStatus":"ACTIVE",
    "AttributeDefinitions":[{"AttributeName":"b","AttributeType":"S"},
                            {"AttributeName":"a","AttributeType":"N"}],
    "KeySchema":[{"AttributeName":"b","KeyType":"RANGE"},
                 {"AttributeName":"a","KeyType":"HASH"}]}})");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->status, "ACTIVE");
  EXPECT_THAT(table->keys,
              ElementsAre(DynamoKeyPart{"a", "N", false}, DynamoKeyPart{"b", "S", true}));
}

TEST(DynamoJsonTest, ItemsAreReadAndOtherTypesLeftOut) {
  const auto item = ReadItem(R"({"Item":{"s":{"S":"\u00e9"},"n":{"N":"7"},"l":{"L":[]},
    "b":{"BOOL":true}}})");
  ASSERT_TRUE(item.ok()) << item.status();
  ASSERT_TRUE(item->has_value());
  EXPECT_EQ(**item, (DynamoItem{{"s", {"\u00e9"}}, {"n", {"7", true}}}));
  EXPECT_FALSE(ReadItem("{}")->has_value());
  EXPECT_EQ(ReadItems(R"({"Count":2,"Items":[{"a":{"S":"1"}},{"a":{"S":"2"}}]})")->size(), 2u);
  EXPECT_TRUE(ReadItems(R"({"Items":[]})")->empty());
}

TEST(DynamoJsonTest, AnswersThatAreNotOfTheProtocolAreDataLoss) {
  for (const char* answer : {"", "<html>", "[]", "{\"Item\":5}", "{\"Item\":{\"a\":5}}"}) {
    EXPECT_EQ(ReadItem(answer).status().code(), StatusCode::kDataLoss) << answer;
  }
  for (const char* answer : {"", "{}", "{\"Items\":{}}", "{\"Items\":[1]}"}) {
    EXPECT_EQ(ReadItems(answer).status().code(), StatusCode::kDataLoss) << answer;
  }
  for (const char* answer : {"", "{}", "{\"Table\":{}}", "[1]"}) {
    EXPECT_EQ(ReadTable(answer).status().code(), StatusCode::kDataLoss) << answer;
  }
}

TEST(DynamoJsonTest, ErrorsAreReadInBothSpellings) {
  const DynamoError a = ReadDynamoError(
      R"({"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"})");
  EXPECT_EQ(a.code, "ResourceNotFoundException");
  EXPECT_EQ(a.message, "no");
  const DynamoError b =
      ReadDynamoError(R"({"__type":"AccessDeniedException","Message":"not you"})");
  EXPECT_EQ(b.code, "AccessDeniedException");
  EXPECT_EQ(b.message, "not you");
  EXPECT_EQ(ReadDynamoError("<html>bad gateway</html>").code, "");
}

}  // namespace
}  // namespace varve::io
