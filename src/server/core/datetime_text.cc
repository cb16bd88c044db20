#include "server/core/datetime_text.h"

#include <cstdlib>

#include "server/core/number_text.h"

namespace varve::server {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

struct CivilDate {
  int64_t year;  // astronomical: 0 is 1 BC
  int month;
  int day;
};

// Counts in 400-year cycles from 1 March of year 0, so that the leap day is a year's last day.
CivilDate CivilFromDays(int64_t days) {
  constexpr int64_t kCycleDays = 146'097;
  constexpr int64_t kDaysFromMarchOfYear0 = 719'468;
  const int64_t shifted = days + kDaysFromMarchOfYear0;
  const int64_t cycle = (shifted >= 0 ? shifted : shifted - kCycleDays + 1) / kCycleDays;
  const int64_t day_of_cycle = shifted - cycle * kCycleDays;
  const int64_t year_of_cycle = (day_of_cycle - day_of_cycle / 1'460 + day_of_cycle / 36'524 -
                                 day_of_cycle / (kCycleDays - 1)) /
                                365;
  const int64_t day_of_year =
      day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const int month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {cycle * 400 + year_of_cycle + (month <= 2 ? 1 : 0), month, day};
}

void AppendPadded(int64_t value, int width, std::string& out) {
  char digits[24];
  int count = 0;
  while (value > 0 || count < width) {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  while (count > 0) out += digits[--count];
}

// Returns whether " BC" must follow at the very end.
bool AppendCivilDate(int64_t days, std::string& out) {
  const CivilDate date = CivilFromDays(days);
  const bool before_christ = date.year <= 0;
  AppendPadded(before_christ ? 1 - date.year : date.year, 4, out);
  out += '-';
  AppendPadded(date.month, 2, out);
  out += '-';
  AppendPadded(date.day, 2, out);
  return before_christ;
}

void AppendFraction(int64_t micros, std::string& out) {
  if (micros == 0) return;
  out += '.';
  const size_t start = out.size();
  AppendPadded(micros, 6, out);
  while (out.size() > start && out.back() == '0') out.pop_back();
}

// `micros` of a day, or of an interval's time part, not negative.
void AppendClock(int64_t micros, std::string& out) {
  const int64_t seconds = micros / 1'000'000;
  AppendPadded(seconds / 3600, 2, out);
  out += ':';
  AppendPadded(seconds / 60 % 60, 2, out);
  out += ':';
  AppendPadded(seconds % 60, 2, out);
  AppendFraction(micros % 1'000'000, out);
}

bool AppendInfinity(bool positive, bool negative, std::string& out) {
  if (positive) out += "infinity";
  if (negative) out += "-infinity";
  return positive || negative;
}

// Returns whether " BC" must follow.
bool AppendLocal(int64_t micros, std::string& out) {
  int64_t days = micros / kDayUs;
  int64_t in_day = micros % kDayUs;
  if (in_day < 0) {
    in_day += kDayUs;
    --days;
  }
  const bool before_christ = AppendCivilDate(days, out);
  out += ' ';
  AppendClock(in_day, out);
  return before_christ;
}

void AppendOffset(int offset_seconds, std::string& out) {
  out += offset_seconds < 0 ? '-' : '+';
  const int magnitude = std::abs(offset_seconds);
  AppendPadded(magnitude / 3600, 2, out);
  if (magnitude % 3600 == 0) return;
  out += ':';
  AppendPadded(magnitude / 60 % 60, 2, out);
  if (magnitude % 60 == 0) return;
  out += ':';
  AppendPadded(magnitude % 60, 2, out);
}

}  // namespace

void AppendDate(int32_t days, std::string& out) {
  if (AppendInfinity(days == kInfinityDays, days == kMinusInfinityDays, out)) return;
  if (AppendCivilDate(days, out)) out += " BC";
}

void AppendTime(int64_t micros, std::string& out) { AppendClock(micros, out); }

void AppendTimestamp(int64_t micros, std::string& out) {
  if (AppendInfinity(micros == kInfinityUs, micros == kMinusInfinityUs, out)) return;
  if (AppendLocal(micros, out)) out += " BC";
}

void AppendTimestampTz(int64_t micros, const absl::TimeZone& zone, std::string& out) {
  if (AppendInfinity(micros == kInfinityUs, micros == kMinusInfinityUs, out)) return;
  int offset = 0;
  static const absl::TimeZone utc = absl::UTCTimeZone();
  if (zone != utc) offset = zone.At(absl::FromUnixMicros(micros)).offset;
  const bool before_christ = AppendLocal(micros + offset * int64_t{1'000'000}, out);
  AppendOffset(offset, out);
  if (before_christ) out += " BC";
}

void AppendInterval(const Interval& interval, std::string& out) {
  const size_t start = out.size();
  bool after_negative = false;  // PostgreSQL marks a positive field after a negative one with '+'.
  const auto append_field = [&](int64_t value, const char* unit) {
    if (value == 0) return;
    if (out.size() > start) out += ' ';
    if (after_negative && value > 0) out += '+';
    AppendInteger(value, out);
    out.append(" ").append(unit);
    if (value != 1) out += 's';
    after_negative = value < 0;
  };
  append_field(interval.months / 12, "year");
  append_field(interval.months % 12, "mon");
  append_field(interval.days, "day");
  if (interval.micros == 0 && out.size() > start) return;
  if (out.size() > start) out += ' ';
  if (interval.micros < 0) {
    out += '-';
  } else if (after_negative) {
    out += '+';
  }
  // In unsigned, because INT64_MIN has no positive counterpart.
  const uint64_t magnitude = interval.micros < 0
                                 ? uint64_t{0} - static_cast<uint64_t>(interval.micros)
                                 : static_cast<uint64_t>(interval.micros);
  const auto seconds = static_cast<int64_t>(magnitude / 1'000'000);
  AppendPadded(seconds / 3600, 2, out);
  out += ':';
  AppendPadded(seconds / 60 % 60, 2, out);
  out += ':';
  AppendPadded(seconds % 60, 2, out);
  AppendFraction(static_cast<int64_t>(magnitude % 1'000'000), out);
}

}  // namespace varve::server
