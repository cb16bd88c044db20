#include "ingest/number_text.h"

#include <array>
#include <charconv>
#include <system_error>

namespace varve::ingest {
namespace {

constexpr std::array<Int128, 39> kPowers = [] {
  std::array<Int128, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

template <typename T>
bool ReadSpecial(std::string_view text, bool negative, T& value) {
  if (EqualsIgnoreCase(text, "nan")) {
    value = std::numeric_limits<T>::quiet_NaN();
    return true;
  }
  if (EqualsIgnoreCase(text, "infinity") || EqualsIgnoreCase(text, "inf")) {
    value = std::numeric_limits<T>::infinity();
    if (negative) value = -value;
    return true;
  }
  return false;
}

template <typename T>
NumberOutcome ReadFloatAs(std::string_view text, T& value) {
  text = TrimSpace(text);
  const bool negative = !text.empty() && text.front() == '-';
  std::string_view digits = text;
  if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) digits.remove_prefix(1);
  if (digits.empty()) return NumberOutcome::kSyntax;
  if (!IsDigit(digits.front()) && digits.front() != '.') {
    return ReadSpecial(digits, negative, value) ? NumberOutcome::kOk : NumberOutcome::kSyntax;
  }
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return NumberOutcome::kSyntax;
  }
  if (error == std::errc::result_out_of_range) return NumberOutcome::kRange;
  if (negative) value = -value;
  return NumberOutcome::kOk;
}

// A decimal number taken apart: digits without the point, and where the point stands.
struct Digits {
  std::string_view whole;
  std::string_view fraction;
  int exponent = 0;
  bool negative = false;
};

std::string_view TakeDigits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && IsDigit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool TakeApart(std::string_view text, Digits& out) {
  out.negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  out.whole = TakeDigits(text);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    out.fraction = TakeDigits(text);
  }
  if (out.whole.empty() && out.fraction.empty()) return false;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    if (ReadInteger(text, out.exponent) != NumberOutcome::kOk || IsSpace(text.front())) {
      return false;
    }
    text = {};
  }
  return text.empty();
}

// The first `keep` of `total` digits as a number, filled up with zeros or rounded half away from
// zero; false when that is 10^precision or more.
template <typename DigitAt>
bool Scale(int64_t total, int64_t keep, int precision, DigitAt digit_at, Int128& magnitude) {
  const Int128 limit = PowerOfTen(precision);
  magnitude = 0;
  for (int64_t i = 0; i < keep; ++i) {
    if (i >= total && magnitude == 0) break;
    if (magnitude >= limit / 10) return false;  // before the product, which may not fit
    magnitude = magnitude * 10 + (i < total ? digit_at(i) : 0);
  }
  if (keep >= 0 && keep < total && digit_at(keep) >= 5) ++magnitude;
  return magnitude < limit;
}

uint16_t ReadU16(const char* p) {
  return static_cast<uint16_t>(static_cast<uint8_t>(p[0]) << 8 | static_cast<uint8_t>(p[1]));
}

}  // namespace

Int128 PowerOfTen(int digits) { return kPowers[static_cast<size_t>(digits)]; }

NumberOutcome ReadFloat(std::string_view text, double& value) { return ReadFloatAs(text, value); }

NumberOutcome ReadFloat(std::string_view text, float& value) { return ReadFloatAs(text, value); }

NumberOutcome ReadDecimal(std::string_view text, int precision, int scale, Int128& value) {
  text = TrimSpace(text);
  Digits digits;
  if (!TakeApart(text, digits)) {
    double special = 0;
    return ReadFloatAs(text, special) == NumberOutcome::kOk ? NumberOutcome::kRange
                                                            : NumberOutcome::kSyntax;
  }
  const auto digit_at = [&digits](int64_t i) -> int {
    const auto at = static_cast<size_t>(i);
    const size_t whole = digits.whole.size();
    return (at < whole ? digits.whole[at] : digits.fraction[at - whole]) - '0';
  };
  Int128 magnitude = 0;
  if (!Scale(static_cast<int64_t>(digits.whole.size() + digits.fraction.size()),
             static_cast<int64_t>(digits.whole.size()) + digits.exponent + scale, precision,
             digit_at, magnitude)) {
    return NumberOutcome::kRange;
  }
  value = digits.negative ? -magnitude : magnitude;
  return NumberOutcome::kOk;
}

NumberOutcome ReadBinaryNumeric(std::string_view bytes, int precision, int scale, Int128& value) {
  constexpr size_t kHeader = 8;
  if (bytes.size() < kHeader) return NumberOutcome::kSyntax;
  const size_t count = ReadU16(bytes.data());
  const int weight = static_cast<int16_t>(ReadU16(bytes.data() + 2));
  const uint16_t sign = ReadU16(bytes.data() + 4);
  if (sign == 0xC000 || sign == 0xD000 || sign == 0xF000) return NumberOutcome::kRange;
  if (bytes.size() != kHeader + count * 2 || (sign != 0 && sign != 0x4000)) {
    return NumberOutcome::kSyntax;
  }
  for (size_t i = 0; i < count; ++i) {
    if (ReadU16(bytes.data() + kHeader + i * 2) > 9999) return NumberOutcome::kSyntax;
  }
  // Each base-10000 digit is four decimal ones; weight says how many of them stand before the
  // point.
  const auto digit_at = [bytes](int64_t i) -> int {
    constexpr std::array<int, 4> kDivisors = {1000, 100, 10, 1};
    const int group = ReadU16(bytes.data() + kHeader + static_cast<size_t>(i / 4) * 2);
    return group / kDivisors[static_cast<size_t>(i % 4)] % 10;
  };
  Int128 magnitude = 0;
  if (!Scale(static_cast<int64_t>(count) * 4, (int64_t{weight} + 1) * 4 + scale, precision,
             digit_at, magnitude)) {
    return NumberOutcome::kRange;
  }
  value = sign != 0 ? -magnitude : magnitude;
  return NumberOutcome::kOk;
}

}  // namespace varve::ingest
