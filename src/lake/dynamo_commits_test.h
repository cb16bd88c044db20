// Gives tests of DynamoCommits a store and a lock table that stop, fail and pause at a chosen call.
//
// Role:     dynamo_commits_test, dynamo_races_test.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "io/testing/memory_dynamo_db.h"
#include "lake/delta_table_test.h"
#include "lake/dynamo_commits.h"

namespace varve::lake {

// Passes calls on to another store after a hook; an error of the hook is the call's answer.
class HookedStore final : public io::ObjectStore {
 public:
  using Hook = std::function<Status(std::string_view name)>;
  // A store that pays no heed to conditions says false.
  std::atomic<bool> conditional{true};
  explicit HookedStore(io::ObjectStore& store) : store_(store) {}

  // `op`: "get", "head", "put", "put_if_absent", "list" or "delete".
  void SetBefore(const std::string& op, Hook hook) {
    MutexLock lock(mu_);
    before_[op] = std::move(hook);
  }

  Result<std::string> Get(std::string_view name) override {
    VARVE_RETURN_IF_ERROR(Enter("get", name));
    return store_.Get(name);
  }
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override {
    return store_.GetRange(name, begin, end);
  }
  Result<io::ObjectInfo> Head(std::string_view name) override {
    VARVE_RETURN_IF_ERROR(Enter("head", name));
    return store_.Head(name);
  }
  Status Put(std::string_view name, std::string_view content) override {
    VARVE_RETURN_IF_ERROR(Enter("put", name));
    return store_.Put(name, content);
  }
  Status PutIfAbsent(std::string_view name, std::string_view content) override {
    VARVE_RETURN_IF_ERROR(Enter("put_if_absent", name));
    if (!conditional) return store_.Put(name, content);
    return store_.PutIfAbsent(name, content);
  }
  Status PutFile(std::string_view name, const std::string& path) override {
    return store_.PutFile(name, path);
  }
  Result<std::vector<io::ObjectInfo>> List(std::string_view prefix,
                                           std::string_view start_after) override {
    VARVE_RETURN_IF_ERROR(Enter("list", prefix));
    return store_.List(prefix, start_after);
  }
  Status Delete(std::string_view name) override {
    VARVE_RETURN_IF_ERROR(Enter("delete", name));
    return store_.Delete(name);
  }
  std::string ReadPath(std::string_view name) const override { return store_.ReadPath(name); }

 private:
  Status Enter(const std::string& op, std::string_view name) VARVE_EXCLUDES(mu_) {
    Hook hook;
    {
      MutexLock lock(mu_);
      hook = before_[op];
    }
    return hook ? hook(name) : OkStatus();
  }

  io::ObjectStore& store_;
  Mutex mu_;
  std::map<std::string, Hook> before_ VARVE_GUARDED_BY(mu_);
};

// Lets one thread stop at a point until another lets it go on.
class Gate {
 public:
  // In the thread that is to be paused.
  void Pass() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    if (reached_) return;  // only the first one
    reached_ = true;
    changed_.NotifyAll();
    changed_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return open_; });
  }
  void AwaitReached() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    changed_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return reached_; });
  }
  void Open() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    open_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool reached_ VARVE_GUARDED_BY(mu_) = false;
  bool open_ VARVE_GUARDED_BY(mu_) = false;
};

using DynamoKeys = std::vector<io::DynamoKeyPart>;
inline DynamoKeys OwnKeys() { return {{"key", "S", false}}; }
inline DynamoKeys DeltaKeys() { return {{"tablePath", "S", false}, {"fileName", "S", true}}; }

// The lock table's key schema is the parameter.
class DynamoCommitsFixture : public DeltaTableFixture,
                             public ::testing::WithParamInterface<DynamoKeys> {
 protected:
  using Op = io::testing::MemoryDynamoDb::Op;
  static constexpr const char* kTable = "events";

  // One more writer: a server of its own on the same bucket and lock table.
  struct Writer {
    explicit Writer(io::ObjectStore& shared) : store(shared) {}
    HookedStore store;
    std::unique_ptr<DynamoCommits> commits;
  };
  std::unique_ptr<Writer> NewWriter(const std::string& scheme = "s3a") {
    auto writer = std::make_unique<Writer>(*store_);
    writer->commits =
        *DynamoCommits::Open(writer->store, db_, Clock::System(), {scheme, "bucket", "lake"});
    return writer;
  }
  DeltaTable::Context ContextOf(Writer& writer) {
    return {&writer.store, writer.commits.get(), &codec_, &Clock::System(), dir_ + "/scratch"};
  }

  // The content of a version file, or "" when it is not there.
  std::string Version(int64_t version) {
    return store_->Get(CommitName(kTable, version)).value_or("");
  }
  // The item of a version, empty when there is none.
  io::DynamoItem Item(int64_t version) {
    for (const io::DynamoItem& item : db_.items()) {
      const bool own = GetParam() == OwnKeys();
      const std::string& name = item.at(own ? "key" : "fileName").text;
      if (own ? name.ends_with("/" + std::to_string(version))
              : name == fmt::format("{:020}.json", version)) {
        return item;
      }
    }
    return {};
  }
  std::string Complete(int64_t version) {
    const io::DynamoItem item = Item(version);
    return item.empty() ? "no item" : item.at("complete").text;
  }
  io::DynamoItem KeyOf(int64_t version) {
    io::DynamoItem key = Item(version);
    std::erase_if(key, [](const auto& attribute) {
      return attribute.first != "key" && attribute.first != "tablePath" &&
             attribute.first != "fileName";
    });
    return key;
  }
  std::string TempPath(int64_t version) { return Item(version).at("tempPath").text; }
  size_t TemporaryFiles() { return store_->List("events/_delta_log/.tmp/")->size(); }

  io::testing::MemoryDynamoDb db_{GetParam()};
};

}  // namespace varve::lake
