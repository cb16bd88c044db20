#include "buffer/merge_policy.h"

namespace varve::buffer {
namespace {

int SizeClass(uint64_t rows) {
  int size_class = 0;
  for (uint64_t bound = kFanout; rows >= bound; bound *= kFanout) ++size_class;
  return size_class;
}

bool Fits(uint64_t rows, uint64_t bytes, MergeLimits limits) {
  return rows <= limits.rows && bytes <= limits.bytes;
}

}  // namespace

SegmentRun SmallMerge(std::span<const SegmentRef> segments, Lsn frozen) {
  constexpr MergeLimits kLimits{kSmallMergeRowsMax, kSmallMergeBytesMax};
  const size_t end = segments.size();
  if (end == 0) return {};
  size_t begin = end - 1;
  uint64_t rows = segments[begin]->rows->rows;
  uint64_t bytes = segments[begin]->bytes;

  while (true) {
    const int size_class = SizeClass(rows);
    size_t from = begin;
    uint64_t run_rows = rows;
    uint64_t run_bytes = bytes;
    bool full = false;
    while (from > 0) {
      const Segment& before = *segments[from - 1];
      if (before.lsns.begin <= frozen || SizeClass(before.rows->rows) > size_class) break;
      full = !Fits(run_rows + before.rows->rows, run_bytes + before.bytes, kLimits);
      if (full) break;
      run_rows += before.rows->rows;
      run_bytes += before.bytes;
      --from;
    }
    if (begin - from + 1 < (full ? kFanout / 2 : kFanout)) break;
    begin = from;
    rows = run_rows;
    bytes = run_bytes;
  }
  return begin + 1 == end ? SegmentRun{} : SegmentRun{begin, end};
}

SegmentRun LargeMerge(std::span<const SegmentRef> segments, Lsn frozen, MergeLimits limits) {
  if (segments.size() <= kFanout) return {};
  SegmentRun run;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  const auto is_large = [&](uint64_t r, uint64_t b) {
    return r >= limits.rows / 2 || b >= limits.bytes / 2;
  };
  for (; run.end < segments.size() - kFanout; ++run.end) {
    const Segment& segment = *segments[run.end];
    const bool skip = segment.lsns.begin <= frozen || is_large(segment.rows->rows, segment.bytes);
    if (!skip && Fits(rows + segment.rows->rows, bytes + segment.bytes, limits)) {
      rows += segment.rows->rows;
      bytes += segment.bytes;
      continue;
    }
    if (run.end - run.begin > 1 && is_large(rows, bytes)) return run;
    run.begin = skip ? run.end + 1 : run.end;
    rows = skip ? 0 : segment.rows->rows;
    bytes = skip ? 0 : segment.bytes;
  }
  return {};
}

}  // namespace varve::buffer
