#include "maintenance/compactor.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/telemetry.h"
#include "base/uuid.h"
#include "io/scratch_file.h"
#include "lake/commit_fate.h"
#include "lake/data_file.h"
#include "lake/merged_stats.h"

namespace varve::maintenance {
namespace {

constexpr uint64_t kCopyBytes = 8 << 20;
constexpr std::chrono::milliseconds kStopPoll{20};

Counter& Merges() {
  static Counter& counter = Telemetry::Get().GetCounter("varve_compaction_merges_total",
                                                        "Merges of data files committed.");
  return counter;
}
Counter& GivenUp() {
  static Counter& counter = Telemetry::Get().GetCounter(
      "varve_compaction_given_up_total", "Merges of which another writer took an input away.");
  return counter;
}
Counter& BytesRead() {
  static Counter& counter = Telemetry::Get().GetCounter("varve_compaction_read_bytes_total",
                                                        "Bytes of data files merged.");
  return counter;
}
Counter& BytesWritten() {
  static Counter& counter = Telemetry::Get().GetCounter("varve_compaction_written_bytes_total",
                                                        "Bytes of data files that merging made.");
  return counter;
}

int64_t BytesOf(const CompactionBin& bin) {
  int64_t bytes = 0;
  for (const auto& file : bin) bytes += file->bytes;
  return bytes;
}

std::string ObjectName(const TableDef& table, const std::string& path) {
  return table.location + "/" + path;
}

}  // namespace

std::string CompactionReport::ToString() const {
  if (merges == 0 && given_up == 0) return "nothing to merge";
  std::string text = fmt::format("{} files of {} bytes merged into {} of {} bytes", files_read,
                                 bytes_read, merges, bytes_written);
  if (given_up > 0) text += fmt::format(", {} merges given up for other writers", given_up);
  return text;
}

Compactor::Compactor(const UpkeepParts& parts, CompactorSettings settings)
    : parts_(parts), settings_(std::move(settings)) {}

std::string Compactor::doing() const {
  MutexLock lock(mu_);
  return doing_;
}

Result<CompactionReport> Compactor::Run(const TableRef& table, const Stopped& stopped) {
  {
    MutexLock lock(mu_);
    while (!turn_.WaitFor(mu_, kStopPoll, [this]() VARVE_REQUIRES(mu_) { return !busy_; })) {
      if (IsStopped(stopped)) return StoppedError();
    }
    busy_ = true;
  }
  const auto run = [&]() -> Result<CompactionReport> {
    CompactionReport report;
    VARVE_ASSIGN_OR_RETURN(const auto delta, FindDelta(parts_, *table));
    const Stopped stopped_or_dropped = [&] {
      return IsStopped(stopped) || parts_.tables.Find(table->id) != delta;
    };
    VARVE_ASSIGN_OR_RETURN(FileSetRef files, delta->Refresh());
    while (true) {
      if (stopped_or_dropped()) return StoppedError();
      const std::vector<CompactionBin> bins = PlanCompaction(*files, settings_.limits);
      if (bins.empty()) break;
      for (const CompactionBin& bin : bins) {
        VARVE_ASSIGN_OR_RETURN(const bool merged,
                               Merge(table, *delta, bin, stopped_or_dropped, report));
        if (!merged) return report;
      }
      files = delta->files();
    }
    return report;
  };
  Result<CompactionReport> report = run();
  MutexLock lock(mu_);
  busy_ = false;
  turn_.NotifyAll();
  doing_.clear();
  return report;
}

Result<bool> Compactor::Merge(const TableRef& table, lake::DeltaTable& delta,
                              const CompactionBin& bin, const Stopped& stopped,
                              CompactionReport& report) {
  const int64_t bytes = BytesOf(bin);
  {
    MutexLock lock(mu_);
    doing_ =
        fmt::format("{}: merging {} files of {} bytes", table->name.ToString(), bin.size(), bytes);
  }
  io::ScratchFolder folder(
      fmt::format("{}/compact-{}", settings_.scratch_dir, Uuid::MakeV4().ToString()));
  VARVE_RETURN_IF_ERROR(folder.Make());
  Result<DataFile> merged = Rewrite(table, bin, folder.path(), stopped);
  if (!merged.ok()) return merged.status();
  if (IsStopped(stopped)) return StoppedError();
  const int64_t written = merged->bytes;
  const std::string object = ObjectName(*table, merged->path);
  const auto kept = delta.Keep(merged->path);
  const int64_t stored_us = parts_.clock.MonotonicUs();
  VARVE_RETURN_IF_ERROR(parts_.store.PutFile(object, folder.path() + "/out.parquet"));
  Status committed = Commit(table, delta, bin, *std::move(merged), stored_us);
  if (!committed.ok()) {
    // A commit of unknown outcome may refer to the file: vacuum deletes it if it does not.
    if (lake::IsKnownNotCommitted(committed)) parts_.store.Delete(object).IgnoreError();
    if (committed.code() != StatusCode::kAborted) return committed;
    GivenUp().Add();
    ++report.given_up;
    return false;
  }
  Merges().Add();
  BytesRead().Add(static_cast<uint64_t>(bytes));
  BytesWritten().Add(static_cast<uint64_t>(written));
  ++report.merges;
  report.files_read += static_cast<int64_t>(bin.size());
  report.bytes_read += bytes;
  report.bytes_written += written;
  return true;
}

Result<DataFile> Compactor::Rewrite(const TableRef& table, const CompactionBin& bin,
                                    const std::string& folder, const Stopped& stopped) {
  lake::RewriteSpec spec;
  spec.format = lake::SpecFor(
      table, {.row_group_bytes = settings_.row_group_bytes, .zstd_level = settings_.zstd_level});
  spec.path = folder + "/out.parquet";
  spec.scratch_dir = folder;
  spec.memory_bytes_max = settings_.memory_bytes_max;
  spec.stopped = stopped;
  for (const auto& file : bin) {
    if (IsStopped(stopped)) return StoppedError();
    VARVE_ASSIGN_OR_RETURN(std::string path,
                           LocalPath(ObjectName(*table, file->path), folder, *file));
    spec.inputs.push_back({file, std::move(path)});
  }
  VARVE_ASSIGN_OR_RETURN(const lake::RewriteResult result, parts_.rewriter.Rewrite(spec));
  DataFile merged = lake::DescribeMerged(*table, bin, result.absent);
  // Rows lost here would be lost for good: nothing else holds them once the commit is made.
  if (merged.rows && *merged.rows != result.rows) {
    return Internal("merging files of {} gave {} rows, not {}; nothing was committed",
                    table->name.ToString(), result.rows, *merged.rows);
  }
  merged.rows = result.rows;
  merged.bytes = result.bytes;
  merged.path = lake::DataFilePath(*table, merged.partition_values, lake::NewDataFileName());
  return merged;
}

Result<std::string> Compactor::LocalPath(const std::string& object, const std::string& folder,
                                         const DataFile& file) {
  std::string path = parts_.store.ReadPath(object);
  if (path.find("://") == std::string::npos) return path;
  path = fmt::format("{}/in-{}.parquet", folder, Uuid::MakeV4().ToString());
  VARVE_ASSIGN_OR_RETURN(const auto out, parts_.files.Create(path, 0));
  const auto bytes = static_cast<uint64_t>(file.bytes);
  for (uint64_t begin = 0; begin < bytes; begin += kCopyBytes) {
    VARVE_ASSIGN_OR_RETURN(
        const std::string part,
        parts_.store.GetRange(object, begin, std::min(begin + kCopyBytes, bytes)));
    VARVE_RETURN_IF_ERROR(out->Append(part));
  }
  return path;
}

Status Compactor::Commit(const TableRef& table, lake::DeltaTable& delta, const CompactionBin& bin,
                         DataFile merged, int64_t stored_us) {
  lake::FileChange change;
  change.stored_us = stored_us;
  change.operation = "OPTIMIZE";
  change.data_change = false;
  for (const auto& file : bin) change.removed.push_back(file->path);
  change.added.push_back(std::move(merged));
  Result<FileSetRef> files = delta.Replace(std::move(change));
  if (!files.ok()) return files.status();
  // The commit stands; if it cannot be shown now, the next flush shows it.
  const Status shown = parts_.maintenance.ShowFiles(table, *files);
  if (!shown.ok()) spdlog::warn("compaction of {}: {}", table->name.table, MessageOf(shown));
  return OkStatus();
}

}  // namespace varve::maintenance
