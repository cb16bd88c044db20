// Writes numbers as PostgreSQL prints them.
//
// Role:     value_text -> [number text] -> the client.
// Layout:   floats: shortest digits that read back the same; fixed notation for a decimal exponent
//           in -4..14 (float8) or -4..5 (float4), else d.ddde+NN; NaN, Infinity, -Infinity.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <string>

namespace varve::server {

__extension__ using Int128 = __int128;

void AppendInteger(int64_t value, std::string& out);

// `extra_digits` is the setting extra_float_digits: above 0 the shortest form, else that many
// digits fewer than the type keeps.
void AppendFloat64(double value, int extra_digits, std::string& out);
void AppendFloat32(float value, int extra_digits, std::string& out);

// `unscaled` / 10^scale, with all `scale` digits after the point.
void AppendDecimal(Int128 unscaled, uint8_t scale, std::string& out);

}  // namespace varve::server
