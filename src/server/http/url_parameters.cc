#include "server/http/url_parameters.h"

#include <charconv>

namespace varve::server {

Result<int64_t> NumberOf(std::string_view name, std::string_view text, int64_t min, int64_t max) {
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (is_number && number >= min && number <= max) return number;
  return InvalidArgument("{}: must be a whole number from {} to {}: \"{}\"", name, min, max, text);
}

Result<std::optional<int64_t>> NumberOf(const Parameters& parameters, std::string_view name,
                                        int64_t min, int64_t max) {
  std::optional<int64_t> number;
  for (const auto& [key, value] : parameters) {
    if (key != name) continue;
    if (number) return InvalidArgument("{}: is there twice", name);
    VARVE_ASSIGN_OR_RETURN(number, NumberOf(name, value, min, max));
  }
  return number;
}

std::string_view ValueOf(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

Result<ring::MetricId> MetricIdOf(std::string_view text) {
  VARVE_ASSIGN_OR_RETURN(const int64_t id, NumberOf("metric id", text, 1, UINT32_MAX));
  return ring::MetricId(static_cast<uint32_t>(id));
}

}  // namespace varve::server
