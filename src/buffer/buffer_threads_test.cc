#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "buffer/buffer.h"
#include "buffer/testing/rows.h"

namespace varve::buffer {
namespace {

using testing::MakeRows;
using testing::MakeTable;
using testing::Tallies;

// The lake of this test: what each version of each table's files holds.
class CountedFiles {
 public:
  FileSetRef Commit(TableId id, const std::vector<SegmentRef>& segments) {
    auto files = std::make_shared<FileSet>();
    MutexLock lock(mu_);
    Tallies all = newest_[id];
    testing::Add(testing::CountSegments(segments), all);
    newest_[id] = all;
    by_set_[files.get()] = all;
    kept_.push_back(files);
    return files;
  }
  Tallies Of(const FileSetRef& files) const {
    MutexLock lock(mu_);
    const auto at = by_set_.find(files.get());
    return at == by_set_.end() ? Tallies{} : at->second;
  }

 private:
  mutable Mutex mu_;
  std::map<TableId, Tallies> newest_ VARVE_GUARDED_BY(mu_);
  std::map<const FileSet*, Tallies> by_set_ VARVE_GUARDED_BY(mu_);
  std::vector<FileSetRef> kept_ VARVE_GUARDED_BY(mu_);
};

class BufferThreadsTest : public ::testing::Test {
 protected:
  static constexpr int64_t kTransactions = 6'000;
  static constexpr int64_t kSnapshots = 3'000;
  static constexpr int64_t kFlushes = 50;

  BufferThreadsTest() {
    buffer_.AddTable(a_, std::make_shared<const FileSet>(), Lsn{0});
    buffer_.AddTable(b_, std::make_shared<const FileSet>(), Lsn{0});
  }

  // Each transaction writes the same rows to both tables.
  void WriteAll() {
    int64_t next = 1;
    for (int64_t i = 1; i <= kTransactions || snapshots_ < kSnapshots || flushes_ < kFlushes; ++i) {
      const uint32_t rows = i % 50 == 0 ? 1500 : 1;
      const BatchRef batch = MakeRows({.first = next, .rows = rows, .body_bytes = 30});
      budget_.Charge(2 * SegmentBytes(*batch));
      const std::vector<TableRows> both = {{a_, batch}, {b_, batch}};
      buffer_.Apply({Lsn(i), Lsn(i + 1)}, both);
      next += rows;
      applied_rows_ = next - 1;
      applied_lsn_ = static_cast<uint64_t>(i);
    }
    done_ = true;
  }
  void FlushOnce(const TableRef& table) {
    const Buffer::Frozen frozen = buffer_.Freeze(table->id);
    if (frozen.segments.empty()) return;
    buffer_.Swap(table->id, frozen.through, files_.Commit(table->id, frozen.segments));
    ++flushes_;
  }
  Tallies CountTable(const TableSnapshot& table) {
    Tallies all = files_.Of(table.files);
    testing::Add(testing::CountSegments(table.segments), all);
    return all;
  }
  // One snapshot must hold the same first k rows in both tables, and all rows applied before.
  void CheckSnapshot() {
    const int64_t at_least = applied_rows_;
    const SnapshotRef snapshot = buffer_.Snapshot();
    Tallies in_a = CountTable(*snapshot->at(a_->id));
    Tallies in_b = CountTable(*snapshot->at(b_->id));
    ++snapshots_;
    const bool good = in_a[1] == testing::FirstRows(in_a[1].max) && in_a[1] == in_b[1] &&
                      in_a[1].count >= at_least;
    if (!good) ++wrong_;
  }

  const TableRef a_ = MakeTable(TableId{1}, "a");
  const TableRef b_ = MakeTable(TableId{2}, "b");
  MemoryBudget budget_{256u << 20};
  Buffer buffer_{budget_};
  CountedFiles files_;
  std::atomic<int64_t> applied_rows_{0};
  std::atomic<uint64_t> applied_lsn_{0};
  std::atomic<int64_t> snapshots_{0};
  std::atomic<int64_t> wrong_{0};
  std::atomic<int64_t> flushes_{0};
  std::atomic<bool> done_{false};
};

// Mutants that this catches: a merge that is not checked against Freeze, Swap that keeps a frozen
// segment, Publish outside change_mu_.
TEST_F(BufferThreadsTest, EverySnapshotHasEachRowOnceWhileFlushesAndMergesRun) {
  std::thread writer([&] { WriteAll(); });
  std::thread flusher([&] {
    while (!done_) {
      FlushOnce(a_);
      FlushOnce(b_);
    }
  });
  std::thread merger([&] {
    while (!done_) {
      if (!buffer_.MergeLarge()) std::this_thread::yield();
    }
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done_) CheckSnapshot();
    });
  }
  writer.join();
  flusher.join();
  merger.join();
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(wrong_, 0);
  FlushOnce(a_);
  FlushOnce(b_);
  EXPECT_EQ(budget_.used(), 0u);
  EXPECT_EQ(buffer_.FlushedThrough(Lsn(applied_lsn_)), Lsn(applied_lsn_));
}

}  // namespace
}  // namespace varve::buffer
