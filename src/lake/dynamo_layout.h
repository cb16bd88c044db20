// Says how commits are written down as items of a DynamoDB table.
//
// Role:     DynamoCommits -> [DynamoLayout] -> io::DynamoDb. The table's key schema decides.
// Layout:   kKey: key (S, partition) = "<table path>/<version>". kPathAndFile: tablePath (S,
//           partition) and fileName (S, sort) = "%020d.json", as Delta's S3DynamoDBLogStore and
//           delta-rs up to 1.4 have it. Both: tempPath (S, relative to _delta_log), complete (S,
//           "true" or "false"), expireTime (N, seconds, once complete). docs/formats/delta.md.
// Threads:  a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "io/dynamo_db.h"

namespace varve::lake {

// What an item says about one version.
struct CommitEntry {
  int64_t version = 0;
  std::string temp_path;  // of a copy of the version file, relative to _delta_log
  bool complete = false;  // the version file is in place
};

class DynamoLayout {
 public:
  enum class Kind : uint8_t { kKey, kPathAndFile };

  // Reads the key schema. FailedPrecondition, one sentence for the operator, when there is no such
  // table or its keys are others.
  static Result<DynamoLayout> Read(io::DynamoDb& db);

  // Whether the newest item of a table can be asked for.
  bool finds_newest() const { return kind_ == Kind::kPathAndFile; }

  io::DynamoItem KeyOf(const std::string& table_path, int64_t version) const;
  // The part of the key that all versions share; finds_newest() only.
  io::DynamoItem PartitionOf(const std::string& table_path) const;
  io::DynamoItem ItemOf(const std::string& table_path, const CommitEntry& entry) const;

  io::DynamoCondition IfNew() const;
  // The item is still the one that said this.
  io::DynamoCondition IfUnchanged(const CommitEntry& entry) const;
  // The changes that mark a version as in place.
  io::DynamoItem Completion(int64_t now_us) const;

  // DataLoss, naming the item, for one that no writer of this layout makes.
  Result<CommitEntry> Parse(const io::DynamoItem& item) const;

 private:
  explicit DynamoLayout(Kind kind) : kind_(kind) {}

  Kind kind_;
};

}  // namespace varve::lake
