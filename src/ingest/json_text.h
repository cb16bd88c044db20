// Checks that a text is JSON as jsonb takes it: RFC 8259, any number, no \u0000, sound surrogates.
//
// Role:     value_text, value_binary -> [CheckJson]. A parser that builds values would refuse
//           numbers that a double cannot hold; jsonb keeps them.
// Limits:   kJsonDepthMax open brackets.
// Errors:   22P02 not JSON, 22P05 \u0000, 54001 too deep; the detail says where.
// Threads:  no shared state.
#pragma once

#include <string_view>

#include "base/status.h"

namespace varve::ingest {

inline constexpr size_t kJsonDepthMax = 6000;

// `text` is valid UTF-8 (checked by the caller).
Status CheckJson(std::string_view text);

}  // namespace varve::ingest
