// Translates numbers between decimal text and the binary wire format of numeric.
//
// Layout:   digits:i16 | weight:i16 | sign:u16 | scale:i16 | digit:i16 each. A digit is base 10000,
//           the first one counts 10000^weight; zero digits at both ends are left out. Signs: 0000
//           +, 4000 -, C000 NaN, D000 Infinity, F000 -Infinity.
// Errors:   22P03 for what is no number; out of what the format can hold: 22003.
// Threads:  no shared state.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::server::pg {

// `text`: "-12.340", "1e5", "NaN", "Infinity", "-Infinity". The text's digits after the point
// become the scale.
Status AppendNumericBinary(std::string_view text, std::string& out);

Result<std::string> NumericTextOf(std::string_view bytes);

}  // namespace varve::server::pg
