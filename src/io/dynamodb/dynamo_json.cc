#include "io/dynamodb/dynamo_json.h"

#include <simdjson.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace varve::io {
namespace {

using Json = nlohmann::json;
using simdjson::dom::element;
using simdjson::dom::object;

Json ValueJson(const DynamoValue& value) { return Json{{value.is_number ? "N" : "S", value.text}}; }

Json ItemJson(const DynamoItem& item) {
  Json json = Json::object();
  for (const auto& [name, value] : item) json[name] = ValueJson(value);
  return json;
}

std::string Write(const Json& json) {
  // Text that is not UTF-8 must not throw; it names nothing that is there.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Expressions of one request: gives out "#0", ":0" for names and values as they come.
class Expressions {
 public:
  explicit Expressions(Json& request) : request_(request) {}

  std::string Name(const std::string& name) {
    const std::string key = "#" + std::to_string(names_++);
    request_["ExpressionAttributeNames"][key] = name;
    return key;
  }
  std::string Equals(const std::string& name, const DynamoValue& value) {
    const std::string key = ":" + std::to_string(values_++);
    request_["ExpressionAttributeValues"][key] = ValueJson(value);
    return Name(name) + " = " + key;
  }
  void AddCondition(const DynamoCondition& condition) {
    std::string text;
    const auto add = [&text](const std::string& term) {
      text += (text.empty() ? "" : " AND ") + term;
    };
    for (const std::string& name : condition.absent) {
      add("attribute_not_exists(" + Name(name) + ")");
    }
    for (const auto& [name, value] : condition.equal) add(Equals(name, value));
    if (!text.empty()) request_["ConditionExpression"] = text;
  }

 private:
  Json& request_;
  int names_ = 0;
  int values_ = 0;
};

Status Malformed(std::string_view what) {
  return DataLoss("DynamoDB's answer has no sound {}", what);
}

Result<DynamoItem> ItemOf(const object& attributes) {
  DynamoItem item;
  for (const auto attribute : attributes) {
    object typed;
    if (attribute.value.get_object().get(typed) != simdjson::SUCCESS) return Malformed("item");
    for (const bool is_number : {false, true}) {
      std::string_view text;
      if (typed[is_number ? "N" : "S"].get_string().get(text) != simdjson::SUCCESS) continue;
      item[std::string(attribute.key)] = {std::string(text), is_number};
    }
  }
  return item;
}

std::string TextOr(const simdjson::simdjson_result<element>& value) {
  std::string_view text;
  return value.get_string().get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

}  // namespace

std::string DescribeBody(const std::string& table) { return Write({{"TableName", table}}); }

std::string GetBody(const std::string& table, const DynamoItem& key) {
  return Write({{"TableName", table}, {"Key", ItemJson(key)}, {"ConsistentRead", true}});
}

std::string PutBody(const std::string& table, const DynamoItem& item,
                    const DynamoCondition& condition) {
  Json request = {{"TableName", table}, {"Item", ItemJson(item)}};
  Expressions(request).AddCondition(condition);
  return Write(request);
}

std::string UpdateBody(const std::string& table, const DynamoItem& key, const DynamoItem& changes,
                       const DynamoCondition& condition) {
  Json request = {{"TableName", table}, {"Key", ItemJson(key)}};
  Expressions expressions(request);
  std::string set;
  for (const auto& [name, value] : changes) {
    set += (set.empty() ? "SET " : ", ") + expressions.Equals(name, value);
  }
  request["UpdateExpression"] = set;
  expressions.AddCondition(condition);
  return Write(request);
}

std::string DeleteBody(const std::string& table, const DynamoItem& key,
                       const DynamoCondition& condition) {
  Json request = {{"TableName", table}, {"Key", ItemJson(key)}};
  Expressions(request).AddCondition(condition);
  return Write(request);
}

std::string QueryBody(const std::string& table, const DynamoItem& partition, size_t count) {
  Json request = {{"TableName", table},
                  {"ConsistentRead", true},
                  {"ScanIndexForward", false},
                  {"Limit", count}};
  const auto& [name, value] = *partition.begin();
  request["KeyConditionExpression"] = Expressions(request).Equals(name, value);
  return Write(request);
}

Result<DynamoTable> ReadTable(std::string_view answer) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(answer.data(), answer.size()).get(root) != simdjson::SUCCESS) {
    return Malformed("table");
  }
  DynamoTable table;
  table.status = TextOr(root.at_pointer("/Table/TableStatus"));
  std::map<std::string, std::string> types;
  simdjson::dom::array attributes;
  simdjson::dom::array keys;
  if (root.at_pointer("/Table/AttributeDefinitions").get_array().get(attributes) ||
      root.at_pointer("/Table/KeySchema").get_array().get(keys)) {
    return Malformed("key schema");
  }
  for (const element attribute : attributes) {
    types[TextOr(attribute["AttributeName"])] = TextOr(attribute["AttributeType"]);
  }
  for (const element key : keys) {
    const std::string name = TextOr(key["AttributeName"]);
    table.keys.push_back({name, types[name], TextOr(key["KeyType"]) == "RANGE"});
  }
  std::sort(table.keys.begin(), table.keys.end(),
            [](const auto& a, const auto& b) { return a.is_range < b.is_range; });
  if (table.status.empty() || table.keys.empty()) return Malformed("table");
  return table;
}

Result<std::optional<DynamoItem>> ReadItem(std::string_view answer) {
  simdjson::dom::parser parser;
  object root;
  if (parser.parse(answer.data(), answer.size()).get_object().get(root) != simdjson::SUCCESS) {
    return Malformed("item");
  }
  element found;
  if (root["Item"].get(found) == simdjson::NO_SUCH_FIELD) return std::optional<DynamoItem>();
  object attributes;
  if (found.get_object().get(attributes) != simdjson::SUCCESS) return Malformed("item");
  VARVE_ASSIGN_OR_RETURN(DynamoItem item, ItemOf(attributes));
  return std::optional(std::move(item));
}

Result<std::vector<DynamoItem>> ReadItems(std::string_view answer) {
  simdjson::dom::parser parser;
  simdjson::dom::array found;
  if (parser.parse(answer.data(), answer.size())["Items"].get_array().get(found) !=
      simdjson::SUCCESS) {
    return Malformed("items");
  }
  std::vector<DynamoItem> items;
  for (const element one : found) {
    object attributes;
    if (one.get_object().get(attributes) != simdjson::SUCCESS) return Malformed("items");
    VARVE_ASSIGN_OR_RETURN(DynamoItem item, ItemOf(attributes));
    items.push_back(std::move(item));
  }
  return items;
}

DynamoError ReadDynamoError(std::string_view answer) {
  simdjson::dom::parser parser;
  element root;
  DynamoError error;
  if (parser.parse(answer.data(), answer.size()).get(root) != simdjson::SUCCESS) return error;
  // "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
  error.code = TextOr(root["__type"]);
  error.code.erase(0, error.code.rfind('#') + 1);
  error.message = TextOr(root["message"]);
  if (error.message.empty()) error.message = TextOr(root["Message"]);
  return error;
}

}  // namespace varve::io
