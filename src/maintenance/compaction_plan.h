// Decides which data files of a table are worth being merged into one.
//
// Role:     FileSet -> [PlanCompaction] -> Compactor.
// Units:    bytes of files as they are in the store.
// Limits:   a file of at least 3/4 of the target is never touched, and none of more than 5/4 is
//           made. A byte is rewritten at most log2(target / size of the file it came in) + 2 times,
//           because each rewriting at least doubles the file that it is in, or fills a file. At
//           most log2(target / smallest file) + 4 files per partition are left below half the
//           target.
// Threads:  pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/file_set.h"

namespace varve::maintenance {

struct CompactionLimits {
  int64_t target_bytes = int64_t{512} << 20;
  size_t inputs_min = 4;  // unless they fill a file
  size_t inputs_max = 2000;
};

// Files of one partition that are to become one file.
using CompactionBin = std::vector<std::shared_ptr<const DataFile>>;

// At most one bin for each partition: what comes after it is planned anew. The bin with the most
// files is first.
std::vector<CompactionBin> PlanCompaction(const FileSet& files, const CompactionLimits& limits);

}  // namespace varve::maintenance
