#include "lake/iso_time.h"

#include <fmt/format.h>

#include <chrono>

namespace varve::lake {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int32_t kFirstDay = -719'162;  // 0001-01-01
constexpr int32_t kLastDay = 2'932'896;  // 9999-12-31

int64_t FloorDiv(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// Takes exactly `count` digits off the front of `text`.
std::optional<int32_t> TakeDigits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int32_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool Take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int32_t> TakeDate(std::string_view& text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day || *year == 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return static_cast<int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

// Microseconds of ".123" and how many digits there were.
struct Fraction {
  int64_t micros = 0;
  int digits = 0;
};
std::optional<Fraction> TakeFraction(std::string_view& text) {
  Fraction fraction;
  if (!Take(text, '.')) return fraction;
  int64_t unit = 100'000;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    fraction.micros += (text.front() - '0') * unit;
    unit /= 10;
    ++fraction.digits;
    text.remove_prefix(1);
  }
  if (fraction.digits == 0) return std::nullopt;
  return fraction;
}

// Minutes east of UTC; takes all that is left.
std::optional<int32_t> TakeZone(std::string_view text) {
  if (text.empty() || text == "Z") return 0;
  const bool west = text.front() == '-';
  if (!west && text.front() != '+') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = TakeDigits(text, 2);
  if (!hours || *hours > 18) return std::nullopt;
  int32_t minutes = 0;
  if (!text.empty()) {
    Take(text, ':');
    const auto rest = TakeDigits(text, 2);
    if (!rest || *rest > 59 || !text.empty()) return std::nullopt;
    minutes = *rest;
  }
  const int32_t east = *hours * 60 + minutes;
  return west ? -east : east;
}

}  // namespace

std::optional<std::string> FormatDate(int32_t days) {
  if (days < kFirstDay || days > kLastDay) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<int32_t> ParseDate(std::string_view text) {
  const auto days = TakeDate(text);
  return text.empty() ? days : std::nullopt;
}

std::optional<std::string> FormatMicros(int64_t micros) {
  const int64_t days = FloorDiv(micros, kMicrosPerDay);
  if (days < kFirstDay || days > kLastDay) return std::nullopt;
  const std::optional<std::string> date = FormatDate(static_cast<int32_t>(days));
  if (!date) return std::nullopt;
  const int64_t of_day = micros - days * kMicrosPerDay;
  const int64_t seconds = of_day / 1'000'000;
  return fmt::format("{}T{:02}:{:02}:{:02}.{:06}Z", *date, seconds / 3600, seconds / 60 % 60,
                     seconds % 60, of_day % 1'000'000);
}

std::optional<std::string> FormatMillis(int64_t micros, Rounding rounding) {
  int64_t millis = FloorDiv(micros, 1000);
  if (rounding == Rounding::kUp && millis * 1000 != micros) ++millis;
  if (millis > INT64_MAX / 1000 || millis < INT64_MIN / 1000) return std::nullopt;
  std::optional<std::string> text = FormatMicros(millis * 1000);
  if (text) text->erase(text->size() - 4, 3);  // "123000Z" -> "123Z"
  return text;
}

std::optional<Instant> ParseInstant(std::string_view text) {
  const auto days = TakeDate(text);
  if (!days || (!Take(text, 'T') && !Take(text, ' '))) return std::nullopt;
  const auto hours = TakeDigits(text, 2);
  if (!hours || *hours > 23 || !Take(text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(text, 2);
  if (!minutes || *minutes > 59 || !Take(text, ':')) return std::nullopt;
  const auto seconds = TakeDigits(text, 2);
  if (!seconds || *seconds > 59) return std::nullopt;
  const auto fraction = TakeFraction(text);
  if (!fraction) return std::nullopt;
  const auto zone = TakeZone(text);
  if (!zone) return std::nullopt;
  const int64_t since_midnight = (*hours * 60 + *minutes - *zone) * int64_t{60} + *seconds;
  return Instant{*days * kMicrosPerDay + since_midnight * 1'000'000 + fraction->micros,
                 fraction->digits <= 3 ? 999 : 0};
}

}  // namespace varve::lake
