// Writes and reads dates and instants as the Delta log has them.
//
// Role:     statistics, partition values <-> [iso time] <-> days and microseconds since 1970, UTC.
// Limits:   years 0001 to 9999; outside (and for infinity) there is no text: nullopt.
// Threads:  pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace varve::lake {

// "2025-03-09".
std::optional<std::string> FormatDate(int32_t days);
std::optional<int32_t> ParseDate(std::string_view text);

enum class Rounding { kDown, kUp };

// "2025-03-09T10:00:00.123Z", to the millisecond below or above: Delta readers keep three digits.
std::optional<std::string> FormatMillis(int64_t micros, Rounding rounding);
// "2025-03-09T10:00:00.123456Z".
std::optional<std::string> FormatMicros(int64_t micros);

struct Instant {
  int64_t micros = 0;
  // What the text may have cut off: 999 when it has at most three digits of the second's fraction.
  int64_t cut_off = 0;
};
// Reads "2025-03-09T10:00:00[.fraction]" with 'T' or ' ' between, and "Z", "+hh", "+hhmm", "+hh:mm"
// or nothing (taken as UTC) at the end. Digits after the sixth are cut off.
std::optional<Instant> ParseInstant(std::string_view text);

}  // namespace varve::lake
