// PostgreSQL's interval input: "1 year 2 mons -3 days 04:05:06.7", "@ 1 hour ago", "1-2", "P1DT2H".
#include <array>
#include <charconv>
#include <cmath>

#include "ingest/ascii.h"
#include "ingest/time_text.h"

namespace varve::ingest {
namespace {

enum class IntervalOutcome { kOk, kSyntax, kFieldRange, kRange };

enum class Unit {
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
};

struct UnitName {
  std::string_view name;
  Unit unit;
};

constexpr std::array kUnits = {
    UnitName{"us", Unit::kMicrosecond},
    UnitName{"usec", Unit::kMicrosecond},
    UnitName{"usecs", Unit::kMicrosecond},
    UnitName{"microsecond", Unit::kMicrosecond},
    UnitName{"microseconds", Unit::kMicrosecond},
    UnitName{"ms", Unit::kMillisecond},
    UnitName{"msec", Unit::kMillisecond},
    UnitName{"msecs", Unit::kMillisecond},
    UnitName{"millisecond", Unit::kMillisecond},
    UnitName{"milliseconds", Unit::kMillisecond},
    UnitName{"s", Unit::kSecond},
    UnitName{"sec", Unit::kSecond},
    UnitName{"secs", Unit::kSecond},
    UnitName{"second", Unit::kSecond},
    UnitName{"seconds", Unit::kSecond},
    UnitName{"m", Unit::kMinute},
    UnitName{"min", Unit::kMinute},
    UnitName{"mins", Unit::kMinute},
    UnitName{"minute", Unit::kMinute},
    UnitName{"minutes", Unit::kMinute},
    UnitName{"h", Unit::kHour},
    UnitName{"hr", Unit::kHour},
    UnitName{"hrs", Unit::kHour},
    UnitName{"hour", Unit::kHour},
    UnitName{"hours", Unit::kHour},
    UnitName{"d", Unit::kDay},
    UnitName{"day", Unit::kDay},
    UnitName{"days", Unit::kDay},
    UnitName{"w", Unit::kWeek},
    UnitName{"week", Unit::kWeek},
    UnitName{"weeks", Unit::kWeek},
    UnitName{"mon", Unit::kMonth},
    UnitName{"mons", Unit::kMonth},
    UnitName{"month", Unit::kMonth},
    UnitName{"months", Unit::kMonth},
    UnitName{"y", Unit::kYear},
    UnitName{"yr", Unit::kYear},
    UnitName{"yrs", Unit::kYear},
    UnitName{"year", Unit::kYear},
    UnitName{"years", Unit::kYear},
    UnitName{"dec", Unit::kDecade},
    UnitName{"decs", Unit::kDecade},
    UnitName{"decade", Unit::kDecade},
    UnitName{"decades", Unit::kDecade},
    UnitName{"c", Unit::kCentury},
    UnitName{"cent", Unit::kCentury},
    UnitName{"century", Unit::kCentury},
    UnitName{"centuries", Unit::kCentury},
    UnitName{"mil", Unit::kMillennium},
    UnitName{"mils", Unit::kMillennium},
    UnitName{"millennium", Unit::kMillennium},
    UnitName{"millennia", Unit::kMillennium},
};

struct Number {
  int64_t whole = 0;
  double fraction = 0;  // same sign as the number
  bool negative = false;
};

class IntervalReader {
 public:
  explicit IntervalReader(std::string_view text) : p_(text.data()), end_(p_ + text.size()) {}

  IntervalOutcome Run(Interval& out) {
    IntervalOutcome outcome = p_ != end_ && *p_ == 'P' ? Iso() : Fields();
    if (outcome != IntervalOutcome::kOk) return outcome;
    if (overflow_ || years_ != static_cast<int32_t>(years_)) return IntervalOutcome::kFieldRange;
    if (ago_) {
      months_ = -months_;
      days_ = -days_;
      if (__builtin_sub_overflow(int64_t{0}, micros_, &micros_))
        return IntervalOutcome::kFieldRange;
    }
    if (months_ != static_cast<int32_t>(months_)) return IntervalOutcome::kRange;
    if (days_ != static_cast<int32_t>(days_)) return IntervalOutcome::kFieldRange;
    out = {static_cast<int32_t>(months_), static_cast<int32_t>(days_), micros_};
    return IntervalOutcome::kOk;
  }

 private:
  void SkipSpace() {
    while (p_ < end_ && IsSpace(*p_)) ++p_;
  }
  char Peek(size_t ahead = 0) const {
    return static_cast<size_t>(end_ - p_) > ahead ? p_[ahead] : '\0';
  }

  // Adds value * factor, remembering an overflow for the end.
  void Accumulate(int64_t& sum, int64_t value, int64_t factor) {
    int64_t product = 0;
    overflow_ |= __builtin_mul_overflow(value, factor, &product);
    overflow_ |= __builtin_add_overflow(sum, product, &sum);
  }
  void AddMicros(double micros) {
    if (std::abs(micros) > 9e18) {
      overflow_ = true;
      return;
    }
    Accumulate(micros_, static_cast<int64_t>(std::rint(micros)), 1);
  }
  void AddDays(double days) {
    const double whole = std::trunc(days);
    Accumulate(days_, static_cast<int64_t>(whole), 1);
    AddMicros((days - whole) * 86'400e6);
  }

  // A fraction goes down to the next smaller unit: half a month is 15 days, half a day 12 hours.
  void Add(const Number& number, Unit unit) {
    switch (unit) {
      case Unit::kMicrosecond:
        return AddTime(number, 1);
      case Unit::kMillisecond:
        return AddTime(number, 1'000);
      case Unit::kSecond:
        return AddTime(number, 1'000'000);
      case Unit::kMinute:
        return AddTime(number, 60'000'000);
      case Unit::kHour:
        return AddTime(number, 3'600'000'000);
      case Unit::kDay:
        Accumulate(days_, number.whole, 1);
        return AddDays(number.fraction);
      case Unit::kWeek:
        Accumulate(days_, number.whole, 7);
        return AddDays(number.fraction * 7);
      case Unit::kMonth:
        Accumulate(months_, number.whole, 1);
        return AddDays(number.fraction * 30);
      case Unit::kYear:
        return AddYears(number, 1);
      case Unit::kDecade:
        return AddYears(number, 10);
      case Unit::kCentury:
        return AddYears(number, 100);
      case Unit::kMillennium:
        return AddYears(number, 1000);
    }
  }
  void AddTime(const Number& number, int64_t micros) {
    Accumulate(micros_, number.whole, micros);
    AddMicros(number.fraction * static_cast<double>(micros));
  }
  void AddYears(const Number& number, int64_t years) {
    Accumulate(years_, number.whole, years);
    Accumulate(months_, number.whole, 12 * years);
    const double months = std::rint(number.fraction * 12 * static_cast<double>(years));
    Accumulate(months_, static_cast<int64_t>(months), 1);
  }

  bool TakeNumber(Number& number) {
    number = Number{};
    number.negative = Peek() == '-';
    if (Peek() == '-' || Peek() == '+') ++p_;
    const char* first = p_;
    while (p_ < end_ && IsDigit(*p_)) {
      overflow_ |= __builtin_mul_overflow(number.whole, int64_t{10}, &number.whole);
      overflow_ |= __builtin_add_overflow(number.whole, int64_t{*p_++ - '0'}, &number.whole);
    }
    bool any = p_ != first;
    if (Peek() == '.') {
      const char* point = p_++;
      while (p_ < end_ && IsDigit(*p_)) ++p_;
      any |= p_ - point > 1;
      std::from_chars(point, p_, number.fraction);
    }
    if (number.negative) {
      number.whole = -number.whole;
      number.fraction = -number.fraction;
    }
    return any;
  }

  std::string_view TakeWord() {
    const char* first = p_;
    while (p_ < end_ && IsAlpha(*p_)) ++p_;
    return {first, static_cast<size_t>(p_ - first)};
  }

  IntervalOutcome Fields() {
    bool any = false;
    while (true) {
      SkipSpace();
      if (p_ == end_) return any ? IntervalOutcome::kOk : IntervalOutcome::kSyntax;
      if (*p_ == '@') {
        ++p_;
        continue;
      }
      if (IsAlpha(*p_)) {
        ago_ = any && EqualsIgnoreCase(TakeWord(), "ago");
        SkipSpace();
        return ago_ && p_ == end_ ? IntervalOutcome::kOk : IntervalOutcome::kSyntax;
      }
      Number number;
      if (!TakeNumber(number)) return IntervalOutcome::kSyntax;
      any = true;
      const IntervalOutcome outcome = AfterNumber(number);
      if (outcome != IntervalOutcome::kOk) return outcome;
    }
  }

  IntervalOutcome AfterNumber(const Number& number) {
    if (Peek() == ':') return Clock(number);
    if (Peek() == '-' && IsDigit(Peek(1)) && number.fraction == 0) return YearMonth(number);
    SkipSpace();
    if (p_ == end_) {
      Add(number, Unit::kSecond);
      return IntervalOutcome::kOk;
    }
    if (IsDigit(*p_) || *p_ == '+' || *p_ == '-') {  // "1 02:03:04": the first is days
      Add(number, Unit::kDay);
      const char* ahead = p_ + 1;
      while (ahead < end_ && IsDigit(*ahead)) ++ahead;
      return ahead < end_ && *ahead == ':' ? IntervalOutcome::kOk : IntervalOutcome::kSyntax;
    }
    const std::string_view word = TakeWord();
    for (const UnitName& entry : kUnits) {
      if (!EqualsIgnoreCase(word, entry.name)) continue;
      Add(number, entry.unit);
      return See(Bit(entry.unit)) ? IntervalOutcome::kOk : IntervalOutcome::kSyntax;
    }
    return IntervalOutcome::kSyntax;
  }

  static constexpr unsigned Bit(Unit unit) { return 1u << static_cast<unsigned>(unit); }
  // Each unit may stand once.
  bool See(unsigned units) {
    const bool is_new = (seen_ & units) == 0;
    seen_ |= units;
    return is_new;
  }

  // hh:mm[:ss[.f]], the sign holds for all of it; mm:ss.f when a point follows two fields.
  IntervalOutcome Clock(Number hours) {
    Number minutes;
    Number seconds;
    ++p_;
    if (!See(Bit(Unit::kHour) | Bit(Unit::kMinute) | Bit(Unit::kSecond))) {
      return IntervalOutcome::kSyntax;
    }
    if (!IsDigit(Peek()) || !TakeNumber(minutes)) return IntervalOutcome::kSyntax;
    if (Peek() == ':') {
      ++p_;
      if (!IsDigit(Peek()) || !TakeNumber(seconds)) return IntervalOutcome::kSyntax;
      if (minutes.fraction != 0) return IntervalOutcome::kSyntax;
    } else if (minutes.fraction != 0) {
      seconds = minutes;
      minutes = {std::abs(hours.whole), 0, false};
      hours.whole = 0;
    }
    if (minutes.whole > 59 || seconds.whole > 60) return IntervalOutcome::kFieldRange;
    const int64_t sign = hours.negative ? -1 : 1;
    Accumulate(micros_, hours.whole, 3'600'000'000);
    Accumulate(micros_, sign * minutes.whole, 60'000'000);
    Accumulate(micros_, sign * seconds.whole, 1'000'000);
    AddMicros(static_cast<double>(sign) * seconds.fraction * 1e6);
    return IntervalOutcome::kOk;
  }

  IntervalOutcome YearMonth(const Number& years) {
    ++p_;
    Number months;
    TakeNumber(months);
    if (months.whole > 11 || months.fraction != 0) return IntervalOutcome::kFieldRange;
    Accumulate(months_, years.whole, 12);
    Accumulate(months_, years.negative ? -months.whole : months.whole, 1);
    return IntervalOutcome::kOk;
  }

  IntervalOutcome Iso() {
    ++p_;
    bool time = false;
    if (p_ == end_) return IntervalOutcome::kSyntax;
    while (p_ != end_) {
      if (*p_ == 'T' && !time) {
        time = true;
        if (++p_ == end_) return IntervalOutcome::kSyntax;
      }
      Number number;
      if (!TakeNumber(number) || p_ == end_) return IntervalOutcome::kSyntax;
      const std::string_view letters = time ? "HMS" : "YMWD";
      constexpr std::array kDateUnits = {Unit::kYear, Unit::kMonth, Unit::kWeek, Unit::kDay};
      constexpr std::array kTimeUnits = {Unit::kHour, Unit::kMinute, Unit::kSecond};
      const size_t at = letters.find(*p_++);
      if (at == std::string_view::npos) return IntervalOutcome::kSyntax;
      Add(number, time ? kTimeUnits[at] : kDateUnits[at]);
    }
    return IntervalOutcome::kOk;
  }

  const char* p_;
  const char* end_;
  int64_t years_ = 0;  // part of months_, kept because it has a limit of its own
  int64_t months_ = 0;
  int64_t days_ = 0;
  int64_t micros_ = 0;
  unsigned seen_ = 0;
  bool overflow_ = false;
  bool ago_ = false;
};

}  // namespace

Status ReadInterval(std::string_view text, Interval& interval) {
  switch (IntervalReader(TrimSpace(text)).Run(interval)) {
    case IntervalOutcome::kOk:
      return OkStatus();
    case IntervalOutcome::kFieldRange:
      return SqlErrorf("22015", "interval field value out of range: \"{}\"", text);
    case IntervalOutcome::kRange:
      return SqlError(sqlstate::kDatetimeOverflow, "interval out of range");
    default:
      return SqlErrorf(sqlstate::kInvalidDatetimeFormat,
                       "invalid input syntax for type interval: \"{}\"", text);
  }
}

}  // namespace varve::ingest
