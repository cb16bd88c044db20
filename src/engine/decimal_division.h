// Divides wide decimals exactly, as PostgreSQL's numeric does for the digits that are kept.
//
// Role:     pg_arithmetic, pg_aggregates -> [DivideRounded].
// Units:    values are integers scaled by a power of ten; |value| < 10^38 (duckdb's widest
//           DECIMAL).
// Threads:  pure functions.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

inline Int128 ToInt128(const duckdb::hugeint_t& value) {
  return static_cast<Int128>((static_cast<UInt128>(static_cast<uint64_t>(value.upper)) << 64) |
                             value.lower);
}

inline duckdb::hugeint_t ToHugeint(Int128 value) {
  duckdb::hugeint_t result{};
  result.lower = static_cast<uint64_t>(value);
  result.upper = static_cast<int64_t>(value >> 64);
  return result;
}

// 10^digits for 0 <= digits <= 38.
Int128 PowerOfTen(int digits);

// value * 10^digits / divisor, rounded half away from zero; `digits` may be negative. False when
// the result does not fit 38 digits. `divisor` is not 0.
bool DivideRounded(Int128 value, Int128 divisor, int digits, Int128& result);

}  // namespace varve::engine
