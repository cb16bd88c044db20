// Names the DuckDB that the code was written against, whose C++ API is private to each version.
#pragma once

#include <string_view>

namespace varve::engine {

// The engine refuses to start on another library. tools/setup.sh pins library and headers.
inline constexpr std::string_view kDuckDbVersion = "v1.5.6";

}  // namespace varve::engine
