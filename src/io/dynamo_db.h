// Reads and writes the items of one DynamoDB table: what the lake coordinates commits with.
//
// Role:     lake (dynamo_commits) -> [DynamoDb] -> io/dynamodb (HTTP), io/testing (memory).
// Layout:   an item is a map of attributes; only strings and numbers are known, others are left out
//           of what is read.
// Errors:   Aborted when a condition does not hold: nothing is changed then, unless an
//           earlier try of the same call, whose answer was lost, has done it (read it to see).
//           NotFound: there is no such table. Unavailable: whether a change happened is unknown;
//           after any other error but Aborted it did not.
//           FailedPrecondition: keys or address are wrong, with a sentence for the operator.
// Threads:  safe; every call blocks on the network. All reads are consistent.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace varve::io {

struct DynamoValue {
  std::string text;
  bool is_number = false;

  bool operator==(const DynamoValue&) const = default;
};

using DynamoItem = std::map<std::string, DynamoValue>;

// All of it must hold for the item as it is before the change; an item that is not there has no
// attributes.
struct DynamoCondition {
  std::vector<std::string> absent;
  DynamoItem equal;
};

struct DynamoKeyPart {
  std::string name;
  std::string type;  // "S", "N" or "B"
  bool is_range = false;

  bool operator==(const DynamoKeyPart&) const = default;
};

class DynamoDb {
 public:
  virtual ~DynamoDb() = default;

  virtual const std::string& table_name() const = 0;
  // The table's key schema, the partition key first. NotFound when there is no such table.
  virtual Result<std::vector<DynamoKeyPart>> DescribeKeys() = 0;
  // Nullopt when there is no such item.
  virtual Result<std::optional<DynamoItem>> Get(const DynamoItem& key) = 0;
  // Replaces the whole item, or makes it.
  virtual Status Put(const DynamoItem& item, const DynamoCondition& condition) = 0;
  // Sets these attributes and leaves the others; makes the item when the condition allows it.
  virtual Status Update(const DynamoItem& key, const DynamoItem& changes,
                        const DynamoCondition& condition) = 0;
  // OK also when the item is not there and the condition allows that.
  virtual Status Delete(const DynamoItem& key, const DynamoCondition& condition) = 0;
  // The items of one partition with the highest range keys, those first. `partition`: the partition
  // key alone.
  virtual Result<std::vector<DynamoItem>> QueryNewest(const DynamoItem& partition,
                                                      size_t count) = 0;
};

}  // namespace varve::io
