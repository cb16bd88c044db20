#include "config/log_sync.h"

#include <charconv>

namespace varve::config {
namespace {

constexpr int64_t kIntervalMsMax = 60'000;
constexpr std::string_view kIntervalPrefix = "interval:";

}  // namespace

Result<LogSync> LogSync::Parse(std::string_view text) {
  if (text == "always") return LogSync{Mode::kAlways, {}};
  if (text == "off") return LogSync{Mode::kOff, {}};
  if (text.starts_with(kIntervalPrefix)) {
    const std::string_view digits = text.substr(kIntervalPrefix.size());
    int64_t ms = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ms);
    if (error == std::errc() && end == digits.data() + digits.size() && ms >= 1 &&
        ms <= kIntervalMsMax) {
      return LogSync{Mode::kInterval, std::chrono::milliseconds(ms)};
    }
  }
  return InvalidArgument("not always, interval:MS (1 to {}) or off: \"{}\"", kIntervalMsMax, text);
}

}  // namespace varve::config
