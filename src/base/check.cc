#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace varve::internal {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "fatal: invariant broken: %s at %s:%d\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace varve::internal
