// Names the kinds of number that flow through the write path, so that none is taken for another.
//
// Units:    Lsn counts log records of this server: +1 per record, first is 1, never reused; 0 means
//           "before the first". TimestampUs: microseconds since 1970-01-01T00:00:00Z.
#pragma once

#include <cstdint>

#include "base/strong_id.h"

namespace varve {

struct Lsn : StrongId<struct LsnTag, uint64_t> {
  using StrongId::StrongId;
  constexpr Lsn Next() const { return Lsn(value + 1); }
  constexpr Lsn Prev() const { return Lsn(value - 1); }
};

// Given at CREATE TABLE, never reused, stored in every log record of the table.
using TableId = StrongId<struct TableIdTag, uint32_t>;
// Given when a column is added, never reused within its table; survives renames.
using ColumnId = StrongId<struct ColumnIdTag, uint32_t>;
using TransactionId = StrongId<struct TransactionIdTag, uint64_t>;
using TimestampUs = StrongId<struct TimestampUsTag, int64_t>;

// Half-open [begin, end).
struct LsnRange {
  Lsn begin;
  Lsn end;
};

// Closed [min, max], as statistics keep it.
struct TimeRange {
  TimestampUs min{INT64_MAX};
  TimestampUs max{INT64_MIN};

  bool empty() const { return min > max; }
  void Include(TimestampUs t) {
    if (t < min) min = t;
    if (max < t) max = t;
  }
  void Include(const TimeRange& other) {
    if (other.min < min) min = other.min;
    if (max < other.max) max = other.max;
  }
};

}  // namespace varve

template <>
struct std::hash<varve::Lsn> {
  size_t operator()(varve::Lsn lsn) const noexcept { return std::hash<uint64_t>()(lsn.value); }
};
