// Reads and writes the actions of a Delta log: what a commit or a checkpoint consists of.
//
// Role:     _delta_log/*.json and checkpoints <-> [actions] <-> TableState, DeltaTable.
// Layout:   one JSON object per line with one key, the action's name; Delta protocol, "Actions".
//           `json` members hold the action's object as a checkpoint carries it, with fields that we
//           do not know; `dataChange` is false there.
// Errors:   DataLoss with file and line for anything that is not an action of the protocol; 0A000
//           with the feature's name for actions that only exist with a feature we do not know.
//           Actions and fields without a meaning to us are skipped, as the protocol demands.
// Threads:  pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "model/file_set.h"
#include "model/schema.h"

namespace varve::lake {

struct Protocol {
  int64_t min_reader = 1;
  int64_t min_writer = 2;
  std::vector<std::string> reader_features;
  std::vector<std::string> writer_features;
  std::string json;
};

struct Metadata {
  std::string id;
  std::string format;  // of the data files: "parquet"
  std::string schema_json;
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string, std::less<>> configuration;
  std::string json;
};

struct AddFile {
  DataFile file;  // its statistics are in `stats_json` still, unless we made the file
  std::string stats_json;
  bool has_deletion_vector = false;
  std::string json;
};

struct RemoveFile {
  std::string path;
  int64_t deletion_ms = 0;  // milliseconds UTC; 0: not said
  std::string json;
};

struct Txn {
  std::string app_id;
  int64_t version = 0;
  std::string json;
};

struct DomainMetadata {
  std::string domain;
  bool removed = false;
  std::string json;
};

using Action = std::variant<Protocol, Metadata, AddFile, RemoveFile, Txn, DomainMetadata>;

// Reads every line of `ndjson`. `file` names it in errors.
Result<std::vector<Action>> ParseActions(std::string_view ndjson, std::string_view file);

// One line of a checkpoint: {"add":{...}}\n.
std::string ActionLine(std::string_view name, std::string_view json);

// What Varve writes; each is one line with its end. `now_ms`: milliseconds UTC.
Protocol NewProtocol();
Metadata NewMetadata(const TableDef& table, const std::string& id, std::string schema_json,
                     int64_t now_ms);
// `old` with another schema; everything else stays.
Metadata WithSchema(const Metadata& old, std::string schema_json);
// `old` with one entry of its configuration set.
Metadata WithSetting(const Metadata& old, std::string_view key, std::string_view value);
// The line of a commit, and the action for the state, where dataChange is always false.
struct NewAdd {
  std::string line;
  AddFile action;
};
// `data_change`: of the line.
NewAdd MakeAdd(DataFile file, std::string stats_json, bool data_change, int64_t now_ms);
struct NewRemove {
  std::string line;
  RemoveFile action;
};
// Removes the file whose add action is `add_json`: the path as that has it, letter by letter,
// because some readers match the two as text.
NewRemove MakeRemove(const std::string& path, std::string_view add_json, bool data_change,
                     int64_t now_ms);
Txn NewTxn(const std::string& app_id, int64_t version, int64_t now_ms);
// `operation` as Delta names them: "WRITE", "CREATE TABLE", "ADD COLUMNS", "OPTIMIZE", "DELETE".
std::string CommitInfoLine(std::string_view operation, const TableDef& table, bool blind_append,
                           int64_t now_ms);

}  // namespace varve::lake
