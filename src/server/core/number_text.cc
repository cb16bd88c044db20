#include "server/core/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

namespace varve::server {
namespace {

// Lays out digits d1d2d3... with a decimal exponent (value = d1.d2d3... x 10^exponent).
void AppendDigits(std::string_view digits, int exponent, int fixed_exponent_max, std::string& out) {
  if (exponent < -4 || exponent > fixed_exponent_max) {
    out += digits[0];
    if (digits.size() > 1) out.append(".").append(digits.substr(1));
    fmt::format_to(std::back_inserter(out), "e{:+03d}", exponent);
    return;
  }
  if (exponent < 0) {
    out.append("0.").append(static_cast<size_t>(-exponent - 1), '0').append(digits);
    return;
  }
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    out.append(digits).append(whole - digits.size(), '0');
  } else {
    out.append(digits.substr(0, whole)).append(".").append(digits.substr(whole));
  }
}

template <typename T>
bool AppendSpecial(T value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else {
    return false;
  }
  return true;
}

template <typename T>
void AppendFloat(T value, int extra_digits, std::string& out) {
  if (AppendSpecial(value, out)) return;
  if (std::signbit(value)) out += '-';
  value = std::fabs(value);
  if (value == 0) {
    out += '0';
    return;
  }
  const int digits10 = std::numeric_limits<T>::digits10;
  if (extra_digits <= 0) {
    // C's %g with a given precision has PostgreSQL's layout already.
    fmt::format_to(std::back_inserter(out), "{:.{}g}", value, std::max(1, digits10 + extra_digits));
    return;
  }
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
  const std::string_view scientific(text, static_cast<size_t>(end.ptr - text));
  const size_t e = scientific.find('e');
  int exponent = 0;
  const size_t exponent_at = e + (scientific[e + 1] == '+' ? 2 : 1);
  std::from_chars(text + exponent_at, end.ptr, exponent);
  char digits[40];
  size_t count = 0;
  for (char c : scientific.substr(0, e)) {
    if (c != '.') digits[count++] = c;
  }
  AppendDigits({digits, count}, exponent, digits10 - 1, out);
}

}  // namespace

void AppendInteger(int64_t value, std::string& out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof(text), value);
  out.append(text, static_cast<size_t>(end.ptr - text));
}

void AppendFloat64(double value, int extra_digits, std::string& out) {
  AppendFloat(value, extra_digits, out);
}

void AppendFloat32(float value, int extra_digits, std::string& out) {
  AppendFloat(value, extra_digits, out);
}

void AppendDecimal(Int128 unscaled, uint8_t scale, std::string& out) {
  __extension__ using Unsigned = unsigned __int128;
  Unsigned magnitude = static_cast<Unsigned>(unscaled);
  if (unscaled < 0) {
    out += '-';
    magnitude = Unsigned{0} - magnitude;
  }
  char digits[48];
  char* const end = digits + sizeof(digits);
  char* begin = end;
  // At least one digit before the point: 0.05, not .05.
  while (magnitude != 0 || end - begin <= scale) {
    *--begin = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  }
  const size_t whole = static_cast<size_t>(end - begin) - scale;
  out.append(begin, whole);
  if (scale > 0) out.append(".").append(begin + whole, scale);
}

}  // namespace varve::server
