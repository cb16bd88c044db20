// Runs independent pieces of work a few at a time and stops at the first error.
#pragma once

#include <cstddef>
#include <functional>

#include "base/status.h"

namespace varve::io {

// Calls work(i) for each i in [0, count) on up to `threads` threads, the caller's among them. After
// an error no further piece begins; returns the error of the lowest i that failed.
Status RunParallel(size_t count, size_t threads, const std::function<Status(size_t)>& work);

}  // namespace varve::io
