#include "lake/merged_stats.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "lake/file_pruning.h"

namespace varve::lake {
namespace {

// The bounds of one column over several files.
class Bounds {
 public:
  explicit Bounds(const Type& type) : type_(type) {}

  void Include(const DataFile& file, const std::string& column, bool absent) {
    const auto found = file.stats.find(column);
    if (absent) {
      AddNulls(file.rows);
      return;
    }
    if (found == file.stats.end()) {
      bounded_ = false;
      AddNulls(std::nullopt);
      return;
    }
    const ColumnStats& stats = found->second;
    AddNulls(stats.null_count);
    if (stats.null_count && stats.null_count == file.rows) return;
    Extend(stats.min, -1, merged_.min);
    Extend(stats.max, 1, merged_.max);
  }

  ColumnStats Take() {
    if (!bounded_) {
      merged_.min.reset();
      merged_.max.reset();
    }
    return std::move(merged_);
  }

 private:
  void AddNulls(std::optional<int64_t> count) {
    if (!nulls_known_) return;
    nulls_known_ = count.has_value();
    merged_.null_count = count ? std::optional(merged_.null_count.value_or(0) + *count) : count;
  }
  // `sign`: -1 keeps the smaller, 1 the greater.
  void Extend(const std::optional<std::string>& bound, int sign, std::optional<std::string>& kept) {
    if (!bound) {
      bounded_ = false;
      return;
    }
    const auto order = CompareBounds(type_, *bound, kept ? *kept : *bound);
    if (!order) {
      bounded_ = false;
      return;
    }
    if (!kept || *order * sign > 0) kept = bound;
  }

  const Type& type_;
  ColumnStats merged_;
  bool bounded_ = true;
  bool nulls_known_ = true;
};

bool IsPartition(const TableDef& table, uint32_t column) {
  const auto& partitions = table.partition_columns;
  return std::find(partitions.begin(), partitions.end(), column) != partitions.end();
}

}  // namespace

DataFile DescribeMerged(const TableDef& table,
                        const std::vector<std::shared_ptr<const DataFile>>& files,
                        const std::vector<std::set<std::string>>& absent) {
  VARVE_CHECK(!files.empty() && files.size() == absent.size());
  DataFile merged;
  merged.partition_values = files.front()->partition_values;
  merged.rows = 0;
  bool timed = true;
  for (const auto& file : files) {
    merged.rows =
        merged.rows && file->rows ? std::optional(*merged.rows + *file->rows) : std::nullopt;
    timed = timed && !file->time_range.empty();
    if (!timed) continue;
    merged.time_range.Include(file->time_range.min);
    merged.time_range.Include(file->time_range.max);
  }
  if (!timed) merged.time_range = {};
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    const ColumnDef& column = table.columns[i];
    if (IsPartition(table, i) || column.type.kind() == TypeKind::kList) continue;
    Bounds bounds(column.type);
    for (size_t f = 0; f < files.size(); ++f) {
      bounds.Include(*files[f], column.name, absent[f].contains(column.name));
    }
    merged.stats[column.name] = bounds.Take();
  }
  return merged;
}

}  // namespace varve::lake
