#include "flush/stager.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/fault_point.h"

namespace varve::flush {
namespace {

// Writers wait for this: a disk that has room again must not be left alone for long.
constexpr int64_t kLongestBackoffUs = 5'000'000;
// Under pressure a part takes this share of the budget.
constexpr uint64_t kSharesOfBudget = 8;

}  // namespace

Stager::Stager(const StagerParts& parts, StagerSettings settings)
    : parts_(parts), settings_(std::move(settings)) {}

Result<int64_t> Stager::Stage(TableId table, uint64_t bytes_max) {
  {
    MutexLock lock(mu_);
    changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return !busy_; });
    busy_ = true;
  }
  Result<int64_t> rows = Internal("staging was cut short by an exception");
  // However it ends: a stager that stays busy would stop all others for good.
  const auto end = absl::MakeCleanup([&] {
    {
      MutexLock lock(mu_);
      busy_ = false;
      if (rows.ok()) {
        backoffs_.erase(table);
      } else {
        backoffs_.try_emplace(table, kLongestBackoffUs)
            .first->second.Record(rows.status(), parts_.clock.MonotonicUs());
      }
    }
    changed_.NotifyAll();
  });
  rows = WritePart(table, bytes_max);
  return Result<int64_t>(rows);  // a copy: `end` still reads it
}

Result<int64_t> Stager::WritePart(TableId table, uint64_t bytes_max) {
  VARVE_RETURN_IF_ERROR(CheckTime());
  const buffer::Buffer::Frozen frozen = parts_.buffer.Freeze(table, bytes_max);
  if (frozen.table == nullptr || frozen.segments.empty()) return 0;
  std::vector<BatchRef> batches;
  batches.reserve(frozen.segments.size());
  for (const buffer::SegmentRef& segment : frozen.segments) batches.push_back(segment->rows);
  VARVE_ASSIGN_OR_RETURN(const std::vector<lake::PartitionGroup> groups,
                         lake::PartitionRows(*frozen.table, batches));
  buffer::StagedContent content;
  auto remove = absl::MakeCleanup([&] {
    for (const DataFile& file : content.files) parts_.disk.Remove(file.local_path).IgnoreError();
  });
  VARVE_RETURN_IF_ERROR(WriteFiles(frozen.table, groups, content));
  std::move(remove).Cancel();
  content.lsns = {frozen.segments.front()->lsns.begin, frozen.through.Next()};
  content.staged_us = parts_.clock.NowUs();
  const int64_t rows = content.rows;
  parts_.buffer.Stage(table,
                      std::make_shared<const buffer::StagedPart>(parts_.disk, std::move(content)));
  VARVE_FAULT_POINT("flush.after_stage");
  return rows;
}

Status Stager::WriteFiles(const TableRef& table, const std::vector<lake::PartitionGroup>& groups,
                          buffer::StagedContent& content) {
  const lake::ParquetSpec spec = lake::SpecFor(table, settings_.format);
  for (const lake::PartitionGroup& group : groups) {
    VARVE_RETURN_IF_ERROR(CheckTime());
    const std::string name = lake::NewDataFileName();
    DataFile& file = content.files.emplace_back();
    file.local_path = io::JoinPath(settings_.dir, name);
    VARVE_ASSIGN_OR_RETURN(DataFile written,
                           lake::WriteDataFile(parts_.parquet, spec, group, name, file.local_path));
    written.local_path = std::move(file.local_path);
    file = std::move(written);
    content.rows += group.rows;
    content.bytes += file.bytes;
    VARVE_FAULT_POINT("flush.mid_files");
  }
  return OkStatus();
}

Status Stager::BackingOff(TableId table) const {
  MutexLock lock(mu_);
  const auto at = backoffs_.find(table);
  return at == backoffs_.end() ? OkStatus() : at->second.TooEarly(parts_.clock.MonotonicUs());
}

bool Stager::IsFailing(TableId table) const {
  MutexLock lock(mu_);
  return backoffs_.contains(table);
}

void Stager::GiveUpAfter(std::chrono::milliseconds limit) {
  give_up_us_ = parts_.clock.MonotonicUs() +
                std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
}

Status Stager::CheckTime() const {
  if (parts_.clock.MonotonicUs() < give_up_us_) return OkStatus();
  return SqlError(sqlstate::kAdminShutdown, "the flush was given up: the server is stopping");
}

bool Stager::UnderPressure() const {
  const uint64_t hard = parts_.budget.hard_bytes();
  const uint64_t used = parts_.budget.used();
  return used > hard / 2 || used + parts_.budget.waiting_bytes() > hard;
}

Status Stager::Relieve() {
  Status first;
  const uint64_t share = parts_.budget.hard_bytes() / kSharesOfBudget;
  // The snapshot goes at once: held meanwhile, it would keep the staged rows in memory.
  const std::vector<TableInMemory> candidates = TablesInMemory(*parts_.buffer.Snapshot());
  for (const TableInMemory& candidate : candidates) {
    Result<int64_t> staged = 0;
    if (Status early = BackingOff(candidate.table->id); !early.ok()) staged = std::move(early);
    while (staged.ok() && UnderPressure()) {
      staged = Stage(candidate.table->id, share);
      if (staged.ok() && *staged == 0) break;  // the rest is held by readers, or came too late
      if (staged.ok() && wake_flusher_) wake_flusher_();
    }
    if (first.ok() && !staged.ok()) {
      first = Annotate(staged.status(), "staging of " + candidate.table->name.ToString());
    }
  }
  return first;
}

std::vector<TableInMemory> TablesInMemory(const buffer::SnapshotMap& snapshot) {
  std::vector<TableInMemory> tables;
  for (const auto& [id, table] : snapshot) {
    uint64_t bytes = 0;
    for (const buffer::SegmentRef& segment : table->segments) bytes += segment->bytes;
    if (bytes > 0) tables.push_back({table->table, bytes});
  }
  std::sort(tables.begin(), tables.end(),
            [](const TableInMemory& a, const TableInMemory& b) { return a.bytes > b.bytes; });
  return tables;
}

}  // namespace varve::flush
