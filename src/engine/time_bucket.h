// Adds time_bucket() with TimescaleDB's results, in integer arithmetic.
//
// Role:     RegisterFunctions() -> [RegisterTimeBucket] -> DuckDB's system catalogue. DuckDB's own
//           goes through ICU for timestamptz and takes most of the time of a bucketed count.
// Units:    buckets are half-open [start, start + width); widths of days and less count from
//           2000-01-03 00:00 (a Monday), widths of months from 2000-01-01.
// Errors:   22023 for a width that is not positive, that mixes months with days or time, or that
//           has a time part for a date; 22008 when the bucket lies outside the range of timestamps.
#pragma once

#include <cstdint>
#include <duckdb.hpp>

namespace varve::engine {

// Finds the bucket of a timestamp. Remembers the last bucket, because rows mostly come in time
// order and a range check is cheaper than a division.
class Bucketer {
 public:
  // `origin` in microseconds since 1970; nullptr: TimescaleDB's default for the width.
  // Throws as described above.
  Bucketer(const duckdb::interval_t& width, const int64_t* origin);

  // Moves the grid by `offset`, as time_bucket(width, ts - offset) + offset does. Its months are
  // not part of this: the caller shifts by them.
  void ShiftBy(int64_t micros) { shift_ = micros; }

  // Start of the bucket that holds `micros`; infinities are their own buckets.
  int64_t Start(int64_t micros) {
    if (micros >= start_ && micros < end_) return start_;
    return Find(micros);
  }

 private:
  int64_t Find(int64_t micros);
  int64_t FindMonths(int64_t micros);

  int64_t width_micros_ = 0;  // 0: the width is in months
  int32_t width_months_ = 0;
  int64_t origin_ = 0;
  int64_t shift_ = 0;
  int64_t start_ = 0;  // the last bucket; empty at first
  int64_t end_ = 0;
};

void RegisterTimeBucket(duckdb::DatabaseInstance& db);

}  // namespace varve::engine
