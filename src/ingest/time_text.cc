#include "ingest/time_text.h"

#include <absl/time/civil_time.h>

#include "ingest/ascii.h"
#include "ingest/civil_text.h"

namespace varve::ingest {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr int64_t kDayMin = -2'440'588;            // 4714-11-24 BC: Julian day 0
constexpr int64_t kDayMax = 2'145'042'541;         // 5874897-12-31
constexpr int64_t kTimestampDayMax = 106'751'990;  // what microseconds in 64 bits can hold

[[gnu::cold]] Status TimeError(CivilOutcome outcome, std::string_view type, std::string_view text) {
  switch (outcome) {
    case CivilOutcome::kFieldRange:
      return SqlErrorf(sqlstate::kDatetimeOverflow, "date/time field value out of range: \"{}\"",
                       text);
    case CivilOutcome::kZoneRange:
      return SqlErrorf("22009", "time zone displacement out of range: \"{}\"", text);
    case CivilOutcome::kUnknownZone:
      return SqlErrorf(sqlstate::kInvalidParameterValue, "time zone not recognized: \"{}\"", text);
    default:
      return SqlErrorf(sqlstate::kInvalidDatetimeFormat, "invalid input syntax for type {}: \"{}\"",
                       type, text);
  }
}

[[gnu::cold]] Status OutOfRange(std::string_view type, std::string_view text) {
  return SqlErrorf(sqlstate::kDatetimeOverflow, "{} out of range: \"{}\"", type, text);
}

// Two digits at `p`, or a number above 99.
inline unsigned TwoDigits(const char* p) {
  const auto high = static_cast<unsigned char>(p[0] - '0');
  const auto low = static_cast<unsigned char>(p[1] - '0');
  return high > 9 || low > 9 ? 1000u : high * 10u + low;
}

// "YYYY-MM-DD", nothing around it.
inline bool ReadIsoDate(const char* p, int64_t& days) {
  const unsigned century = TwoDigits(p);
  const unsigned year_of_century = TwoDigits(p + 2);
  const unsigned month = TwoDigits(p + 5);
  const unsigned day = TwoDigits(p + 8);
  if (century > 99 || year_of_century > 99 || p[4] != '-' || p[7] != '-') return false;
  const int year = static_cast<int>(century * 100 + year_of_century);
  if (year == 0 || month - 1 > 11 || day - 1 > 30) return false;
  if (day > 28 && static_cast<int>(day) > DaysInMonth(year, static_cast<int>(month))) return false;
  days = DaysFromCivil(year, static_cast<int>(month), static_cast<int>(day));
  return true;
}

// The zone at the end of an ISO 8601 time: nothing, Z, +hh, +hhmm, +hh:mm.
inline bool ReadIsoZone(const char* p, const char* end, bool& has_zone, int& offset_seconds) {
  has_zone = p != end;
  offset_seconds = 0;
  if (!has_zone) return true;
  if (*p == 'Z' || *p == 'z') return p + 1 == end;
  if (*p != '+' && *p != '-') return false;
  const bool negative = *p++ == '-';
  const auto digits = end - p;
  if (digits != 2 && digits != 4 && !(digits == 5 && p[2] == ':')) return false;
  const unsigned hours = TwoDigits(p);
  const unsigned minutes = digits == 2 ? 0 : TwoDigits(end - 2);
  if (hours > 15 || minutes > 59) return false;
  offset_seconds = static_cast<int>(hours * 60 + minutes) * 60;
  if (negative) offset_seconds = -offset_seconds;
  return true;
}

struct LocalTime {
  int64_t micros = 0;
  bool has_zone = false;
  int offset_seconds = 0;
};

// The form that nearly every value has: "YYYY-MM-DD[T ]hh:mm:ss[.f][zone]". False: read it the long
// way, which also words the errors.
inline bool ReadIsoTimestamp(std::string_view text, LocalTime& out) {
  if (text.size() < 19) return false;
  const char* p = text.data();
  const char* end = p + text.size();
  int64_t days = 0;
  if (!ReadIsoDate(p, days) || (p[10] != ' ' && p[10] != 'T')) return false;
  const unsigned hour = TwoDigits(p + 11);
  const unsigned minute = TwoDigits(p + 14);
  const unsigned second = TwoDigits(p + 17);
  if (hour > 23 || minute > 59 || second > 59 || p[13] != ':' || p[16] != ':') return false;
  int64_t fraction = 0;
  p += 19;
  if (p != end && *p == '.') {
    const char* first = ++p;
    while (p != end && IsDigit(*p)) ++p;
    fraction = FractionMicros({first, static_cast<size_t>(p - first)});
  }
  if (!ReadIsoZone(p, end, out.has_zone, out.offset_seconds)) return false;
  out.micros = days * kMicrosPerDay +
               static_cast<int64_t>((hour * 60 + minute) * 60 + second) * kMicrosPerSecond +
               fraction;
  return true;
}

int64_t UtcToLocal(int64_t micros, const absl::TimeZone& zone) {
  if (zone == absl::UTCTimeZone()) return micros;
  return micros + zone.At(absl::FromUnixMicros(micros)).offset * kMicrosPerSecond;
}

int64_t FloorToDay(int64_t micros) {
  const int64_t rest = micros % kMicrosPerDay;
  return micros - (rest < 0 ? rest + kMicrosPerDay : rest);
}

// Local time of the special words, without those that name no finite time.
int64_t SpecialLocal(SpecialTime special, const DecodeSettings& settings) {
  const int64_t now = UtcToLocal(settings.now.value, settings.time_zone);
  switch (special) {
    case SpecialTime::kNow:
      return now;
    case SpecialTime::kTomorrow:
      return FloorToDay(now) + kMicrosPerDay;
    case SpecialTime::kYesterday:
      return FloorToDay(now) - kMicrosPerDay;
    default:
      return FloorToDay(now);
  }
}

// Local time and what the text says about its zone; infinities come back in `infinity`.
Status ReadLocal(std::string_view text, std::string_view type, const DecodeSettings& settings,
                 CivilText& civil, int64_t& local, int64_t& infinity) {
  const CivilOutcome outcome = ReadCivil(text, civil);
  if (outcome != CivilOutcome::kOk) return TimeError(outcome, type, text);
  infinity = 0;
  switch (civil.special) {
    case SpecialTime::kNone:
      break;
    case SpecialTime::kEpoch:
      local = 0;
      civil.has_zone = true;
      return OkStatus();
    case SpecialTime::kInfinity:
      infinity = kTimestampInfinity;
      return OkStatus();
    case SpecialTime::kMinusInfinity:
      infinity = kTimestampMinusInfinity;
      return OkStatus();
    default:
      local = SpecialLocal(civil.special, settings);
      return OkStatus();
  }
  if (!civil.has_date) return TimeError(CivilOutcome::kSyntax, type, text);
  const int64_t days = DaysFromCivil(civil.year, civil.month, civil.day);
  if (days < kDayMin || days > kTimestampDayMax) return OutOfRange("timestamp", text);
  local = days * kMicrosPerDay + civil.time_us;
  return OkStatus();
}

}  // namespace

int64_t LocalToUtc(int64_t local_us, const absl::TimeZone& zone) {
  if (zone == absl::UTCTimeZone()) return local_us;
  int64_t seconds = local_us / kMicrosPerSecond;
  int64_t rest = local_us % kMicrosPerSecond;
  if (rest < 0) {
    rest += kMicrosPerSecond;
    --seconds;
  }
  const absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1) + seconds;
  const auto info = zone.At(civil);
  const absl::Time time = info.kind == absl::TimeZone::TimeInfo::REPEATED ? info.post : info.pre;
  return absl::ToUnixSeconds(time) * kMicrosPerSecond + rest;
}

Status ReadDate(std::string_view text, const DecodeSettings& settings, int32_t& days) {
  int64_t count = 0;
  if (text.size() == 10 && ReadIsoDate(text.data(), count)) {
    days = static_cast<int32_t>(count);
    return OkStatus();
  }
  CivilText civil;
  const CivilOutcome outcome = ReadCivil(text, civil);
  if (outcome != CivilOutcome::kOk) return TimeError(outcome, "date", text);
  switch (civil.special) {
    case SpecialTime::kNone:
      if (!civil.has_date) return TimeError(CivilOutcome::kSyntax, "date", text);
      count = DaysFromCivil(civil.year, civil.month, civil.day);
      if (count < kDayMin || count > kDayMax) return OutOfRange("date", text);
      days = static_cast<int32_t>(count);
      return OkStatus();
    case SpecialTime::kEpoch:
      days = 0;
      return OkStatus();
    case SpecialTime::kInfinity:
      days = kDateInfinity;
      return OkStatus();
    case SpecialTime::kMinusInfinity:
      days = kDateMinusInfinity;
      return OkStatus();
    default:
      days =
          static_cast<int32_t>(FloorToDay(SpecialLocal(civil.special, settings)) / kMicrosPerDay);
      return OkStatus();
  }
}

Status ReadTime(std::string_view text, const DecodeSettings& settings, int64_t& micros) {
  CivilText civil;
  const CivilOutcome outcome = ReadTimeOfDay(text, civil);
  if (outcome != CivilOutcome::kOk) return TimeError(outcome, "time", text);
  if (civil.special == SpecialTime::kNow) {
    const int64_t now = UtcToLocal(settings.now.value, settings.time_zone);
    micros = now - FloorToDay(now);
    return OkStatus();
  }
  if (!civil.has_time) return TimeError(CivilOutcome::kSyntax, "time", text);
  if (civil.time_us > kMicrosPerDay) return TimeError(CivilOutcome::kFieldRange, "time", text);
  micros = civil.time_us;
  return OkStatus();
}

Status ReadTimestamp(std::string_view text, const DecodeSettings& settings, int64_t& micros) {
  LocalTime iso;
  if (ReadIsoTimestamp(text, iso)) {
    micros = iso.micros;
    return OkStatus();
  }
  CivilText civil;
  int64_t infinity = 0;
  VARVE_RETURN_IF_ERROR(ReadLocal(text, "timestamp", settings, civil, micros, infinity));
  if (infinity != 0) micros = infinity;
  return OkStatus();
}

Status ReadTimestampTz(std::string_view text, const DecodeSettings& settings, int64_t& micros) {
  LocalTime iso;
  if (ReadIsoTimestamp(text, iso)) {
    micros = iso.has_zone ? iso.micros - iso.offset_seconds * kMicrosPerSecond
                          : LocalToUtc(iso.micros, settings.time_zone);
    return OkStatus();
  }
  CivilText civil;
  int64_t infinity = 0;
  int64_t local = 0;
  VARVE_RETURN_IF_ERROR(
      ReadLocal(text, "timestamp with time zone", settings, civil, local, infinity));
  if (infinity != 0) {
    micros = infinity;
  } else if (civil.zone || !civil.has_zone) {
    micros = LocalToUtc(local, civil.zone.value_or(settings.time_zone));
  } else {
    micros = local - civil.offset_seconds * kMicrosPerSecond;
  }
  return OkStatus();
}

}  // namespace varve::ingest
