#include "base/fault_point.h"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace varve {
namespace {

struct ArmedFault {
  std::string name;
  long hits_left = 0;

  ArmedFault() {
    const char* spec = std::getenv("VARVE_FAULT");
    if (spec == nullptr) return;
    const std::string_view text(spec);
    const size_t colon = text.rfind(':');
    name = text.substr(0, colon);
    hits_left = 1;
    if (colon == std::string_view::npos) return;
    const std::string_view count = text.substr(colon + 1);
    std::from_chars(count.data(), count.data() + count.size(), hits_left);
  }
};

const ArmedFault& Armed() {
  static const ArmedFault fault;
  return fault;
}

}  // namespace

bool FaultPointsArmed() {
  static const bool armed = !Armed().name.empty();
  return armed;
}

void HitFaultPoint(const char* name) {
  static std::atomic<long> left{Armed().hits_left};
  if (Armed().name != name) return;
  // SIGKILL, not abort(): nothing may run between the fault and the end, as in a real crash.
  if (left.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace varve
