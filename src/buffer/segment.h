// Holds some consecutive rows of one table in memory, charged to the budget as long as they live.
//
// Role:     Buffer makes them; snapshots, scans and flushes share them. Whoever reads `rows` keeps
//           the SegmentRef (or the snapshot), not only the BatchRef: the bytes are given back when
//           the last SegmentRef goes, whichever thread holds it.
// Units:    bytes of memory, Lsns of the transactions that the rows came in.
// Threads:  immutable.
#pragma once

#include <memory>

#include "buffer/memory_budget.h"
#include "model/batch.h"
#include "model/ids.h"

namespace varve::buffer {

struct Segment {
  BatchRef rows;
  LsnRange lsns;
  TimeRange time_range;
  uint64_t bytes = 0;  // charged to the budget
};
using SegmentRef = std::shared_ptr<const Segment>;

// What a segment of these rows is charged; the writer reserves exactly this before it commits.
uint64_t SegmentBytes(const Batch& rows);

// Makes a segment that takes over a charge of SegmentBytes(*rows) and releases it at its end.
SegmentRef MakeSegment(MemoryBudget& budget, BatchRef rows, LsnRange lsns, TimeRange time_range);

}  // namespace varve::buffer
