// Passes on the text of a json value so that any reader of JSON takes it.
//
// Role:     DuckDB's json, which may hold NaN and Infinity, or no JSON at all -> [AppendStrictJson]
//           -> RFC 8259.
// Layout:   as it is, but null for NaN, infinities and numbers beyond a double, and U+FFFD for half
//           of a surrogate pair. Text that is no JSON, or nested deeper than kAnswerDepthMax,
//           becomes a string.
// Threads:  no shared state.
#pragma once

#include <string>
#include <string_view>

namespace varve::server {

void AppendStrictJson(std::string_view text, std::string& out);

}  // namespace varve::server
