#include "maintenance/vacuum.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "base/telemetry.h"
#include "maintenance/store_time.h"

namespace varve::maintenance {
namespace {

constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
constexpr size_t kDeleteBatch = 1000;

Counter& Deleted() {
  static Counter& counter = Telemetry::Get().GetCounter("varve_vacuum_deleted_files_total",
                                                        "Data files that vacuum deleted.");
  return counter;
}

bool IsHiddenPart(const TableDef& table, std::string_view part) {
  if (!part.starts_with('_') && !part.starts_with('.')) return false;
  if (part.starts_with("_change_data") || part.starts_with("_delta_index")) return false;
  return std::none_of(
      table.partition_columns.begin(), table.partition_columns.end(),
      [&](uint32_t column) { return part.starts_with(table.columns[column].name + "="); });
}

bool IsDataFile(const TableDef& table, std::string_view path) {
  if (!path.ends_with(".parquet")) return false;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (IsHiddenPart(table, path.substr(0, slash))) return false;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return true;
}

// "part-<uuid>.zstd.parquet", as lake::NewDataFileName makes them.
bool IsOurs(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  constexpr std::string_view kBegin = "part-";
  constexpr std::string_view kEnd = ".zstd.parquet";
  if (!path.starts_with(kBegin) || !path.ends_with(kEnd)) return false;
  path.remove_prefix(kBegin.size());
  path.remove_suffix(kEnd.size());
  return path.size() == 36 && path.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

Status CheckListing(const TableDef& table, const std::set<std::string, std::less<>>& listed,
                    const FileSet& before, const FileSet& now) {
  std::set<std::string_view> still;
  for (const auto& file : now.files) still.insert(file->path);
  for (const auto& file : before.files) {
    if (listed.contains(file->path) || !still.contains(file->path)) continue;
    return DataLoss(
        "the store does not list a file of table {}, so that vacuum deletes nothing: {}",
        table.name.ToString(), file->path);
  }
  return OkStatus();
}

}  // namespace

std::string VacuumReport::ToString() const {
  if (files == 0) return "nothing to delete";
  return fmt::format("{} files of {} bytes deleted", files, bytes);
}

Result<VacuumReport> Vacuum(const UpkeepParts& parts, const TableRef& table,
                            const Stopped& stopped) {
  VARVE_ASSIGN_OR_RETURN(const auto delta, FindDelta(parts, *table));
  VARVE_ASSIGN_OR_RETURN(const int64_t now_us, EarlierTime(parts, *table));
  VARVE_ASSIGN_OR_RETURN(const FileSetRef before, delta->Refresh());
  const std::string folder = table->location + "/";
  VARVE_ASSIGN_OR_RETURN(const std::vector<io::ObjectInfo> objects, parts.store.List(folder));
  // After the listing: a file that is committed meanwhile must not look like one that nobody has.
  VARVE_ASSIGN_OR_RETURN(const FileSetRef now, delta->Refresh());
  const lake::KeptFiles kept = delta->KeptPaths(now_us);
  std::set<std::string, std::less<>> listed;
  for (const io::ObjectInfo& object : objects) listed.insert(object.name.substr(folder.size()));
  VARVE_RETURN_IF_ERROR(CheckListing(*table, listed, *before, *now));

  VacuumReport report;
  std::vector<std::string> names;
  std::vector<int64_t> bytes;
  for (const io::ObjectInfo& object : objects) {
    const std::string_view path = std::string_view(object.name).substr(folder.size());
    if (!IsDataFile(*table, path) || kept.paths.contains(path)) continue;
    const int64_t wait_us =
        IsOurs(path) ? kHourUs : std::max(kHourUs, kept.deleted_file_retention_us);
    if (object.modified_us > now_us - wait_us) continue;
    names.push_back(object.name);
    bytes.push_back(static_cast<int64_t>(object.bytes));
  }
  for (size_t begin = 0; begin < names.size(); begin += kDeleteBatch) {
    if (IsStopped(stopped)) return StoppedError();
    const size_t count = std::min(kDeleteBatch, names.size() - begin);
    VARVE_RETURN_IF_ERROR(parts.store.DeleteMany(std::span(names).subspan(begin, count)));
    for (size_t i = begin; i < begin + count; ++i) report.bytes += bytes[i];
    report.files += static_cast<int64_t>(count);
    Deleted().Add(count);
  }
  return report;
}

}  // namespace varve::maintenance
