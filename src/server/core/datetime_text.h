// Writes dates, times and intervals as PostgreSQL prints them with DateStyle ISO.
//
// Role:     value_text -> [date and time text] -> the client.
// Units:    days and microseconds since 1970-01-01, as model/type.h keeps them; its marks for
//           infinity print as "infinity" and "-infinity".
// Layout:   2025-03-09, 09:00:00.25, 2025-03-09 09:00:00+00, 0044-03-15 BC, 1 year 2 mons
//           -03:00:00.
// Threads:  no shared state.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "model/type.h"

namespace varve::server {

inline constexpr int64_t kInfinityUs = INT64_MAX;
inline constexpr int64_t kMinusInfinityUs = INT64_MIN + 1;
inline constexpr int32_t kInfinityDays = INT32_MAX;
inline constexpr int32_t kMinusInfinityDays = INT32_MIN + 1;

void AppendDate(int32_t days, std::string& out);
void AppendTime(int64_t micros, std::string& out);
void AppendTimestamp(int64_t micros, std::string& out);
void AppendTimestampTz(int64_t micros, const absl::TimeZone& zone, std::string& out);
void AppendInterval(const Interval& interval, std::string& out);

}  // namespace varve::server
