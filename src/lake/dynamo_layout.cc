#include "lake/dynamo_layout.h"

#include <absl/strings/str_join.h>

#include <charconv>
#include <optional>
#include <string_view>

namespace varve::lake {
namespace {

constexpr const char* kKey = "key";
constexpr const char* kTablePath = "tablePath";
constexpr const char* kFileName = "fileName";
constexpr const char* kTempPath = "tempPath";
constexpr const char* kComplete = "complete";
constexpr const char* kExpireTime = "expireTime";
constexpr const char* kAccepted =
    "partition key \"key\" (S), or, to share tables with delta-rs and Spark, partition key "
    "\"tablePath\" (S) and sort key \"fileName\" (S)";
// As other writers have it: long after every reader can see the version file.
constexpr int64_t kExpireAfterSeconds = 24 * 3600;

io::DynamoValue Text(std::string text) { return {std::move(text), false}; }

std::string Describe(const std::vector<io::DynamoKeyPart>& keys) {
  return absl::StrJoin(keys, " and ", [](std::string* out, const io::DynamoKeyPart& key) {
    *out +=
        fmt::format("{} key \"{}\" ({})", key.is_range ? "sort" : "partition", key.name, key.type);
  });
}

std::string Describe(const io::DynamoItem& item) {
  return absl::StrJoin(item, ", ", [](std::string* out, const auto& attribute) {
    *out += fmt::format("{}={}", attribute.first, attribute.second.text);
  });
}

std::optional<int64_t> ReadNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string_view TextOf(const io::DynamoItem& item, const char* name) {
  const auto found = item.find(name);
  if (found == item.end() || found->second.is_number) return {};
  return found->second.text;
}

}  // namespace

Result<DynamoLayout> DynamoLayout::Read(io::DynamoDb& db) {
  const auto keys = db.DescribeKeys();
  if (keys.status().code() == StatusCode::kNotFound) {
    return FailedPrecondition("DynamoDB has no table \"{}\" (dynamodb-table): create it with {}",
                              db.table_name(), kAccepted);
  }
  VARVE_RETURN_IF_ERROR(keys.status());
  if (*keys == std::vector<io::DynamoKeyPart>{{kKey, "S", false}}) return DynamoLayout(Kind::kKey);
  if (*keys == std::vector<io::DynamoKeyPart>{{kTablePath, "S", false}, {kFileName, "S", true}}) {
    return DynamoLayout(Kind::kPathAndFile);
  }
  return FailedPrecondition("DynamoDB table \"{}\" (dynamodb-table) has {}; accepted is {}",
                            db.table_name(), Describe(*keys), kAccepted);
}

io::DynamoItem DynamoLayout::KeyOf(const std::string& table_path, int64_t version) const {
  if (kind_ == Kind::kKey) return {{kKey, Text(fmt::format("{}/{}", table_path, version))}};
  io::DynamoItem key = PartitionOf(table_path);
  key[kFileName] = Text(fmt::format("{:020}.json", version));
  return key;
}

io::DynamoItem DynamoLayout::PartitionOf(const std::string& table_path) const {
  return {{kTablePath, Text(table_path)}};
}

io::DynamoItem DynamoLayout::ItemOf(const std::string& table_path, const CommitEntry& entry) const {
  io::DynamoItem item = KeyOf(table_path, entry.version);
  item.merge(IfUnchanged(entry).equal);
  return item;
}

io::DynamoCondition DynamoLayout::IfNew() const {
  return {.absent = {kind_ == Kind::kKey ? kKey : kFileName}, .equal = {}};
}

io::DynamoCondition DynamoLayout::IfUnchanged(const CommitEntry& entry) const {
  return {.absent = {},
          .equal = {{kTempPath, Text(entry.temp_path)},
                    {kComplete, Text(entry.complete ? "true" : "false")}}};
}

io::DynamoItem DynamoLayout::Completion(int64_t now_us) const {
  return {{kComplete, Text("true")},
          {kExpireTime, {fmt::to_string(now_us / 1'000'000 + kExpireAfterSeconds), true}}};
}

Result<CommitEntry> DynamoLayout::Parse(const io::DynamoItem& item) const {
  std::string_view version = TextOf(item, kind_ == Kind::kKey ? kKey : kFileName);
  if (kind_ == Kind::kKey) {
    version.remove_prefix(version.rfind('/') + 1);
  } else if (version.ends_with(".json")) {
    version.remove_suffix(std::string_view(".json").size());
  }
  const auto number = ReadNumber(version);
  const std::string_view temp_path = TextOf(item, kTempPath);
  const std::string_view complete = TextOf(item, kComplete);
  if (!number || temp_path.empty() || (complete != "true" && complete != "false")) {
    return DataLoss("an item of the lock table is no commit: {}", Describe(item));
  }
  return CommitEntry{*number, std::string(temp_path), complete == "true"};
}

}  // namespace varve::lake
