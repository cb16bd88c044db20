#include "ingest/civil_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "ingest/ascii.h"
#include "ingest/civil_names.h"
#include "ingest/decode_settings.h"

namespace varve::ingest {
namespace {

template <size_t N>
const NamedNumber* Find(const std::array<NamedNumber, N>& table, std::string_view word) {
  for (const NamedNumber& entry : table) {
    if (EqualsIgnoreCase(word, entry.name)) return &entry;
  }
  return nullptr;
}

// At most seven digits are a number here: every field is smaller, and nothing can overflow.
bool ReadSmall(std::string_view digits, int& value) {
  if (digits.empty() || digits.size() > 7) return false;
  value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return true;
}

enum class Meridian { kNone, kAm, kPm };

class CivilReader {
 public:
  CivilReader(std::string_view text, bool time_only, CivilText& out)
      : p_(text.data()), end_(text.data() + text.size()), time_only_(time_only), out_(out) {}

  CivilOutcome Run() {
    while (true) {
      while (p_ < end_ && (IsSpace(*p_) || *p_ == ',')) ++p_;
      if (p_ == end_) break;
      const CivilOutcome outcome = Field();
      if (outcome != CivilOutcome::kOk) return outcome;
    }
    return End();
  }

 private:
  char Peek(size_t ahead = 0) const {
    return static_cast<size_t>(end_ - p_) > ahead ? p_[ahead] : '\0';
  }

  std::string_view TakeDigits() {
    const char* first = p_;
    while (p_ < end_ && IsDigit(*p_)) ++p_;
    return {first, static_cast<size_t>(p_ - first)};
  }

  std::string_view TakeWord() {
    const char* first = p_;
    while (p_ < end_ && IsAlpha(*p_)) ++p_;
    return {first, static_cast<size_t>(p_ - first)};
  }

  CivilOutcome Field() {
    if (IsDigit(*p_)) return NumberField();
    if (IsAlpha(*p_)) return WordField();
    if (*p_ != '+' && *p_ != '-') return CivilOutcome::kSyntax;
    if (*p_ == '-' && month_named_ && !year_set_) {  // Jan-08-1999
      ++p_;
      return CivilOutcome::kOk;
    }
    const bool negative = *p_++ == '-';
    if (IsDigit(Peek())) return OffsetField(negative);
    const std::string_view word = TakeWord();
    if (!negative || !EqualsIgnoreCase(word, "infinity")) return CivilOutcome::kSyntax;
    return SetSpecial(SpecialTime::kMinusInfinity);
  }

  CivilOutcome SetSpecial(SpecialTime special) {
    if (out_.special != SpecialTime::kNone) return CivilOutcome::kSyntax;
    out_.special = special;
    return CivilOutcome::kOk;
  }

  CivilOutcome NumberField() {
    const std::string_view digits = TakeDigits();
    const char next = Peek();
    if (next == ':') return TimeField(digits);
    if (out_.has_date && !out_.has_time) return CompactTime(digits);
    if (time_only_ && !out_.has_time && (digits.size() == 4 || digits.size() == 6) && next != '-' &&
        next != '/') {
      return CompactTime(digits);
    }
    if ((next == '-' || next == '/' || next == '.') && (IsDigit(Peek(1)) || IsAlpha(Peek(1))) &&
        !month_named_) {
      return DateField(digits);
    }
    if (!month_named_ && !day_set_ && (digits.size() == 8 || digits.size() == 6)) {
      return CompactDate(digits);
    }
    return DayOrYear(digits);
  }

  // A number beside a month's name.
  CivilOutcome DayOrYear(std::string_view digits) {
    if (!day_set_ && digits.size() <= 2) {
      day_set_ = true;
      return ReadSmall(digits, out_.day) ? CivilOutcome::kOk : CivilOutcome::kSyntax;
    }
    if (year_set_) return CivilOutcome::kSyntax;
    return SetYear(digits);
  }

  CivilOutcome SetYear(std::string_view digits) {
    int year = 0;
    if (!ReadSmall(digits, year)) return CivilOutcome::kFieldRange;
    year_set_ = true;
    short_year_ = digits.size() <= 2;
    out_.year = year;
    return CivilOutcome::kOk;
  }

  CivilOutcome SetDay(std::string_view digits) {
    if (!ReadSmall(digits, out_.day)) return CivilOutcome::kFieldRange;
    day_set_ = true;
    return CivilOutcome::kOk;
  }

  CivilOutcome CompactDate(std::string_view digits) {
    if (out_.has_date) return CivilOutcome::kSyntax;
    const size_t year_digits = digits.size() - 4;
    ReadSmall(digits.substr(year_digits, 2), out_.month);
    ReadSmall(digits.substr(year_digits + 2), out_.day);
    day_set_ = out_.has_date = true;
    return SetYear(digits.substr(0, year_digits));
  }

  // y-m-d, m/d/y, d-Mon-y, y-Mon-d; the separator must stay the same.
  CivilOutcome DateField(std::string_view first) {
    if (out_.has_date) return CivilOutcome::kSyntax;
    const char separator = *p_++;
    const bool named = IsAlpha(Peek());
    const std::string_view second = named ? TakeWord() : TakeDigits();
    if (Peek() != separator || !IsDigit(Peek(1))) return CivilOutcome::kSyntax;
    ++p_;
    const std::string_view third = TakeDigits();
    const bool year_first = first.size() > 2;
    out_.has_date = true;
    CivilOutcome outcome = SetYear(year_first ? first : third);
    if (outcome != CivilOutcome::kOk) return outcome;
    if (named) {
      const NamedNumber* month = Find(kMonths, second);
      if (month == nullptr) return CivilOutcome::kSyntax;
      out_.month = month->number;
      return SetDay(year_first ? third : first);
    }
    if (!ReadSmall(year_first ? second : first, out_.month)) return CivilOutcome::kFieldRange;
    return SetDay(year_first ? third : second);
  }

  std::string_view TakeFraction() {
    if (Peek() != '.') return {};
    ++p_;
    return TakeDigits();
  }

  CivilOutcome TimeField(std::string_view first) {
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (out_.has_time || !ReadSmall(first, hour)) return CivilOutcome::kSyntax;
    ++p_;
    if (!ReadSmall(TakeDigits(), minute)) return CivilOutcome::kSyntax;
    if (Peek() == ':') {
      ++p_;
      if (!ReadSmall(TakeDigits(), second)) return CivilOutcome::kSyntax;
    } else if (Peek() == '.') {
      second = minute;  // 04:05.6 is four minutes, five seconds and a bit
      minute = hour;
      hour = 0;
    }
    return SetTime(hour, minute, second, TakeFraction());
  }

  CivilOutcome CompactTime(std::string_view digits) {
    if (digits.size() != 4 && digits.size() != 6) return CivilOutcome::kSyntax;
    int hour = 0;
    int minute = 0;
    int second = 0;
    ReadSmall(digits.substr(0, 2), hour);
    ReadSmall(digits.substr(2, 2), minute);
    if (digits.size() == 6) ReadSmall(digits.substr(4), second);
    return SetTime(hour, minute, second, digits.size() == 6 ? TakeFraction() : std::string_view{});
  }

  CivilOutcome SetTime(int hour, int minute, int second, std::string_view fraction) {
    out_.has_time = true;
    hour_ = hour;
    if (hour > 24 || minute > 59 || second > 60) return CivilOutcome::kFieldRange;
    below_hour_us_ = (minute * 60 + second) * int64_t{1'000'000} + FractionMicros(fraction);
    return hour == 24 && below_hour_us_ > 0 ? CivilOutcome::kFieldRange : CivilOutcome::kOk;
  }

  // After the sign: 5, 05, 0530, 05:30, 05:30:15.
  CivilOutcome OffsetField(bool negative) {
    if (out_.has_zone || !(out_.has_time || out_.has_date)) return CivilOutcome::kSyntax;
    const std::string_view digits = TakeDigits();
    int hour = 0;
    int minute = 0;
    int second = 0;
    int number = 0;
    if (digits.size() > 6) return CivilOutcome::kSyntax;
    ReadSmall(digits, number);
    if (digits.size() > 4) {
      hour = number / 10000;
      minute = number / 100 % 100;
      second = number % 100;
    } else {
      hour = digits.size() > 2 ? number / 100 : number;
      minute = digits.size() > 2 ? number % 100 : 0;
    }
    if (digits.size() <= 2 && Peek() == ':') {
      ++p_;
      if (!ReadSmall(TakeDigits(), minute)) return CivilOutcome::kSyntax;
      if (Peek() == ':') {
        ++p_;
        if (!ReadSmall(TakeDigits(), second)) return CivilOutcome::kSyntax;
      }
    }
    if (hour > 15 || minute > 59 || second > 59) return CivilOutcome::kZoneRange;
    return SetOffset((hour * 60 + minute) * 60 + second, negative);
  }

  CivilOutcome SetOffset(int seconds, bool negative) {
    out_.has_zone = true;
    out_.offset_seconds = negative ? -seconds : seconds;
    return CivilOutcome::kOk;
  }

  CivilOutcome WordField() {
    const char* first = p_;
    const std::string_view word = TakeWord();
    if (EqualsIgnoreCase(word, "t") && IsDigit(Peek()) && out_.has_date) return CivilOutcome::kOk;
    if (Peek() == '/' || Peek() == '_') return NamedZone(first);
    for (const NamedSpecial& entry : kSpecials) {
      if (EqualsIgnoreCase(word, entry.name)) return SetSpecial(entry.special);
    }
    for (const std::string_view day : kWeekdays) {
      if (EqualsIgnoreCase(word, day)) return CivilOutcome::kOk;
    }
    if (const NamedNumber* month = Find(kMonths, word); month != nullptr) {
      return SetMonth(month->number);
    }
    if (EqualsIgnoreCase(word, "am")) return SetMeridian(Meridian::kAm);
    if (EqualsIgnoreCase(word, "pm")) return SetMeridian(Meridian::kPm);
    if (EqualsIgnoreCase(word, "ad")) return CivilOutcome::kOk;
    if (EqualsIgnoreCase(word, "bc")) {
      before_christ_ = true;
      return CivilOutcome::kOk;
    }
    if (out_.has_zone || !(out_.has_date || out_.has_time)) return CivilOutcome::kSyntax;
    if (const NamedNumber* zone = Find(kZones, word); zone != nullptr) {
      return SetOffset(zone->number * 60, false);
    }
    return NamedZone(first);
  }

  CivilOutcome SetMonth(int month) {
    if (month_named_ || out_.has_date) return CivilOutcome::kSyntax;
    month_named_ = true;
    out_.month = month;
    return CivilOutcome::kOk;
  }

  CivilOutcome SetMeridian(Meridian meridian) {
    if (!out_.has_time || meridian_ != Meridian::kNone) return CivilOutcome::kSyntax;
    meridian_ = meridian;
    return CivilOutcome::kOk;
  }

  CivilOutcome NamedZone(const char* first) {
    if (out_.has_zone || !(out_.has_date || out_.has_time)) return CivilOutcome::kSyntax;
    while (p_ < end_ &&
           (IsAlpha(*p_) || IsDigit(*p_) || *p_ == '/' || *p_ == '_' || *p_ == '+' || *p_ == '-')) {
      ++p_;
    }
    const std::string_view name{first, static_cast<size_t>(p_ - first)};
    auto zone = FindTimeZone(name);
    if (!zone.ok()) {
      const bool is_path = name.find('/') != std::string_view::npos;
      return is_path ? CivilOutcome::kUnknownZone : CivilOutcome::kSyntax;
    }
    out_.has_zone = true;
    out_.zone = *zone;
    return CivilOutcome::kOk;
  }

  CivilOutcome End() {
    if (out_.special != SpecialTime::kNone) {
      const bool more = out_.has_date || out_.has_time || month_named_ || year_set_ || day_set_;
      return more ? CivilOutcome::kSyntax : CivilOutcome::kOk;
    }
    if (month_named_) {
      if (!day_set_ || !year_set_) return CivilOutcome::kSyntax;
      out_.has_date = true;
    }
    if ((year_set_ || day_set_) && !out_.has_date) return CivilOutcome::kSyntax;
    if (meridian_ != Meridian::kNone) {
      if (hour_ > 12) return CivilOutcome::kFieldRange;
      hour_ = hour_ % 12 + (meridian_ == Meridian::kPm ? 12 : 0);
    }
    out_.time_us = hour_ * int64_t{3'600'000'000} + below_hour_us_;
    return out_.has_date ? EndDate() : CivilOutcome::kOk;
  }

  CivilOutcome EndDate() {
    if (before_christ_) {
      if (out_.year == 0) return CivilOutcome::kFieldRange;
      out_.year = 1 - out_.year;
    } else if (short_year_) {
      out_.year += out_.year < 70 ? 2000 : 1900;
    } else if (out_.year == 0) {
      return CivilOutcome::kFieldRange;
    }
    if (out_.month < 1 || out_.month > 12 || out_.day < 1 ||
        out_.day > DaysInMonth(out_.year, out_.month)) {
      return CivilOutcome::kFieldRange;
    }
    return CivilOutcome::kOk;
  }

  const char* p_;
  const char* end_;
  bool time_only_;
  CivilText& out_;
  bool month_named_ = false;
  bool day_set_ = false;
  bool year_set_ = false;
  bool short_year_ = false;
  bool before_christ_ = false;
  Meridian meridian_ = Meridian::kNone;
  int hour_ = 0;
  int64_t below_hour_us_ = 0;
};

bool IsLeapYear(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

}  // namespace

CivilOutcome ReadCivil(std::string_view text, CivilText& out) {
  return CivilReader(text, false, out).Run();
}

CivilOutcome ReadTimeOfDay(std::string_view text, CivilText& out) {
  if (EqualsIgnoreCase(TrimSpace(text), "allballs")) text = "00:00:00+00";
  return CivilReader(text, true, out).Run();
}

int DaysInMonth(int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && IsLeapYear(year) ? 1 : 0);
}

// Counts from March, so that the leap day comes last: the days before month m are then
// (153 m + 2) / 5, and 400 years are 146,097 days.
int64_t DaysFromCivil(int64_t year, int month, int day) {
  const int64_t march_year = month > 2 ? year : year - 1;
  const int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
  const int64_t year_of_era = march_year - era * 400;
  const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

int64_t FractionMicros(std::string_view digits) {
  if (digits.size() > 6) {
    double fraction = 0;
    // The digits follow a point in the text, which is part of the number.
    std::from_chars(digits.data() - 1, digits.data() + digits.size(), fraction);
    return static_cast<int64_t>(std::rint(fraction * 1e6));
  }
  int64_t micros = 0;
  for (const char c : digits) micros = micros * 10 + (c - '0');
  for (size_t i = digits.size(); i < 6; ++i) micros *= 10;
  return micros;
}

}  // namespace varve::ingest
