#include "maintenance/compaction_plan.h"

#include <algorithm>
#include <bit>
#include <map>

namespace varve::maintenance {
namespace {

// Files of about one size are alike, so that among them those that follow each other in time are
// merged: the result then covers a short time, and queries can leave it out.
int SizeClass(const DataFile& file) {
  return std::bit_width(static_cast<uint64_t>(std::max<int64_t>(file.bytes, 1)));
}

bool ComesFirst(const std::shared_ptr<const DataFile>& a,
                const std::shared_ptr<const DataFile>& b) {
  const int class_a = SizeClass(*a);
  const int class_b = SizeClass(*b);
  if (class_a != class_b) return class_a < class_b;
  if (a->time_range.max != b->time_range.max) return a->time_range.max < b->time_range.max;
  return a->path < b->path;
}

// Files of this size or more are left alone.
int64_t FullBytes(const CompactionLimits& limits) { return limits.target_bytes / 4 * 3; }

// The longest run of the smallest files that is worth it; empty when none is.
CompactionBin Choose(CompactionBin candidates, const CompactionLimits& limits) {
  std::sort(candidates.begin(), candidates.end(), ComesFirst);
  const int64_t bytes_max = limits.target_bytes / 4 * 5;
  size_t chosen = 0;
  int64_t bytes = 0;
  int64_t largest = 0;
  for (size_t i = 0; i < candidates.size() && i < limits.inputs_max; ++i) {
    bytes += candidates[i]->bytes;
    if (bytes > bytes_max) break;
    largest = std::max(largest, candidates[i]->bytes);
    const bool full = bytes >= FullBytes(limits);
    if (full && i > 0) {
      chosen = i + 1;
      break;
    }
    if (i + 1 >= limits.inputs_min && bytes >= 2 * largest) chosen = i + 1;
  }
  candidates.resize(chosen);
  return candidates;
}

}  // namespace

std::vector<CompactionBin> PlanCompaction(const FileSet& files, const CompactionLimits& limits) {
  std::map<decltype(DataFile::partition_values), CompactionBin> partitions;
  for (const auto& file : files.files) {
    if (file->bytes < FullBytes(limits)) partitions[file->partition_values].push_back(file);
  }
  std::vector<CompactionBin> bins;
  for (auto& [values, candidates] : partitions) {
    CompactionBin bin = Choose(std::move(candidates), limits);
    if (!bin.empty()) bins.push_back(std::move(bin));
  }
  std::sort(bins.begin(), bins.end(), [](const auto& a, const auto& b) {
    if (a.size() != b.size()) return a.size() > b.size();
    return a.front()->path < b.front()->path;
  });
  return bins;
}

}  // namespace varve::maintenance
