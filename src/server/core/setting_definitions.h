// Lists the run-time settings that the server knows, with what each accepts.
//
// Role:     settings -> [definitions]: one row per setting, nothing else knows a name's rules.
// Threads:  constant data and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::server {

enum class SettingKind {
  kText,      // any text
  kBool,      // on, off and PostgreSQL's other words
  kInteger,   // minimum..maximum
  kDuration,  // milliseconds, or a number with a unit
  kChoice,    // one of `choices`, separated by '|'
  kOnly,      // the default only: another value is PostgreSQL's, but cannot be honoured
  kFixed,     // cannot be changed at all
  kTimeZone,
  kDateStyle,
  kEncoding,
};

struct SettingDefinition {
  std::string_view name;  // as PostgreSQL spells it
  SettingKind kind;
  std::string_view initial;
  bool reported = false;
  std::string_view choices = {};
  int64_t minimum = 0;
  int64_t maximum = INT32_MAX;
  std::string_view description = {};
};

std::span<const SettingDefinition> AllSettings();
// By name in any case; nullptr when there is none.
const SettingDefinition* FindSetting(std::string_view name);

// The value as it is kept and shown; 22023, 0A000 or 55P02.
Result<std::string> CanonicalValue(const SettingDefinition& setting, std::string_view value);
// Milliseconds of "1500", "5s", "2min"; nullopt when it is none.
std::optional<int64_t> ParseDurationMs(std::string_view text);

}  // namespace varve::server
