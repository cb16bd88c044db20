// Says which names an object may have.
#pragma once

#include <string_view>

#include "base/status.h"

namespace varve::io {

inline constexpr size_t kNameBytesMax = 4000;

// InvalidArgument unless it is a plain relative path: parts that are not empty, "." or ".."; no NUL
// byte; at most kNameBytesMax bytes.
Status CheckObjectName(std::string_view name);

}  // namespace varve::io
