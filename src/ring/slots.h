// Reads and writes the slots of one ring in mapped memory.
//
// Layout:   slot i at 16 x i: window u32 | flags u32 | value f64; docs/formats/ring.md.
// Rules:    a slot counts only when its flags are exactly kWritten and its window belongs to it;
//           anything else is as if it had never been written.
// Threads:  the caller orders readers and the writer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ring/metric.h"

namespace varve::ring {

inline constexpr uint64_t kSlotBytes = 16;
inline constexpr uint32_t kWritten = 1;

struct Slot {
  uint32_t window = 0;
  uint32_t flags = 0;
  double value = 0;
};

inline uint32_t WindowOf(int64_t ts, const RingShape& shape) {
  return static_cast<uint32_t>(static_cast<uint64_t>(ts) / shape.step_seconds);
}

// Which slots [begin, end) an answer for `range` looks at; empty when begin == end. Two pieces when
// the windows go around the ring's end.
struct SlotRange {
  uint32_t begin = 0;
  uint32_t end = 0;
};

class Ring {
 public:
  Ring(char* at, const RingShape& shape) : at_(at), shape_(shape) {}

  // Applies the rule of ring_store.h; false: stale, and nothing has changed.
  bool Put(uint32_t window, double value);
  bool Put(const Point& point) { return Put(WindowOf(point.ts, shape_), point.value); }
  // Appends the points of the range ascending by ts.
  void Read(SecondsRange range, std::vector<Point>& out) const;
  // The two halves of Read. Only the first looks at the ring; it appends in the order of the slots.
  void Copy(SecondsRange range, std::vector<Point>& out) const;
  static void Order(std::span<Point> points);
  // Where Read(range) will look.
  static std::vector<SlotRange> Touched(SecondsRange range, const RingShape& shape);

 private:
  Slot Load(uint32_t slot) const;
  void CopyAll(SecondsRange range, std::vector<Point>& out) const;

  char* const at_;
  const RingShape shape_;
};

}  // namespace varve::ring
