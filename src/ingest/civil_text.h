// Takes a date and time apart as people write them: ISO 8601, month names, AM/PM, zones, BC.
//
// Role:     time_text (when its short way for ISO 8601 does not apply) -> [ReadCivil] -> fields.
//           DateStyle is ISO, MDY: 01/08/1999 is in January.
// Threads:  no shared state.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace varve::ingest {

enum class SpecialTime {
  kNone,
  kEpoch,
  kInfinity,
  kMinusInfinity,
  kNow,
  kToday,
  kTomorrow,
  kYesterday,
};

struct CivilText {
  SpecialTime special = SpecialTime::kNone;
  bool has_date = false;
  bool has_time = false;
  bool has_zone = false;
  int64_t year = 0;  // 0 is 1 BC
  int month = 0;
  int day = 0;
  int64_t time_us = 0;                 // since midnight; 24:00 and a leap second go beyond
  int32_t offset_seconds = 0;          // east of UTC, unless zone is there
  std::optional<absl::TimeZone> zone;  // a zone given by its name
};

enum class CivilOutcome { kOk, kSyntax, kFieldRange, kZoneRange, kUnknownZone };

CivilOutcome ReadCivil(std::string_view text, CivilText& out);
// The same where only the time counts: digits alone are hhmm or hhmmss.
CivilOutcome ReadTimeOfDay(std::string_view text, CivilText& out);

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
int64_t DaysFromCivil(int64_t year, int month, int day);
int DaysInMonth(int64_t year, int month);

// Digits after the decimal point in microseconds, rounded as PostgreSQL rounds them (half to even
// of the binary fraction); may be 1,000,000.
int64_t FractionMicros(std::string_view digits);

}  // namespace varve::ingest
