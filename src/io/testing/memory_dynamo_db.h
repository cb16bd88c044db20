// Plays a DynamoDB table in memory that fails, loses answers and pauses when a test says so.
//
// Role:     tests of lake -> [MemoryDynamoDb] instead of io/dynamodb.
// Threads:  safe; hooks run without a lock held.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/dynamo_db.h"

namespace varve::io::testing {

class MemoryDynamoDb : public DynamoDb {
 public:
  enum class Op : uint8_t { kDescribe, kGet, kPut, kUpdate, kDelete, kQuery };

  explicit MemoryDynamoDb(std::vector<DynamoKeyPart> keys) : keys_(std::move(keys)) {}

  // Run before and after each call of this kind. An error of the first is the call's answer, and
  // nothing is done; one of the second as well, but the call has happened: its answer is lost.
  void SetBefore(Op op, std::function<Status()> hook) VARVE_EXCLUDES(mu_);
  void SetAfter(Op op, std::function<Status()> hook) VARVE_EXCLUDES(mu_);

  std::vector<DynamoItem> items() const VARVE_EXCLUDES(mu_);
  int count(Op op) const VARVE_EXCLUDES(mu_);

  const std::string& table_name() const override { return name_; }
  Result<std::vector<DynamoKeyPart>> DescribeKeys() override;
  Result<std::optional<DynamoItem>> Get(const DynamoItem& key) override;
  Status Put(const DynamoItem& item, const DynamoCondition& condition) override;
  Status Update(const DynamoItem& key, const DynamoItem& changes,
                const DynamoCondition& condition) override;
  Status Delete(const DynamoItem& key, const DynamoCondition& condition) override;
  Result<std::vector<DynamoItem>> QueryNewest(const DynamoItem& partition, size_t count) override;

 private:
  using Key = std::vector<std::string>;
  // Counts the call and runs the hook.
  Status Enter(Op op) VARVE_EXCLUDES(mu_);
  Status Leave(Op op) VARVE_EXCLUDES(mu_);
  // The values of the key attributes; a missing one, or one of another type, is the test's failure.
  Key KeyOf(const DynamoItem& item) const;
  Status Check(const Key& key, const DynamoCondition& condition) const VARVE_REQUIRES(mu_);

  const std::string name_ = "locks";
  const std::vector<DynamoKeyPart> keys_;

  mutable Mutex mu_;
  std::map<Key, DynamoItem> items_ VARVE_GUARDED_BY(mu_);
  std::map<Op, std::function<Status()>> before_ VARVE_GUARDED_BY(mu_);
  std::map<Op, std::function<Status()>> after_ VARVE_GUARDED_BY(mu_);
  std::map<Op, int> counts_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::io::testing
