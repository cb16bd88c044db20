// Chooses by the options who decides between writers of a bucket: the store itself, or DynamoDB.
//
// Role:     Storage -> [CommitCoordination] -> a lake::CommitStore for each bucket.
// Errors:   one sentence for the operator that names the option: a lock table that is missing, has
//           other keys, or cannot be reached.
// Threads:  For is safe; what it returns must not outlive this object or the store.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "config/options.h"
#include "io/dynamo_db.h"
#include "io/object_store.h"
#include "lake/commit_store.h"
#include "main/lake_store.h"

namespace varve {

class CommitCoordination {
 public:
  // `cloud`: of the server's own bucket; its keys and region are the lock table's too. nullptr when
  // the tables lie in a folder, which needs no lock table.
  static Result<std::unique_ptr<CommitCoordination>> Open(const config::Options& options,
                                                          Cloud* cloud);

  // `prefix`: where the store's names begin in the bucket.
  Result<std::unique_ptr<lake::CommitStore>> For(io::ObjectStore& store, const std::string& bucket,
                                                 const std::string& prefix);

 private:
  CommitCoordination(std::unique_ptr<io::DynamoDb> db, std::string scheme)
      : db_(std::move(db)), scheme_(std::move(scheme)) {}

  const std::unique_ptr<io::DynamoDb> db_;  // nullptr: the store decides
  const std::string scheme_;
};

}  // namespace varve
