#include "main/descriptor_limit.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace varve {
namespace {

// Containers may have a hard limit of a billion, and libraries a table of that size.
constexpr rlim_t kDescriptorsMax = 1u << 20;

}  // namespace

uint64_t RaiseDescriptorLimit(uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    spdlog::warn("the limit of open files is not known: {}",
                 std::generic_category().message(errno));
    return 0;
  }
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = std::max(before, std::min(limit.rlim_max, kDescriptorsMax));
  if (limit.rlim_cur != before && setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  if (limit.rlim_cur < wanted) {
    spdlog::warn(
        "at most {} files can be open, and the connections that are allowed may need {}: raise the "
        "hard limit (ulimit -Hn, LimitNOFILE) or lower max-connections and http-connections-max",
        limit.rlim_cur, wanted);
  }
  return limit.rlim_cur;
}

}  // namespace varve
