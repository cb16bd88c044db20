// Reads dates, times and intervals in PostgreSQL's input syntax.
//
// Units:    days and microseconds since 1970-01-01, microseconds since midnight; infinities as
//           model/type.h has them.
// Errors:   22007 not a date or time, 22008 a field or the value out of range, 22009 a zone's
//           distance out of range, 22015 an interval out of range; NotDecodable for a zone that
//           this machine does not know.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <string_view>

#include "ingest/decode_settings.h"
#include "model/type.h"

namespace varve::ingest {

inline constexpr int32_t kDateInfinity = INT32_MAX;
inline constexpr int32_t kDateMinusInfinity = -INT32_MAX;
inline constexpr int64_t kTimestampInfinity = INT64_MAX;
inline constexpr int64_t kTimestampMinusInfinity = -INT64_MAX;

Status ReadDate(std::string_view text, const DecodeSettings& settings, int32_t& days);
Status ReadTime(std::string_view text, const DecodeSettings& settings, int64_t& micros);
// A zone in the text is read and ignored, as PostgreSQL does.
Status ReadTimestamp(std::string_view text, const DecodeSettings& settings, int64_t& micros);
// Text without a zone is meant in the session's.
Status ReadTimestampTz(std::string_view text, const DecodeSettings& settings, int64_t& micros);

// What a local time is in UTC. A time that the clocks skipped is read with the offset before the
// change, one that they showed twice with the offset after it.
int64_t LocalToUtc(int64_t local_us, const absl::TimeZone& zone);

// "1 day 02:03:04", "3 hours ago", "P1DT2H", "1-2"; see interval_text.cc.
Status ReadInterval(std::string_view text, Interval& interval);

}  // namespace varve::ingest
