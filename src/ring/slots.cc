#include "ring/slots.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "base/bytes.h"

namespace varve::ring {
namespace {

struct Windows {
  uint64_t first = 0;
  uint64_t last = 0;
};

// Those whose start is in `range`.
std::optional<Windows> WindowsOf(SecondsRange range, uint32_t step) {
  const int64_t start = std::max<int64_t>(range.start, 0);
  const int64_t end = std::min<int64_t>(range.end, kTsMax);
  if (start > end) return std::nullopt;
  const Windows windows{(static_cast<uint64_t>(start) + step - 1) / step,
                        static_cast<uint64_t>(end) / step};
  if (windows.first > windows.last) return std::nullopt;
  return windows;
}

}  // namespace

Slot Ring::Load(uint32_t slot) const {
  const char* from = at_ + kSlotBytes * slot;
  return {GetLittle<uint32_t>(from), GetLittle<uint32_t>(from + 4),
          std::bit_cast<double>(GetLittle<uint64_t>(from + 8))};
}

bool Ring::Put(uint32_t window, double value) {
  const uint32_t slot = window % shape_.slots;
  const Slot held = Load(slot);
  if (held.flags == kWritten && held.window > window && held.window % shape_.slots == slot) {
    return false;
  }
  char record[kSlotBytes];
  PutLittle(record, window);
  PutLittle(record + 4, kWritten);
  PutLittle(record + 8, std::bit_cast<uint64_t>(value));
  std::memcpy(at_ + kSlotBytes * slot, record, kSlotBytes);  // One store where the machine has it.
  return true;
}

void Ring::Read(SecondsRange range, std::vector<Point>& out) const {
  const size_t first = out.size();
  Copy(range, out);
  Order(std::span(out).subspan(first));
}

void Ring::Copy(SecondsRange range, std::vector<Point>& out) const {
  const std::optional<Windows> windows = WindowsOf(range, shape_.step_seconds);
  if (!windows) return;
  if (windows->last - windows->first >= shape_.slots) return CopyAll(range, out);
  auto slot = static_cast<uint32_t>(windows->first % shape_.slots);
  for (uint64_t window = windows->first; window <= windows->last; ++window) {
    const Slot record = Load(slot);
    if (record.flags == kWritten && record.window == window) {
      out.push_back({static_cast<int64_t>(window * shape_.step_seconds), record.value});
    }
    if (++slot == shape_.slots) slot = 0;
  }
}

void Ring::CopyAll(SecondsRange range, std::vector<Point>& out) const {
  for (uint32_t slot = 0; slot < shape_.slots; ++slot) {
    const Slot record = Load(slot);
    if (record.flags != kWritten || record.window % shape_.slots != slot) continue;
    const int64_t ts = int64_t{record.window} * shape_.step_seconds;
    if (ts >= range.start && ts <= range.end) out.push_back({ts, record.value});
  }
}

void Ring::Order(std::span<Point> points) {
  const auto older = [](const Point& a, const Point& b) { return a.ts < b.ts; };
  // A ring that is written in turn is two ascending runs.
  const auto second = std::is_sorted_until(points.begin(), points.end(), older);
  if (second == points.end()) return;
  std::rotate(points.begin(), second, points.end());
  if (!std::is_sorted(points.begin(), points.end(), older)) {
    std::sort(points.begin(), points.end(), older);
  }
}

std::vector<SlotRange> Ring::Touched(SecondsRange range, const RingShape& shape) {
  const std::optional<Windows> windows = WindowsOf(range, shape.step_seconds);
  if (!windows) return {};
  if (windows->last - windows->first >= shape.slots) return {{0, shape.slots}};
  const auto begin = static_cast<uint32_t>(windows->first % shape.slots);
  const auto end = static_cast<uint32_t>(windows->last % shape.slots) + 1;
  if (begin < end) return {{begin, end}};
  return {{begin, shape.slots}, {0, end}};
}

}  // namespace varve::ring
