// Chooses which neighbouring segments are worth merging into one, like a counter in base kFanout.
//
// Role:     Buffer asks after each Apply (small merges, at once) and from a background job (large).
//           Pure functions over the list, so that the policy can be tested without threads.
// Limits:   a row is copied about log8(kSmallMergeRowsMax) times by small merges and once by a
//           large one. The byte limits keep one merge short and a column's offsets far below 2^32.
// Threads:  safe; no state.
#pragma once

#include <cstddef>
#include <span>

#include "buffer/segment.h"

namespace varve::buffer {

// Segments of one size class that make one of the next.
inline constexpr size_t kFanout = 8;
// What Apply may merge on the log's thread: a few milliseconds of copying at most.
inline constexpr uint32_t kSmallMergeRowsMax = 8'192;
inline constexpr uint64_t kSmallMergeBytesMax = 8u << 20;

struct MergeLimits {
  uint32_t rows = 0;
  uint64_t bytes = 0;
};

// Half-open index range of a list of segments; empty when nothing is to be merged.
struct SegmentRun {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin == end; }
};

// The run at the end of `segments` that is due, carries included: when merging eight of one class
// completes eight of the next, the run covers them all. Half of that is enough when the limits
// allow no more. Segments up to `frozen` are not touched.
SegmentRun SmallMerge(std::span<const SegmentRef> segments, Lsn frozen);

// The oldest run that fills `limits`, at least half of it; a segment of that size is never merged
// again, so large merges copy a row once. The last kFanout segments are left to SmallMerge.
SegmentRun LargeMerge(std::span<const SegmentRef> segments, Lsn frozen, MergeLimits limits);

}  // namespace varve::buffer
