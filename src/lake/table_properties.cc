#include "lake/table_properties.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

namespace varve::lake {
namespace {

struct Unit {
  std::string_view name;
  int64_t us;
};
constexpr Unit kUnits[] = {
    {"microsecond", 1},        {"millisecond", 1'000},  {"second", 1'000'000},
    {"minute", 60'000'000},    {"hour", 3'600'000'000}, {"day", 86'400'000'000},
    {"week", 604'800'000'000},
};
// A thousand years: far enough from the end of the numbers to calculate with.
constexpr int64_t kLongestUs = int64_t{1000} * 366 * 86'400'000'000;

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<int64_t> UnitUs(std::string_view name) {
  if (name.ends_with('s')) name.remove_suffix(1);
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return unit.us;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> ParseInterval(std::string_view text) {
  std::vector<std::string> words = Words(text);
  if (!words.empty() && words.front() == "interval") words.erase(words.begin());
  if (words.empty() || words.size() % 2 != 0) return std::nullopt;
  int64_t total = 0;
  for (size_t i = 0; i < words.size(); i += 2) {
    const auto number = Number(words[i]);
    const auto unit = UnitUs(words[i + 1]);
    if (!number || !unit) return std::nullopt;
    if (*number > kLongestUs / *unit) return kLongestUs;
    total = std::min(total + *number * *unit, kLongestUs);
  }
  return total;
}

TableProperties ReadProperties(
    const std::map<std::string, std::string, std::less<>>& configuration) {
  const auto find = [&](std::string_view key) -> std::optional<std::string_view> {
    const auto at = configuration.find(key);
    if (at == configuration.end()) return std::nullopt;
    return at->second;
  };
  TableProperties properties;
  if (const auto text = find("delta.logRetentionDuration")) {
    properties.log_retention_us = ParseInterval(*text).value_or(properties.log_retention_us);
  }
  if (const auto text = find("delta.deletedFileRetentionDuration")) {
    properties.deleted_file_retention_us =
        ParseInterval(*text).value_or(properties.deleted_file_retention_us);
  }
  if (const auto text = find("delta.enableExpiredLogCleanup")) {
    properties.clean_log = *text != "false";
  }
  if (const auto text = find("delta.checkpointInterval")) {
    const auto number = Number(*text);
    if (number && *number > 0) properties.checkpoint_interval = *number;
  }
  return properties;
}

}  // namespace varve::lake
