#include "io/testing/memory_dynamo_db.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace varve::io::testing {

void MemoryDynamoDb::SetBefore(Op op, std::function<Status()> hook) {
  MutexLock lock(mu_);
  before_[op] = std::move(hook);
}

void MemoryDynamoDb::SetAfter(Op op, std::function<Status()> hook) {
  MutexLock lock(mu_);
  after_[op] = std::move(hook);
}

std::vector<DynamoItem> MemoryDynamoDb::items() const {
  MutexLock lock(mu_);
  std::vector<DynamoItem> items;
  items.reserve(items_.size());
  for (const auto& [key, item] : items_) items.push_back(item);
  return items;
}

int MemoryDynamoDb::count(Op op) const {
  MutexLock lock(mu_);
  const auto found = counts_.find(op);
  return found == counts_.end() ? 0 : found->second;
}

Status MemoryDynamoDb::Enter(Op op) {
  std::function<Status()> hook;
  {
    MutexLock lock(mu_);
    ++counts_[op];
    hook = before_[op];
  }
  return hook ? hook() : OkStatus();
}

Status MemoryDynamoDb::Leave(Op op) {
  std::function<Status()> hook;
  {
    MutexLock lock(mu_);
    hook = after_[op];
  }
  return hook ? hook() : OkStatus();
}

MemoryDynamoDb::Key MemoryDynamoDb::KeyOf(const DynamoItem& item) const {
  Key key;
  for (const DynamoKeyPart& part : keys_) {
    const auto value = item.find(part.name);
    VARVE_CHECK(value != item.end() && !value->second.is_number && !value->second.text.empty());
    key.push_back(value->second.text);
  }
  return key;
}

Status MemoryDynamoDb::Check(const Key& key, const DynamoCondition& condition) const {
  static const DynamoItem kNone;
  const auto found = items_.find(key);
  const DynamoItem& item = found == items_.end() ? kNone : found->second;
  for (const std::string& name : condition.absent) {
    if (item.contains(name))
      return Status(StatusCode::kAborted, fmt::format("the item has {} (test)", name));
  }
  for (const auto& [name, value] : condition.equal) {
    const auto held = item.find(name);
    if (held == item.end() || held->second != value) {
      return Status(StatusCode::kAborted, fmt::format("the item has another {} (test)", name));
    }
  }
  return OkStatus();
}

Result<std::vector<DynamoKeyPart>> MemoryDynamoDb::DescribeKeys() {
  VARVE_RETURN_IF_ERROR(Enter(Op::kDescribe));
  VARVE_RETURN_IF_ERROR(Leave(Op::kDescribe));
  return keys_;
}

Result<std::optional<DynamoItem>> MemoryDynamoDb::Get(const DynamoItem& key) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kGet));
  std::optional<DynamoItem> item;
  {
    MutexLock lock(mu_);
    const auto found = items_.find(KeyOf(key));
    if (found != items_.end()) item = found->second;
  }
  VARVE_RETURN_IF_ERROR(Leave(Op::kGet));
  return item;
}

Status MemoryDynamoDb::Put(const DynamoItem& item, const DynamoCondition& condition) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kPut));
  {
    MutexLock lock(mu_);
    const Key key = KeyOf(item);
    VARVE_RETURN_IF_ERROR(Check(key, condition));
    items_[key] = item;
  }
  return Leave(Op::kPut);
}

Status MemoryDynamoDb::Update(const DynamoItem& key, const DynamoItem& changes,
                              const DynamoCondition& condition) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kUpdate));
  {
    MutexLock lock(mu_);
    VARVE_RETURN_IF_ERROR(Check(KeyOf(key), condition));
    DynamoItem& item = items_.try_emplace(KeyOf(key), key).first->second;
    for (const auto& [name, value] : changes) item[name] = value;
  }
  return Leave(Op::kUpdate);
}

Status MemoryDynamoDb::Delete(const DynamoItem& key, const DynamoCondition& condition) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kDelete));
  {
    MutexLock lock(mu_);
    VARVE_RETURN_IF_ERROR(Check(KeyOf(key), condition));
    items_.erase(KeyOf(key));
  }
  return Leave(Op::kDelete);
}

Result<std::vector<DynamoItem>> MemoryDynamoDb::QueryNewest(const DynamoItem& partition,
                                                            size_t count) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kQuery));
  std::vector<DynamoItem> found;
  {
    MutexLock lock(mu_);
    const std::string& wanted = partition.at(keys_.front().name).text;
    for (auto item = items_.rbegin(); item != items_.rend() && found.size() < count; ++item) {
      if (item->first.front() == wanted) found.push_back(item->second);
    }
  }
  VARVE_RETURN_IF_ERROR(Leave(Op::kQuery));
  return found;
}

}  // namespace varve::io::testing
