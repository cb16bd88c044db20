// Gives tests of this folder a table in a local store, parts for its upkeep, and a clock.
//
// Role:     compactor_test, vacuum_test, expiry_test. ConcatRewriter makes a file of the bytes of
//           its inputs: what DuckDB makes of them is the engine's to test.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/posix/posix_file_system.h"
#include "lake/delta_table_test.h"
#include "lake/file_rewriter.h"
#include "maintenance/upkeep_parts.h"

namespace varve::maintenance {

inline constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;

class ManualClock : public Clock {
 public:
  int64_t NowUs() const override { return Clock::System().NowUs() + ahead_us; }
  int64_t MonotonicUs() const override { return NowUs(); }
  std::atomic<int64_t> ahead_us{0};
};

class ConcatRewriter : public lake::FileRewriter {
 public:
  Result<lake::RewriteResult> Rewrite(const lake::RewriteSpec& spec) override {
    ++calls;
    last = spec;
    if (hook) hook();
    if (!fail.ok()) return fail;
    lake::RewriteResult result;
    std::string content;
    for (const auto& input : spec.inputs) {
      std::ifstream in(input.path);
      std::ostringstream bytes;
      bytes << in.rdbuf();
      content += bytes.str();
      result.rows += input.file->rows.value_or(0);
      result.absent.emplace_back();
    }
    if (lose_a_row) --result.rows;
    std::ofstream(spec.path) << content;
    result.bytes = static_cast<int64_t>(content.size());
    return result;
  }

  int calls = 0;
  lake::RewriteSpec last;
  std::function<void()> hook;
  Status fail;
  bool lose_a_row = false;
};

class ShownFiles : public catalog::Maintenance {
 public:
  Result<int64_t> Flush(const TableRef&) override { return 0; }
  Status ShowFiles(const TableRef&, const FileSetRef& files) override {
    shown = files;
    return OkStatus();
  }
  std::vector<catalog::JobInfo> Jobs() const override { return {}; }

  FileSetRef shown;
};

// A bucket has no local paths. The hooks are other writers.
class BucketStore final : public io::ObjectStore {
 public:
  explicit BucketStore(io::ObjectStore& store) : store_(store) {}
  Result<std::string> Get(std::string_view name) override {
    if (name == unreadable) return FailedPrecondition("{} cannot be read (test)", name);
    return store_.Get(name);
  }
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override {
    return store_.GetRange(name, begin, end);
  }
  Result<io::ObjectInfo> Head(std::string_view name) override { return store_.Head(name); }
  Status Put(std::string_view name, std::string_view content) override {
    return store_.Put(name, content);
  }
  Status PutIfAbsent(std::string_view name, std::string_view content) override {
    return store_.PutIfAbsent(name, content);
  }
  Status PutFile(std::string_view name, const std::string& path) override {
    return store_.PutFile(name, path);
  }
  Result<std::vector<io::ObjectInfo>> List(std::string_view prefix,
                                           std::string_view start_after) override {
    // The log is listed too; the hooks are for whoever lists the whole table.
    const bool is_table = prefix.find("_delta_log") == std::string_view::npos;
    if (is_table && before_list) before_list();
    auto found = store_.List(prefix, start_after);
    if (is_table && after_list) after_list();
    return found;
  }
  Status Delete(std::string_view name) override { return store_.Delete(name); }
  std::string ReadPath(std::string_view name) const override {
    return "varve://lake/" + std::string(name);
  }

  std::string unreadable;
  std::function<void()> before_list;
  std::function<void()> after_list;

 private:
  io::ObjectStore& store_;
};

class UpkeepFixture : public lake::DeltaTableFixture {
 protected:
  UpkeepFixture() {
    lake::DeltaTable::Context context = Context();
    context.clock = &clock_;
    delta_ = *lake::DeltaTable::Create(context, events_);
    tables_.Put(events_->id, delta_);
  }
  UpkeepParts Parts() { return PartsOn(*store_); }
  UpkeepParts PartsOn(io::ObjectStore& store) {
    return {tables_, store, io::PosixFileSystem::Get(), rewriter_, maintenance_, clock_};
  }

  // Puts objects of `bytes` bytes into the store and commits them, one second after the other.
  void AddFiles(const std::vector<std::pair<std::string, int64_t>>& sizes) {
    std::vector<DataFile> files;
    for (const auto& [name, bytes] : sizes) {
      time_us_ += 1'000'000;
      DataFile file = File(name, time_us_);
      file.bytes = bytes;
      ASSERT_TRUE(store_->Put("events/" + file.path, std::string(bytes, name.front())).ok());
      files.push_back(std::move(file));
    }
    ASSERT_TRUE(delta_->Append(std::move(files), "n/7", ++txn_).ok());
  }
  std::string ObjectPath(const std::string& path) { return dir_ + "/lake/events/" + path; }
  void MakeOlder(const std::string& path, int hours) {
    MakeOlder(path, std::chrono::minutes(60 * hours));
  }
  void MakeOlder(const std::string& path, std::chrono::minutes age) {
    std::filesystem::last_write_time(ObjectPath(path),
                                     std::filesystem::file_time_type::clock::now() - age);
  }

  ManualClock clock_;
  ConcatRewriter rewriter_;
  ShownFiles maintenance_;
  lake::TableSet tables_;
  std::shared_ptr<lake::DeltaTable> delta_;
  int64_t time_us_ = 1'741'514'400'000'000;
  int64_t txn_ = 0;
};

}  // namespace varve::maintenance
