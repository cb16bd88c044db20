// Turns errno into a Status that names the call, the path and the system's reason.
//
// Role:     every file of io/posix -> [ErrnoStatus].
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::io {

// `error` is errno right after the failed call: ENOENT -> NotFound, EEXIST -> AlreadyExists,
// ENOSPC and EDQUOT -> 53100, anything else -> Unavailable (58030).
Status ErrnoStatus(std::string_view call, const std::string& path, int error);

}  // namespace varve::io
