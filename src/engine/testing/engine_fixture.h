// Runs an engine on a temporary folder, with a buffer but no log, for tests.
//
// Role:     tests -> [EngineFixture] -> SqlEngine, Buffer, a TableWriter that applies rows at once.
// Threads:  one test at a time; sessions of it may run side by side.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "buffer/buffer.h"
#include "catalog/maintenance.h"
#include "catalog/table_writer.h"
#include "engine/engine.h"
#include "io/posix/local_store.h"

namespace varve::engine {

// Makes rows visible as ingest does, without a log: one Lsn for each write.
class ApplyingWriter : public catalog::TableWriter {
 public:
  ApplyingWriter(buffer::Buffer& buffer, buffer::MemoryBudget& budget)
      : buffer_(buffer), budget_(budget) {}

  void WriteAsync(WriteSet rows, std::function<void(Status)> done) override {
    done(Write(std::move(rows)));
  }
  Status Write(WriteSet rows) override {
    if (!fail_with.ok()) return fail_with;
    MutexLock lock(mu_);
    const Lsn lsn(++last_);
    uint64_t bytes = 0;
    for (const auto& part : rows) bytes += buffer::SegmentBytes(*part.rows);
    VARVE_RETURN_IF_ERROR(budget_.Reserve(bytes, std::chrono::milliseconds(0)));
    buffer_.Apply({lsn, lsn.Next()}, rows);
    return OkStatus();
  }
  Status WriteIf(uint64_t, WriteSet rows, std::function<Status()> decide) override {
    if (!fail_with.ok()) return fail_with;
    VARVE_RETURN_IF_ERROR(decide());
    return Write(std::move(rows));
  }
  Lsn last() const { return Lsn(last_); }

  Status fail_with;

 private:
  buffer::Buffer& buffer_;
  buffer::MemoryBudget& budget_;
  Mutex mu_;
  std::atomic<uint64_t> last_{0};
};

// Flushes when it is asked to, and shows files, as the flusher does.
class DirectMaintenance : public catalog::Maintenance {
 public:
  DirectMaintenance(buffer::Buffer& buffer, std::function<void(const TableRef&)> flush)
      : buffer_(buffer), flush_(std::move(flush)) {}

  Result<int64_t> Flush(const TableRef& table) override {
    flush_(table);
    return 0;
  }
  Status ShowFiles(const TableRef& table, const FileSetRef& files) override {
    if (!fail_show_with.ok()) return fail_show_with;
    buffer_.Swap(table->id, buffer_.Snapshot()->at(table->id)->flushed, files);
    return OkStatus();
  }
  std::vector<catalog::JobInfo> Jobs() const override { return {}; }

  Status fail_show_with;

 private:
  buffer::Buffer& buffer_;
  const std::function<void(const TableRef&)> flush_;
};

// The rows of a result, as text.
using Rows = std::vector<std::vector<std::string>>;

// A value as text, for comparison in tests; "NULL" for NULL.
std::string CellText(const Column& column, size_t row);

// Registers varve_spoil(), which fails inside DuckDB in a way that makes the instance unusable.
void SpoilOnCall(Database& database);

class EngineFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Opens engine and buffer on the test's folder; again after Stop, as a restart does.
  void Start();
  void Stop();

  std::unique_ptr<Session> NewSession();
  // Runs one or more statements and returns the last one's rows; a failure fails the test.
  Rows Run(Session& session, const std::string& sql);
  Rows Run(const std::string& sql) { return Run(*session_, sql); }
  // The first statement's error, or OK.
  Status Try(Session& session, const std::string& sql);
  Status Try(const std::string& sql) { return Try(*session_, sql); }
  std::string StateOf(const std::string& sql) { return SqlStateOf(Try(sql)); }
  // Runs and returns the last command tag.
  std::string Tag(Session& session, const std::string& sql);
  std::string Tag(const std::string& sql) { return Tag(*session_, sql); }
  // The lines of EXPLAIN, joined.
  std::string Explain(const std::string& sql);

  // Writes the buffer's rows of a table as Parquet files and swaps the snapshot, as the flusher
  // does.
  void Flush(const std::string& schema, const std::string& table);
  lake::DeltaTable::Context LakeContext();
  // The store of the tables; a folder unless a test has another idea.
  virtual std::unique_ptr<io::ObjectStore> OpenStore();

  std::filesystem::path folder_;
  EngineOptions options_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<io::ObjectStore> store_;
  std::unique_ptr<lake::CommitStore> commits_;
  std::unique_ptr<buffer::MemoryBudget> budget_;
  std::unique_ptr<buffer::Buffer> buffer_;
  std::unique_ptr<ApplyingWriter> writer_;
  std::unique_ptr<DirectMaintenance> maintenance_;
  std::unique_ptr<lake::TableSet> tables_;
  const ring::RingStore* rings_ = nullptr;  // to be set before SetUp
  std::unique_ptr<SqlEngine> engine_;
  std::unique_ptr<Session> session_;
};

}  // namespace varve::engine
