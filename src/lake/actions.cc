#include "lake/actions.h"

#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "base/json_string.h"
#include "lake/json_text.h"
#include "lake/partition_path.h"
#include "lake/table_definition.h"

namespace varve::lake {
namespace {

using Json = nlohmann::ordered_json;
namespace dom = simdjson::dom;

// No store keeps an object of a pebibyte; a size is also what is computed with.
constexpr int64_t kFileBytesMax = int64_t{1} << 50;

// Reads the fields of one action and remembers the first that is wrong.
class Fields {
 public:
  explicit Fields(const dom::object& object) : object_(object) {}

  // Absent and null are the same.
  std::optional<dom::element> Find(std::string_view key) const {
    dom::element value;
    if (object_.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return {};
    return value;
  }
  std::string Text(std::string_view key, bool required = true) {
    std::string_view text;
    const auto value = Find(key);
    if (value ? value->get_string().get(text) != simdjson::SUCCESS : required) Fail(key);
    return std::string(text);
  }
  int64_t Integer(std::string_view key, bool required = true) {
    int64_t number = 0;
    const auto value = Find(key);
    if (value ? value->get_int64().get(number) != simdjson::SUCCESS : required) Fail(key);
    return number;
  }
  bool Boolean(std::string_view key) {
    bool answer = false;
    const auto value = Find(key);
    if (value && value->get_bool().get(answer) != simdjson::SUCCESS) Fail(key);
    return answer;
  }
  std::vector<std::string> Texts(std::string_view key) {
    std::vector<std::string> texts;
    const auto value = Find(key);
    dom::array array;
    if (!value) return texts;
    if (value->get_array().get(array) != simdjson::SUCCESS) {
      Fail(key);
      return texts;
    }
    for (const dom::element element : array) {
      std::string_view text;
      if (element.get_string().get(text) != simdjson::SUCCESS) Fail(key);
      texts.emplace_back(text);
    }
    return texts;
  }
  std::map<std::string, std::optional<std::string>, std::less<>> Map(std::string_view key) {
    std::map<std::string, std::optional<std::string>, std::less<>> map;
    const auto value = Find(key);
    dom::object object;
    if (!value) return map;
    if (value->get_object().get(object) != simdjson::SUCCESS) {
      Fail(key);
      return map;
    }
    for (const auto& [name, element] : object) {
      std::string_view text;
      std::optional<std::string>& entry = map[std::string(name)];
      if (element.is_null()) continue;
      if (element.get_string().get(text) != simdjson::SUCCESS) Fail(key);
      entry.emplace(text);
    }
    return map;
  }

  void Fail(std::string_view key) {
    if (wrong_.empty()) wrong_ = key;
  }
  Status status() const {
    if (wrong_.empty()) return OkStatus();
    return DataLoss("field \"{}\" is missing, has the wrong type or is out of range", wrong_);
  }

 private:
  const dom::object object_;
  std::string wrong_;
};

// The object's JSON without nulls, with dataChange as a checkpoint has it, and without what another
// writer's checkpoint says twice (stats_parsed, partitionValues_parsed).
std::string CheckpointJson(const dom::object& object) {
  std::string out = "{";
  for (const auto& [key, value] : object) {
    if (value.is_null() || key.ends_with("_parsed")) continue;
    if (out.size() > 1) out += ',';
    out += JsonString(key) + ":";
    out += key == "dataChange" ? "false" : std::string(simdjson::minify(value));
  }
  return out + "}";
}

Result<Action> ReadProtocol(const dom::object& object) {
  Fields fields(object);
  Protocol protocol;
  protocol.min_reader = fields.Integer("minReaderVersion");
  protocol.min_writer = fields.Integer("minWriterVersion");
  protocol.reader_features = fields.Texts("readerFeatures");
  protocol.writer_features = fields.Texts("writerFeatures");
  protocol.json = CheckpointJson(object);
  VARVE_RETURN_IF_ERROR(fields.status());
  return protocol;
}

Result<Action> ReadMetadata(const dom::object& object) {
  Fields fields(object);
  Metadata metadata;
  metadata.id = fields.Text("id");
  metadata.schema_json = fields.Text("schemaString");
  metadata.partition_columns = fields.Texts("partitionColumns");
  for (auto& [key, value] : fields.Map("configuration")) {
    metadata.configuration[key] = value.value_or("");
  }
  dom::object format;
  if (const auto value = fields.Find("format");
      !value || value->get_object().get(format) != simdjson::SUCCESS) {
    fields.Fail("format");
  } else {
    metadata.format = Fields(format).Text("provider", false);
  }
  metadata.json = CheckpointJson(object);
  VARVE_RETURN_IF_ERROR(fields.status());
  return metadata;
}

Result<std::string> ReadPath(Fields& fields) {
  const std::string encoded = fields.Text("path");
  VARVE_RETURN_IF_ERROR(fields.status());
  VARVE_ASSIGN_OR_RETURN(std::string path, DecodePath(encoded));
  if (path.empty()) return DataLoss("the path of a file is empty");
  return path;
}

Result<Action> ReadAdd(const dom::object& object) {
  Fields fields(object);
  AddFile add;
  VARVE_ASSIGN_OR_RETURN(add.file.path, ReadPath(fields));
  add.file.bytes = fields.Integer("size");
  if (add.file.bytes < 0 || add.file.bytes > kFileBytesMax) fields.Fail("size");
  add.file.partition_values = fields.Map("partitionValues");
  add.stats_json = fields.Text("stats", false);
  add.has_deletion_vector = fields.Find("deletionVector").has_value();
  add.json = CheckpointJson(object);
  VARVE_RETURN_IF_ERROR(fields.status());
  return add;
}

// What a checkpoint's tombstone needs; statistics and tags are forbidden there.
std::string TombstoneJson(const std::string& encoded_path, int64_t deletion_ms) {
  Json json;
  json["path"] = encoded_path;
  json["deletionTimestamp"] = deletion_ms;
  json["dataChange"] = false;
  return DumpJson(json);
}

Result<Action> ReadRemove(const dom::object& object) {
  Fields fields(object);
  RemoveFile remove;
  VARVE_ASSIGN_OR_RETURN(remove.path, ReadPath(fields));
  remove.deletion_ms = fields.Integer("deletionTimestamp", false);
  remove.json = TombstoneJson(fields.Text("path"), remove.deletion_ms);
  VARVE_RETURN_IF_ERROR(fields.status());
  return remove;
}

Result<Action> ReadTxn(const dom::object& object) {
  Fields fields(object);
  Txn txn{fields.Text("appId"), fields.Integer("version"), CheckpointJson(object)};
  VARVE_RETURN_IF_ERROR(fields.status());
  return txn;
}

Result<Action> ReadDomainMetadata(const dom::object& object) {
  Fields fields(object);
  DomainMetadata domain{fields.Text("domain"), fields.Boolean("removed"), CheckpointJson(object)};
  VARVE_RETURN_IF_ERROR(fields.status());
  return domain;
}

struct Reader {
  std::string_view name;
  Result<Action> (*read)(const dom::object&);
};
constexpr Reader kReaders[] = {
    {"add", ReadAdd},           {"remove", ReadRemove},     {"txn", ReadTxn},
    {"metaData", ReadMetadata}, {"protocol", ReadProtocol}, {"domainMetadata", ReadDomainMetadata},
};

Status ReadLine(dom::parser& parser, std::string_view line, std::vector<Action>& actions) {
  dom::object object;
  const auto error = parser.parse(line.data(), line.size()).get_object().get(object);
  if (error != simdjson::SUCCESS) return DataLoss("{}", simdjson::error_message(error));
  for (const auto& [name, value] : object) {
    dom::object fields;
    if (value.is_null()) continue;  // A checkpoint's row names every action and fills one.
    if (name == "sidecar" || name == "checkpointMetadata") {
      return SqlErrorf(sqlstate::kFeatureNotSupported,
                       "the Delta table needs a feature that is not supported: v2Checkpoint");
    }
    for (const Reader& reader : kReaders) {
      if (reader.name != name) continue;
      if (value.get_object().get(fields) != simdjson::SUCCESS) {
        return DataLoss("{} is not an object", reader.name);
      }
      Result<Action> action = reader.read(fields);
      if (!action.ok()) return Annotate(action.status(), reader.name);
      actions.push_back(*std::move(action));
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<Action>> ParseActions(std::string_view ndjson, std::string_view file) {
  std::vector<Action> actions;
  dom::parser parser;
  size_t number = 0;
  while (!ndjson.empty()) {
    const size_t end = std::min(ndjson.find('\n'), ndjson.size());
    std::string_view line = ndjson.substr(0, end);
    ndjson.remove_prefix(std::min(end + 1, ndjson.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (Status read = ReadLine(parser, line, actions); !read.ok()) {
      return Annotate(read, fmt::format("Delta log {} line {}", file, number));
    }
  }
  return actions;
}

std::string ActionLine(std::string_view name, std::string_view json) {
  return fmt::format("{{\"{}\":{}}}\n", name, json);
}

Protocol NewProtocol() {
  Protocol protocol;
  protocol.json = fmt::format(R"({{"minReaderVersion":{},"minWriterVersion":{}}})",
                              protocol.min_reader, protocol.min_writer);
  return protocol;
}

Metadata NewMetadata(const TableDef& table, const std::string& id, std::string schema_json,
                     int64_t now_ms) {
  Metadata metadata;
  metadata.id = id;
  metadata.format = "parquet";
  metadata.schema_json = std::move(schema_json);
  for (const uint32_t column : table.partition_columns) {
    metadata.partition_columns.push_back(table.columns[column].name);
  }
  metadata.configuration[std::string(kDefinitionKey)] = DefinitionValue(table);
  Json json;
  json["id"] = metadata.id;
  json["name"] = table.name.ToString();
  json["format"]["provider"] = metadata.format;
  json["format"]["options"] = Json::object();
  json["schemaString"] = metadata.schema_json;
  json["partitionColumns"] = metadata.partition_columns;
  json["configuration"][std::string(kDefinitionKey)] = DefinitionValue(table);
  json["createdTime"] = now_ms;
  metadata.json = DumpJson(json);
  return metadata;
}

Metadata WithSetting(const Metadata& old, std::string_view key, std::string_view value) {
  Metadata metadata = old;
  metadata.configuration[std::string(key)] = value;
  Json json = Json::parse(old.json, nullptr, /*allow_exceptions=*/false);
  json["configuration"][std::string(key)] = value;
  metadata.json = DumpJson(json);
  return metadata;
}

Metadata WithSchema(const Metadata& old, std::string schema_json) {
  Metadata metadata = old;
  metadata.schema_json = std::move(schema_json);
  Json json = Json::parse(old.json, nullptr, /*allow_exceptions=*/false);
  json["schemaString"] = metadata.schema_json;
  metadata.json = DumpJson(json);
  return metadata;
}

NewAdd MakeAdd(DataFile file, std::string stats_json, bool data_change, int64_t now_ms) {
  Json json;
  json["path"] = EncodePath(file.path);
  json["partitionValues"] = Json::object();
  for (const auto& [name, value] : file.partition_values) {
    json["partitionValues"][name] = value ? Json(*value) : Json(nullptr);
  }
  json["size"] = file.bytes;
  json["modificationTime"] = now_ms;
  json["dataChange"] = data_change;
  json["stats"] = std::move(stats_json);
  NewAdd add;
  add.line = ActionLine("add", DumpJson(json));
  json["dataChange"] = false;
  add.action.json = DumpJson(json);
  add.action.file = std::move(file);
  return add;
}

NewRemove MakeRemove(const std::string& path, std::string_view add_json, bool data_change,
                     int64_t now_ms) {
  const Json add = Json::parse(add_json, nullptr, /*allow_exceptions=*/false);
  const std::string encoded = add.value("path", std::string());
  Json json;
  json["path"] = encoded;
  json["deletionTimestamp"] = now_ms;
  json["dataChange"] = data_change;
  json["extendedFileMetadata"] = true;
  json["partitionValues"] = add.value("partitionValues", Json::object());
  json["size"] = add.value("size", int64_t{0});
  NewRemove remove;
  remove.line = ActionLine("remove", DumpJson(json));
  remove.action = {path, now_ms, TombstoneJson(encoded, now_ms)};
  return remove;
}

Txn NewTxn(const std::string& app_id, int64_t version, int64_t now_ms) {
  Json json;
  json["appId"] = app_id;
  json["version"] = version;
  json["lastUpdated"] = now_ms;
  return {app_id, version, DumpJson(json)};
}

std::string CommitInfoLine(std::string_view operation, const TableDef& table, bool blind_append,
                           int64_t now_ms) {
  Json partition_by = Json::array();
  for (const uint32_t column : table.partition_columns) {
    partition_by.push_back(table.columns[column].name);
  }
  Json json;
  json["timestamp"] = now_ms;
  json["operation"] = operation;
  // Values are text in this map, whatever they hold.
  json["operationParameters"]["partitionBy"] = DumpJson(partition_by);
  if (operation == "WRITE") json["operationParameters"]["mode"] = "Append";
  json["isBlindAppend"] = blind_append;
  json["engineInfo"] = "Varve";
  return ActionLine("commitInfo", DumpJson(json));
}

}  // namespace varve::lake
