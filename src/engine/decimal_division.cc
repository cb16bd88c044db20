#include "engine/decimal_division.h"

#include <array>

#include "base/check.h"

namespace varve::engine {
namespace {

constexpr int kDigitsMax = 38;

constexpr std::array<Int128, kDigitsMax + 1> MakePowers() {
  std::array<Int128, kDigitsMax + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr auto kPowers = MakePowers();

UInt128 Magnitude(Int128 value) {
  return value < 0 ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
}

// floor(rest * 10 / divisor) by addition, because rest * 10 may not fit 128 bits; leaves the new
// rest.
int NextDigit(UInt128& rest, UInt128 divisor) {
  int digit = 0;
  UInt128 sum = 0;
  for (int i = 0; i < 10; ++i) {
    sum += rest;  // both below divisor <= 10^38 < 2^127
    if (sum >= divisor) {
      sum -= divisor;
      ++digit;
    }
  }
  rest = sum;
  return digit;
}

// Long division for what does not fit: one decimal digit at a time. False beyond 38 digits.
bool DivideLong(UInt128 value, UInt128 divisor, int digits, UInt128& quotient, UInt128& rest) {
  quotient = value / divisor;
  rest = value % divisor;
  const auto limit = static_cast<UInt128>(kPowers[kDigitsMax]);
  for (int i = 0; i < digits; ++i) {
    const int digit = NextDigit(rest, divisor);
    if (quotient >= limit / 10) return false;
    quotient = quotient * 10 + static_cast<UInt128>(digit);
  }
  return true;
}

}  // namespace

Int128 PowerOfTen(int digits) {
  VARVE_CHECK(digits >= 0 && digits <= kDigitsMax);
  return kPowers[static_cast<size_t>(digits)];
}

bool DivideRounded(Int128 value, Int128 divisor, int digits, Int128& result) {
  VARVE_DCHECK(divisor != 0);
  const bool negative = (value < 0) != (divisor < 0);
  UInt128 dividend = Magnitude(value);
  UInt128 by = Magnitude(divisor);
  if (digits < 0) {
    // A divisor beyond 38 digits exceeds every dividend by more than a factor of two only when it
    // is beyond 2 * 10^38; the rounding of a smaller one is decided below.
    const int extra = -digits;
    if (extra > kDigitsMax ||
        __builtin_mul_overflow(by, static_cast<UInt128>(PowerOfTen(extra)), &by)) {
      result = 0;
      return true;
    }
    digits = 0;
  }
  UInt128 quotient = 0;
  UInt128 rest = 0;
  UInt128 scaled = 0;
  if (digits <= kDigitsMax &&
      !__builtin_mul_overflow(dividend, static_cast<UInt128>(PowerOfTen(digits)), &scaled)) {
    quotient = scaled / by;
    rest = scaled % by;
  } else if (!DivideLong(dividend, by, digits, quotient, rest)) {
    return false;
  }
  if (rest >= by - rest) ++quotient;
  if (quotient >= static_cast<UInt128>(kPowers[kDigitsMax])) return false;
  result = negative ? -static_cast<Int128>(quotient) : static_cast<Int128>(quotient);
  return true;
}

}  // namespace varve::engine
