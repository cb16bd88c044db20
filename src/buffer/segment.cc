#include "buffer/segment.h"

#include <utility>

#include "base/check.h"

namespace varve::buffer {
namespace {

// The shared pointers' control blocks and the allocator's own headers, about.
constexpr uint64_t kBookkeepingBytes = 128;

}  // namespace

uint64_t SegmentBytes(const Batch& rows) {
  return rows.MemoryBytes() + sizeof(Segment) + kBookkeepingBytes;
}

SegmentRef MakeSegment(MemoryBudget& budget, BatchRef rows, LsnRange lsns, TimeRange time_range) {
  VARVE_CHECK(rows != nullptr && rows->rows > 0);
  VARVE_CHECK(lsns.begin < lsns.end);
  const uint64_t bytes = SegmentBytes(*rows);
  auto* segment = new Segment{std::move(rows), lsns, time_range, bytes};
  return SegmentRef(segment, [&budget](const Segment* dying) {
    const uint64_t held = dying->bytes;
    delete dying;  // First: a writer that is woken must find the memory free.
    budget.Release(held);
  });
}

}  // namespace varve::buffer
