// Reads numbers as PostgreSQL's input functions spell them, without allocation.
//
// Role:     value_text, value_binary, literals -> these functions. White space around a number is
//           allowed, nothing else is.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "ingest/ascii.h"

namespace varve::ingest {

__extension__ using Int128 = __int128;

enum class NumberOutcome { kOk, kSyntax, kRange };

template <typename T>
NumberOutcome ReadInteger(std::string_view text, T& value) {
  const char* p = text.data();
  const char* end = p + text.size();
  while (p < end && IsSpace(*p)) ++p;
  while (p < end && IsSpace(end[-1])) --end;
  const bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) ++p;
  if (p == end) return NumberOutcome::kSyntax;
  uint64_t magnitude = 0;
  bool overflow = false;
  for (; p < end; ++p) {
    const auto digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) return NumberOutcome::kSyntax;
    overflow |= __builtin_mul_overflow(magnitude, uint64_t{10}, &magnitude);
    overflow |= __builtin_add_overflow(magnitude, uint64_t{digit}, &magnitude);
  }
  const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<T>::max()) + (negative ? 1 : 0);
  if (overflow || magnitude > limit) return NumberOutcome::kRange;
  value = static_cast<T>(negative ? uint64_t{0} - magnitude : magnitude);
  return NumberOutcome::kOk;
}

// Overflow, and underflow to zero, are kRange as in PostgreSQL.
NumberOutcome ReadFloat(std::string_view text, double& value);
NumberOutcome ReadFloat(std::string_view text, float& value);

// The number times 10^scale, rounded half away from zero. kRange when it needs more than
// `precision` digits; NaN and infinities are kRange as well, because the column cannot hold them.
NumberOutcome ReadDecimal(std::string_view text, int precision, int scale, Int128& value);

// The same of PostgreSQL's binary form: counts and sign, then digits of base 10,000.
NumberOutcome ReadBinaryNumeric(std::string_view bytes, int precision, int scale, Int128& value);

// 10^digits for digits 0..38.
Int128 PowerOfTen(int digits);

}  // namespace varve::ingest
