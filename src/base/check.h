// Stops the process when an invariant is broken: crash before corrupt.
//
// Role:     VARVE_CHECK stays on in release and guards bytes about to be stored or acknowledged;
//           VARVE_DCHECK is for hot loops and is off when NDEBUG is defined. Never for bytes that
//           came from disk, network or users: those get a Status.
#pragma once

namespace varve::internal {
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);
}  // namespace varve::internal

#define VARVE_CHECK(condition)                       \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::varve::internal::CheckFailed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define VARVE_DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define VARVE_DCHECK(condition) VARVE_CHECK(condition)
#endif
