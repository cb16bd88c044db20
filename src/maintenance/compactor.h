// Merges small data files of a table into files near the target size.
//
// Role:     Upkeep -> [Compactor] -> PlanCompaction, lake::FileRewriter, ObjectStore,
//           DeltaTable::Replace (operation OPTIMIZE, dataChange false), Maintenance::ShowFiles.
// Limits:   one merge at a time, within the memory that lake::FileRewriter says. Scratch files: the
//           result, copies of a bucket's inputs, and sorted runs of inputs that overlap too much.
// Errors:   those of the parts; nothing of the failed merge is committed then, except Unavailable
//           from the commit: whether it happened is seen at the next run. A merge of which another
//           writer took an input away is given up without an error.
// Threads:  safe; one Run at a time, others wait.
#pragma once

#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "maintenance/compaction_plan.h"
#include "maintenance/upkeep_parts.h"
#include "model/schema.h"

namespace varve::maintenance {

struct CompactorSettings {
  CompactionLimits limits;
  std::string scratch_dir;
  uint64_t row_group_bytes = uint64_t{64} << 20;
  uint64_t memory_bytes_max = uint64_t{256} << 20;
  int zstd_level = 9;
};

struct CompactionReport {
  int64_t merges = 0;
  int64_t files_read = 0;
  int64_t bytes_read = 0;
  int64_t bytes_written = 0;
  int64_t given_up = 0;

  std::string ToString() const;
};

class Compactor {
 public:
  Compactor(const UpkeepParts& parts, CompactorSettings settings);

  // Merges until nothing is worth it any more.
  Result<CompactionReport> Run(const TableRef& table, const Stopped& stopped) VARVE_EXCLUDES(mu_);

  // What the running merge does, for people; empty when there is none.
  std::string doing() const VARVE_EXCLUDES(mu_);

 private:
  // False when it was given up.
  Result<bool> Merge(const TableRef& table, lake::DeltaTable& delta, const CompactionBin& bin,
                     const Stopped& stopped, CompactionReport& report);
  Result<DataFile> Rewrite(const TableRef& table, const CompactionBin& bin,
                           const std::string& folder, const Stopped& stopped);
  // A local path of the object, which is copied into `folder` when its store is not local.
  Result<std::string> LocalPath(const std::string& object, const std::string& folder,
                                const DataFile& file);
  Status Commit(const TableRef& table, lake::DeltaTable& delta, const CompactionBin& bin,
                DataFile merged, int64_t stored_us);

  const UpkeepParts parts_;
  const CompactorSettings settings_;

  mutable Mutex mu_;
  CondVar turn_;
  bool busy_ VARVE_GUARDED_BY(mu_) = false;
  std::string doing_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::maintenance
