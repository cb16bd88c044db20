// Gives tests of this folder a table, files of it and a store in a temporary folder.
//
// Role:     delta_table_test. CheckpointText keeps checkpoints as the text they are
//           made of: what Parquet does to them is the engine's to test.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "io/posix/local_store.h"
#include "lake/delta_table.h"

namespace varve::lake {

inline constexpr int64_t kTime = 1'741'514'400'123'456;  // 2025-03-09T10:00:00.123456Z

inline std::string VersionName(int64_t version) { return fmt::format("{:020}.json", version); }

// The system's clock, put forward by a test.
class ShiftedClock final : public Clock {
 public:
  int64_t NowUs() const override { return Clock::System().NowUs() + shift_us; }
  int64_t MonotonicUs() const override { return Clock::System().MonotonicUs() + shift_us; }

  std::atomic<int64_t> shift_us{0};
};

class CheckpointText final : public CheckpointCodec {
 public:
  Status WriteCheckpoint(const std::string& ndjson, const std::string& path) override {
    if (fail) return SqlError(sqlstate::kDiskFull, "no space for the checkpoint");
    std::ofstream(path) << ndjson;
    ++written;
    return OkStatus();
  }
  Result<std::string> ReadCheckpoint(const std::string& path) override {
    std::ifstream in(path);
    if (!in) return NotFound("no file {}", path);
    std::ostringstream content;
    content << in.rdbuf();
    ++read;
    return content.str();
  }

  std::atomic<bool> fail{false};
  std::atomic<int> written{0};
  std::atomic<int> read{0};
};

inline ColumnDef MakeColumn(uint32_t id, const std::string& name, Type type, bool nullable = true) {
  ColumnDef column;
  column.id = ColumnId(id);
  column.name = name;
  column.type = std::move(type);
  column.nullable = nullable;
  return column;
}

// project_id and date as partitions, the time, and a number.
inline TableDef MakeEvents() {
  TableDef table;
  table.id = TableId(7);
  table.name = {"public", "events"};
  table.columns = {MakeColumn(1, "project_id", Type(TypeKind::kText), false),
                   MakeColumn(2, "date", Type(TypeKind::kDate), false),
                   MakeColumn(3, "timestamp", Type(TypeKind::kTimestampTz), false),
                   MakeColumn(4, "n", Type(TypeKind::kInt64))};
  table.time_column = 2;
  table.partition_columns = {0, 1};
  table.sort_order = {{2, true}};
  table.location = "events";
  return table;
}

class DeltaTableFixture : public ::testing::Test {
 protected:
  DeltaTableFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "varve-delta-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directory(dir_ + "/scratch");
    store_ = *io::LocalStore::Open(dir_ + "/lake");
    commits_ = std::make_unique<PutIfAbsentCommits>(*store_);
    events_ = std::make_shared<const TableDef>(MakeEvents());
  }
  ~DeltaTableFixture() override { std::filesystem::remove_all(dir_); }

  DeltaTable::Context Context() {
    return {store_.get(), commits_.get(), &codec_, &clock_, dir_ + "/scratch"};
  }
  Result<std::unique_ptr<DeltaTable>> Create() { return DeltaTable::Create(Context(), events_); }
  Result<std::unique_ptr<DeltaTable>> Open() { return DeltaTable::Open(Context(), events_); }

  // A file of one row at `micros` whose n is `n`.
  DataFile File(const std::string& name, int64_t micros, int64_t n = 0) {
    auto batch = std::make_shared<Batch>();
    ColumnBuilder time{Type(TypeKind::kTimestampTz)};
    time.AppendFixed(micros);
    ColumnBuilder number{Type(TypeKind::kInt64)};
    number.AppendFixed(n);
    batch->rows = 1;
    batch->ids = {ColumnId(3), ColumnId(4)};
    batch->columns = {time.Finish(), number.Finish()};
    DataFile file = DescribeRows(events_, {{batch, {}}});
    file.partition_values = {{"project_id", "shop"}, {"date", "2025-03-09"}};
    file.path = PartitionPath(*events_, file.partition_values) + "/" + name;
    file.bytes = 100;
    return file;
  }

  static std::vector<std::string> Paths(const FileSetRef& set) {
    std::vector<std::string> paths;
    for (const auto& file : set->files) paths.push_back(file->path);
    return paths;
  }
  std::string LogPath(const std::string& name) { return dir_ + "/lake/events/_delta_log/" + name; }
  std::string ReadLog(const std::string& name) { return *store_->Get("events/_delta_log/" + name); }
  void WriteLog(const std::string& name, const std::string& content) {
    ASSERT_TRUE(store_->Put("events/_delta_log/" + name, content).ok());
  }

  std::string dir_;
  std::unique_ptr<io::LocalStore> store_;
  std::unique_ptr<CommitStore> commits_;
  CheckpointText codec_;
  ShiftedClock clock_;
  TableRef events_;
};

}  // namespace varve::lake
