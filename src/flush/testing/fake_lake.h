// Plays the lake in memory: data files that are tallies of their rows, and a Delta log that fails
// on request, also with the answer lost.
//
// Role:     tests of flush and of the whole write path -> instead of engine's Parquet writer, an
//           ObjectStore and a DeltaTable. What is here survives a "restart" of the parts above it.
// Layout:   a data file's content is one line per writer: "<writer> <count> <max> <sum>".
// Threads:  safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "buffer/testing/rows.h"
#include "io/file.h"
#include "io/object_store.h"
#include "lake/delta_table.h"
#include "lake/parquet_writer.h"

namespace varve::flush::testing {

class MemoryStore : public io::ObjectStore {
 public:
  explicit MemoryStore(io::FileSystem& files) : files_(files) {}

  // PutFile fails after `skip` more successful ones; with `after_storing`, the object is there all
  // the same.
  void FailPutFile(int skip, Status error, bool after_storing = false);
  // Every call fails with this until it is OK again.
  void SetDown(Status error);
  // Runs in each PutFile, without a lock.
  void SetHook(std::function<void()> hook);
  int put_count() const;  // tries to store a file so far
  // For the test's own eyes: also while the store is down.
  Result<std::string> Read(std::string_view name) const;
  io::FileSystem& files() { return files_; }
  std::set<std::string> Names() const;

  Result<std::string> Get(std::string_view name) override;
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override;
  Result<io::ObjectInfo> Head(std::string_view name) override;
  Status Put(std::string_view name, std::string_view content) override;
  Status PutIfAbsent(std::string_view name, std::string_view content) override;
  Status PutFile(std::string_view name, const std::string& path) override;
  Result<std::vector<io::ObjectInfo>> List(std::string_view prefix,
                                           std::string_view start_after) override;
  Status Delete(std::string_view name) override;
  std::string ReadPath(std::string_view name) const override { return std::string(name); }

 private:
  struct Fault {
    int skip = 0;
    Status error;
    bool after_storing = false;
  };
  io::FileSystem& files_;
  mutable Mutex mu_;
  std::map<std::string, std::string, std::less<>> objects_ VARVE_GUARDED_BY(mu_);
  std::optional<Fault> fault_ VARVE_GUARDED_BY(mu_);
  Status down_ VARVE_GUARDED_BY(mu_);
  std::function<void()> hook_ VARVE_GUARDED_BY(mu_);
  int puts_ VARVE_GUARDED_BY(mu_) = 0;
};

class TallyWriter : public lake::ParquetWriter {
 public:
  explicit TallyWriter(io::FileSystem& files) : files_(files) {}

  // Write fails after `skip` more successful ones, with a partial file left behind.
  void FailWrite(int skip, Status error);
  // Writes report one row too few: a writer that loses rows.
  void LoseARow(bool lose);
  // Runs in each Write, without a lock.
  void SetHook(std::function<void()> hook);
  lake::ParquetSpec last_spec() const;

  Result<lake::ParquetResult> Write(const lake::ParquetSpec& spec,
                                    const std::vector<lake::BatchSlice>& slices,
                                    const std::string& path) override;

 private:
  io::FileSystem& files_;
  mutable Mutex mu_;
  std::optional<std::pair<int, Status>> fault_ VARVE_GUARDED_BY(mu_);
  bool lose_a_row_ VARVE_GUARDED_BY(mu_) = false;
  std::function<void()> hook_ VARVE_GUARDED_BY(mu_);
  lake::ParquetSpec last_spec_ VARVE_GUARDED_BY(mu_);
};

// What is durable of one table: share it between FakeDeltas to play a restart.
struct DeltaLog {
  mutable Mutex mu;
  std::vector<std::shared_ptr<const DataFile>> files VARVE_GUARDED_BY(mu);
  std::map<std::string, int64_t> txns VARVE_GUARDED_BY(mu);
  int64_t version VARVE_GUARDED_BY(mu) = 0;
  Status down VARVE_GUARDED_BY(mu);  // what every call gives until it is OK again

  struct Version {
    int64_t number = 0;
    std::vector<DataFile> files;
    std::string app_id;
    int64_t txn = 0;
  };
  std::vector<Version> late VARVE_GUARDED_BY(mu);  // on their way, given up by their writers

  // Put if absent: false when the version is taken.
  bool Commit(const Version& next) VARVE_REQUIRES(mu);
  // What is on its way arrives now. True when some of it was first.
  bool LandLate() VARVE_EXCLUDES(mu);
  void SetDown(Status error) VARVE_EXCLUDES(mu);
};

class FakeDelta : public lake::DeltaTable {
 public:
  explicit FakeDelta(std::shared_ptr<DeltaLog> log);

  enum class Commit : uint8_t {
    kFine,
    kRefused,          // FailedPrecondition, nothing committed
    kLost,             // Unavailable, nothing committed
    kDoneButNoAnswer,  // Unavailable, committed
    kLate,             // Unavailable, committed by DeltaLog::LandLate unless another is first
  };
  // How the next Append ends; later ones are fine again.
  void SetNextCommit(Commit how);
  void SetRefreshError(Status error);

  FileSetRef files() const override;
  lake::KeptFiles KeptPaths(int64_t now_us) const override;
  std::shared_ptr<const void> Keep(std::string) override { return nullptr; }
  std::optional<int64_t> txn_version(const std::string& app_id) const override;
  Result<std::optional<int64_t>> RecoverTxn(const std::string&, int64_t, int64_t) override {
    return std::optional<int64_t>();
  }
  Result<FileSetRef> Append(std::vector<DataFile> files, const std::string& app_id,
                            int64_t txn) override;
  Result<Definition> definition() const override;
  std::string lake_id() const override { return "fake"; }
  bool dropped() const override { return false; }
  void Adopt(TableRef) override {}
  Result<FileSetRef> Replace(lake::FileChange change) override;
  Status UpdateSchema(TableRef table) override;
  Status MarkDropped() override { return OkStatus(); }
  Status Fence() override { return OkStatus(); }
  Result<FileSetRef> Refresh() override;

 private:
  const std::shared_ptr<DeltaLog> log_;
  mutable Mutex mu_ VARVE_ACQUIRED_BEFORE(log_->mu);
  Commit next_commit_ VARVE_GUARDED_BY(mu_) = Commit::kFine;
  Status refresh_error_ VARVE_GUARDED_BY(mu_);
  FileSetRef files_ VARVE_GUARDED_BY(mu_);  // as last read
  std::map<std::string, int64_t> txns_ VARVE_GUARDED_BY(mu_);
};

// All rows of a file set, from the objects and from the local disk.
buffer::testing::Tallies CountFiles(MemoryStore& store, const TableDef& table,
                                    const FileSet& files);
// All rows of one table in a snapshot: files, staged parts and segments.
buffer::testing::Tallies CountTable(MemoryStore& store, const buffer::TableSnapshot& table);

}  // namespace varve::flush::testing
