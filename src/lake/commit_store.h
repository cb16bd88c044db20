// Writes the version files of Delta logs and decides who was first.
//
// Role:     DeltaTable -> [CommitStore] -> io::ObjectStore: conditional PUT here, DynamoDB in
//           dynamo_commits.h.
// Layout:   <location>/_delta_log/%020d.json; a location has no '/' at its end.
// Errors:   AlreadyExists when the version is taken. Unavailable: whether the commit happened, or
//           will yet happen, is unknown; who commits again must look first. After any other error
//           it did not and will not: files that only it would have named may go.
// Threads:  safe; every call blocks on the store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "io/object_store.h"

namespace varve::lake {

// The names of versions and checkpoints begin with that many digits.
inline constexpr size_t kVersionDigits = 20;

// The object that holds a version.
std::string CommitName(const std::string& location, int64_t version);

// Below _delta_log: where commits lie before they are versions.
inline constexpr std::string_view kTemporaryCommits = ".tmp/";

class CommitStore {
 public:
  virtual ~CommitStore() = default;

  // Makes `content` the version; durable and readable by all when it returns OK. AlreadyExists when
  // another writer's is the version; that one is then completely readable. Exactly one of any
  // number of racing callers wins. The caller has seen version - 1.
  virtual Status Put(const std::string& location, int64_t version, std::string_view content) = 0;

  // To be called before the newest version is looked for: finishes what a writer that stopped half
  // way has committed but not made readable.
  virtual Status Settle(const std::string& location) = 0;

  // To be called when a table's folder has been deleted: drops what is kept of it elsewhere.
  virtual Status Forget(const std::string& location) {
    (void)location;  // nothing is kept, unless a store says otherwise
    return OkStatus();
  }
};

// For stores whose PutIfAbsent is atomic: nothing is ever half done.
class PutIfAbsentCommits final : public CommitStore {
 public:
  explicit PutIfAbsentCommits(io::ObjectStore& store) : store_(store) {}

  Status Put(const std::string& location, int64_t version, std::string_view content) override {
    return store_.PutIfAbsent(CommitName(location, version), content);
  }
  Status Settle(const std::string&) override { return OkStatus(); }

 private:
  io::ObjectStore& store_;
};

}  // namespace varve::lake
