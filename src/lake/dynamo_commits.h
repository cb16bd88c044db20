// Commits versions through items of a DynamoDB table, for stores without conditional PUT and beside
// writers that lock this way (Spark's S3DynamoDBLogStore, delta-rs up to 1.4).
//
// Role:     DeltaTable -> [DynamoCommits] -> io::DynamoDb (who is first) and io::ObjectStore.
// Layout:   dynamo_layout.h; temporary files are _delta_log/.tmp/<version file>.<uuid>.
// Order:    temporary file -> item, if there is none -> version file -> item complete. Whoever
//           meets an item that is not complete does the last two steps; doing them again, at any
//           later time, changes nothing. The argument: docs/decisions/0011-commits-by-dynamodb.md.
// Errors:   those of CommitStore; FailedPrecondition when other writers note the same table's
//           commits under another path. Unavailable after the item is written: the commit stands
//           and the next Settle, of any writer, makes it readable.
// Threads:  safe; no lock is held across a call.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "io/dynamo_db.h"
#include "io/object_store.h"
#include "lake/commit_store.h"
#include "lake/dynamo_layout.h"

namespace varve::lake {

class DynamoCommits final : public CommitStore {
 public:
  // Where the store's names begin, as other writers call it.
  struct Place {
    // "s3a" or "s3"; all who share a table by tablePath and fileName must use the same.
    std::string scheme;
    std::string bucket;
    std::string prefix;  // may be empty; without '/' at its ends
  };

  // Reads the lock table's key schema; its errors.
  static Result<std::unique_ptr<DynamoCommits>> Open(io::ObjectStore& store, io::DynamoDb& db,
                                                     const Clock& clock, const Place& place);

  Status Put(const std::string& location, int64_t version, std::string_view content) override;
  Status Settle(const std::string& location) override;
  Status Forget(const std::string& location) override;

 private:
  DynamoCommits(io::ObjectStore& store, io::DynamoDb& db, const Clock& clock, const Place& place,
                DynamoLayout layout);

  std::string TablePath(const std::string& location) const { return root_ + "/" + location; }
  Result<std::string> TempName(const std::string& location, const CommitEntry& entry) const;

  // The steps of Put and Settle; NotFound of theirs is not the caller's.
  Status PutSteps(const std::string& location, int64_t version, std::string_view content);
  Status SettleSteps(const std::string& location) VARVE_EXCLUDES(mu_);
  Status SettleNewest(const std::string& location) VARVE_EXCLUDES(mu_);
  Status SettleNext(const std::string& location) VARVE_EXCLUDES(mu_);
  // Finishes the version before; needed when others committed it.
  Status SettlePrevious(const std::string& location, int64_t version) VARVE_EXCLUDES(mu_);

  Result<std::optional<CommitEntry>> ReadEntry(const std::string& location, int64_t version);
  // OK: the item of that version is ours. AlreadyExists: another writer's version is readable.
  Status Record(const std::string& location, const CommitEntry& ours);
  // Copies what the entry holds into place and marks it; nothing when its file is nowhere.
  Status Finish(const std::string& location, const CommitEntry& entry) VARVE_EXCLUDES(mu_);
  // Makes the version file unless it is there. False when it is there with other content.
  Result<bool> CopyIntoPlace(const std::string& location, int64_t version,
                             std::string_view content);
  Status MarkComplete(const std::string& location, const CommitEntry& entry) VARVE_EXCLUDES(mu_);
  // Whether the entry tells of a version that the log, as it is now, neither has nor had.
  Result<bool> IsLeftOver(const std::string& location, int64_t version);
  // The newest version of which a file lies in the log, among those from `from` on, or -1.
  Result<int64_t> NewestInLog(const std::string& location, int64_t from);
  // Where the log is said to be readable from; 0 when nothing is said.
  int64_t CheckpointHint(const std::string& location);
  Status CheckOtherScheme(const std::string& location);

  std::optional<int64_t> settled(const std::string& location) const VARVE_EXCLUDES(mu_);
  void NoteSettled(const std::string& location, int64_t version) VARVE_EXCLUDES(mu_);

  // Constant after construction.
  io::ObjectStore& store_;
  io::DynamoDb& db_;
  const Clock& clock_;
  const Place place_;
  const std::string root_;
  const DynamoLayout layout_;

  mutable Mutex mu_;
  // Of each location the newest version that is known to be in place; all before it are too.
  std::map<std::string, int64_t> settled_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::lake
