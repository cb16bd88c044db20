#include "maintenance/expiry.h"

#include "base/telemetry.h"
#include "maintenance/store_time.h"

namespace varve::maintenance {
namespace {

constexpr int kAttemptsMax = 5;

Counter& ExpiredFiles() {
  static Counter& counter = Telemetry::Get().GetCounter(
      "varve_retention_files_total", "Data files taken out of tables by their retention.");
  return counter;
}

lake::FileChange PastRetention(const FileSet& files, int64_t oldest_kept_us, ExpiryReport& report) {
  report = {};
  lake::FileChange change;
  change.operation = "DELETE";
  for (const auto& file : files.files) {
    if (file->time_range.empty() || file->time_range.max.value >= oldest_kept_us) continue;
    change.removed.push_back(file->path);
    ++report.files;
    report.rows += file->rows.value_or(0);
  }
  return change;
}

}  // namespace

std::string ExpiryReport::ToString() const {
  if (files == 0) return "nothing is past the retention";
  return fmt::format("{} files of {} rows taken out", files, rows);
}

Result<ExpiryReport> Expire(const UpkeepParts& parts, const TableRef& table,
                            const Stopped& stopped) {
  ExpiryReport report;
  if (!table->retention_us) return report;
  VARVE_ASSIGN_OR_RETURN(const auto delta, FindDelta(parts, *table));
  int64_t now_us = parts.clock.NowUs();
  bool is_sure = false;
  for (int attempt = 1;; ++attempt) {
    if (IsStopped(stopped)) return StoppedError();
    VARVE_ASSIGN_OR_RETURN(const FileSetRef files, delta->Refresh());
    lake::FileChange change = PastRetention(*files, now_us - *table->retention_us, report);
    if (change.removed.empty()) return report;
    if (!is_sure) {
      // Only when there is something to lose: a clock that is years ahead would empty the table.
      VARVE_ASSIGN_OR_RETURN(now_us, EarlierTime(parts, *table));
      is_sure = true;
      change = PastRetention(*files, now_us - *table->retention_us, report);
      if (change.removed.empty()) return report;
    }
    const Result<FileSetRef> committed = delta->Replace(std::move(change));
    if (committed.ok()) {
      ExpiredFiles().Add(static_cast<uint64_t>(report.files));
      VARVE_RETURN_IF_ERROR(parts.maintenance.ShowFiles(table, *committed));
      return report;
    }
    // Somebody, a compaction perhaps, has replaced one of the files: look again.
    const bool again = committed.status().code() == StatusCode::kAborted && attempt < kAttemptsMax;
    if (!again) return committed.status();
  }
}

}  // namespace varve::maintenance
