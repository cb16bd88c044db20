// Writes the requests of DynamoDB's JSON protocol and reads its answers.
//
// Role:     DynamoClient -> [dynamo_json] -> bodies of requests and answers.
// Layout:   API version 2012-08-10; names of attributes go in as #n, values as :v, because many
//           plain words are reserved there.
// Errors:   DataLoss for an answer that is not what the protocol says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/dynamo_db.h"

namespace varve::io {

std::string DescribeBody(const std::string& table);
std::string GetBody(const std::string& table, const DynamoItem& key);
std::string PutBody(const std::string& table, const DynamoItem& item,
                    const DynamoCondition& condition);
std::string UpdateBody(const std::string& table, const DynamoItem& key, const DynamoItem& changes,
                       const DynamoCondition& condition);
std::string DeleteBody(const std::string& table, const DynamoItem& key,
                       const DynamoCondition& condition);
std::string QueryBody(const std::string& table, const DynamoItem& partition, size_t count);

// What DescribeTable says of a table.
struct DynamoTable {
  std::string status;  // "ACTIVE", "CREATING", ...
  std::vector<DynamoKeyPart> keys;
};
Result<DynamoTable> ReadTable(std::string_view answer);
Result<std::optional<DynamoItem>> ReadItem(std::string_view answer);
Result<std::vector<DynamoItem>> ReadItems(std::string_view answer);

struct DynamoError {
  std::string code;  // "ConditionalCheckFailedException"; empty when the answer does not say
  std::string message;
};
DynamoError ReadDynamoError(std::string_view answer);

}  // namespace varve::io
