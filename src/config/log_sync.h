// Says when a commit of the log counts as durable, and reads it from an option's text.
//
// Role:     option log-sync -> [LogSync] -> log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace varve::config {

// After its own fdatasync (always); when the system has it, with an fdatasync at most `interval`
// later; or when the system has it (off). A crash of the process alone loses nothing in any mode.
struct LogSync {
  enum class Mode : uint8_t { kAlways, kInterval, kOff };
  Mode mode = Mode::kAlways;
  std::chrono::milliseconds interval{0};  // kInterval only

  // "always", "interval:MS" with MS in 1..60000, "off"; InvalidArgument for anything else.
  static Result<LogSync> Parse(std::string_view text);
};

}  // namespace varve::config
