#include "server/core/setting_definitions.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>

#include <array>
#include <charconv>

#include "ingest/decode_settings.h"

namespace varve::server {
namespace {

using Kind = SettingKind;

constexpr std::string_view kIsolationLevels =
    "serializable|repeatable read|read committed|read uncommitted";

constexpr SettingDefinition kSettings[] = {
    {"application_name", Kind::kText, "", true, {}, 0, 0, "Name of the client program."},
    {"bytea_output", Kind::kChoice, "hex", false, "hex|escape", 0, 0, "Text form of bytea."},
    {"client_encoding", Kind::kEncoding, "UTF8", true, {}, 0, 0, "Encoding of the client's text."},
    {"client_min_messages", Kind::kChoice, "notice", false,
     "debug5|debug4|debug3|debug2|debug1|log|notice|warning|error", 0, 0,
     "Least severity of the notices that are sent."},
    {"DateStyle", Kind::kDateStyle, "ISO, MDY", true, {}, 0, 0, "Text form of dates and times."},
    {"default_transaction_deferrable",
     Kind::kOnly,
     "off",
     false,
     {},
     0,
     0,
     "Whether new transactions are deferrable."},
    {"default_transaction_isolation", Kind::kOnly, "read committed", false, kIsolationLevels, 0, 0,
     "Isolation of new transactions."},
    {"default_transaction_read_only",
     Kind::kBool,
     "off",
     true,
     {},
     0,
     0,
     "Whether new transactions are read-only."},
    {"extra_float_digits",
     Kind::kInteger,
     "1",
     false,
     {},
     -15,
     3,
     "Above 0: shortest exact text of floats; else so many digits fewer."},
    {"idle_in_transaction_session_timeout",
     Kind::kDuration,
     "0",
     false,
     {},
     0,
     INT32_MAX,
     "Longest idle time in a transaction; 0: none."},
    {"idle_session_timeout",
     Kind::kDuration,
     "0",
     false,
     {},
     0,
     INT32_MAX,
     "Longest idle time outside a transaction; 0: none."},
    {"in_hot_standby", Kind::kFixed, "off", true, {}, 0, 0, "Whether this is a standby."},
    {"integer_datetimes", Kind::kFixed, "on", true, {}, 0, 0, "Times are 64-bit integers."},
    {"IntervalStyle", Kind::kOnly, "postgres", true, {}, 0, 0, "Text form of intervals."},
    {"is_superuser", Kind::kFixed, "off", true, {}, 0, 0, "Whether the user is a superuser."},
    {"jit", Kind::kOnly, "off", false, {}, 0, 0, "Just-in-time compilation."},
    {"lc_collate", Kind::kFixed, "C", false, {}, 0, 0, "Order of text."},
    {"lc_ctype", Kind::kFixed, "C.UTF-8", false, {}, 0, 0, "Classes of characters."},
    {"lc_messages", Kind::kOnly, "C", false, {}, 0, 0, "Language of messages."},
    {"lc_monetary", Kind::kOnly, "C", false, {}, 0, 0, "Form of amounts of money."},
    {"lc_numeric", Kind::kOnly, "C", false, {}, 0, 0, "Form of numbers."},
    {"lc_time", Kind::kOnly, "C", false, {}, 0, 0, "Form of dates."},
    {"lock_timeout", Kind::kOnly, "0", false, {}, 0, 0, "Longest wait for a lock; there are none."},
    {"max_identifier_length", Kind::kFixed, "63", false, {}, 0, 0, "Longest name."},
    {"max_index_keys", Kind::kFixed, "32", false, {}, 0, 0, "Most columns of an index."},
    {"row_security", Kind::kOnly, "on", false, {}, 0, 0, "Row security."},
    {"search_path",
     Kind::kText,
     "\"$user\", public",
     false,
     {},
     0,
     0,
     "Schemas in which unqualified names are looked for."},
    {"server_encoding", Kind::kFixed, "UTF8", true, {}, 0, 0, "Encoding of stored text."},
    {"server_version", Kind::kFixed, "15.0", true, {}, 0, 0, "PostgreSQL version that is spoken."},
    {"server_version_num", Kind::kFixed, "150000", false, {}, 0, 0, "The version as a number."},
    {"session_authorization", Kind::kFixed, "", true, {}, 0, 0, "The session's user."},
    {"ssl", Kind::kFixed, "off", false, {}, 0, 0, "Whether connections can be encrypted."},
    {"standard_conforming_strings",
     Kind::kOnly,
     "on",
     true,
     {},
     0,
     0,
     "Backslashes in ordinary literals are just that."},
    {"statement_timeout",
     Kind::kDuration,
     "0",
     false,
     {},
     0,
     INT32_MAX,
     "Longest time of a statement; 0: none."},
    {"synchronous_commit",
     Kind::kOnly,
     "on",
     false,
     {},
     0,
     0,
     "A commit is answered when it is durable."},
    {"TimeZone", Kind::kTimeZone, "UTC", true, {}, 0, 0, "Zone of timestamptz text."},
    {"transaction_deferrable",
     Kind::kOnly,
     "off",
     false,
     {},
     0,
     0,
     "Whether this transaction is deferrable."},
    {"transaction_isolation", Kind::kOnly, "read committed", false, kIsolationLevels, 0, 0,
     "Isolation of this transaction."},
    {"transaction_read_only",
     Kind::kBool,
     "off",
     false,
     {},
     0,
     0,
     "Whether this transaction is read-only."},
};

Status BadValue(const SettingDefinition& setting, std::string_view value) {
  return SqlErrorf(sqlstate::kInvalidParameterValue, "invalid value for parameter \"{}\": \"{}\"",
                   setting.name, value);
}

Status CannotHonour(const SettingDefinition& setting, std::string_view value) {
  return SqlErrorf(sqlstate::kFeatureNotSupported,
                   "parameter \"{}\" can only be \"{}\" here, not \"{}\"", setting.name,
                   setting.initial, value);
}

Status Unchangeable(const SettingDefinition& setting) {
  constexpr SqlState kCannotChangeRuntimeParameter = "55P02";
  return SqlErrorf(kCannotChangeRuntimeParameter, "parameter \"{}\" cannot be changed",
                   setting.name);
}

std::optional<bool> ParseBool(std::string_view value) {
  std::string word = absl::AsciiStrToLower(std::string(value));
  for (const std::string_view yes : {"on", "true", "yes", "1", "t", "y"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"off", "false", "no", "0", "f", "n"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

Result<std::string> CanonicalChoice(const SettingDefinition& setting, std::string_view value) {
  std::string word = absl::AsciiStrToLower(std::string(value));
  for (const auto choice :
       absl::StrSplit(absl::string_view(setting.choices.data(), setting.choices.size()), '|')) {
    if (choice == word) return word;
  }
  return BadValue(setting, value);
}

Result<std::string> CanonicalOnly(const SettingDefinition& setting, std::string_view value) {
  const std::string word = absl::AsciiStrToLower(std::string(value));
  if (word == absl::AsciiStrToLower(std::string(setting.initial))) {
    return std::string(setting.initial);
  }
  const std::optional<bool> meant = ParseBool(word);
  if (meant && meant == ParseBool(setting.initial)) return std::string(setting.initial);
  if (word.starts_with("c.utf") && setting.name.starts_with("lc_")) {
    return std::string(setting.initial);
  }
  if (!setting.choices.empty()) {
    VARVE_RETURN_IF_ERROR(CanonicalChoice(setting, value).status());
    // PostgreSQL itself gives "read committed" to whoever asks for less.
    if (word == "read uncommitted") return std::string(setting.initial);
  }
  return CannotHonour(setting, value);
}

Result<std::string> CanonicalDateStyle(const SettingDefinition& setting, std::string_view value) {
  std::string order = "MDY";
  for (auto part : absl::StrSplit(absl::string_view(value.data(), value.size()), ',')) {
    const std::string word = absl::AsciiStrToUpper(std::string(absl::StripAsciiWhitespace(part)));
    if (word == "MDY" || word == "DMY" || word == "YMD") {
      order = word;
    } else if (word == "US") {
      order = "MDY";
    } else if (word == "SQL" || word == "GERMAN" || word == "POSTGRES" || word == "EURO") {
      return CannotHonour(setting, value);
    } else if (word != "ISO" && word != "DEFAULT") {
      return BadValue(setting, value);
    }
  }
  // Text input is read in ISO order only, so another field order would be a promise not kept.
  if (order != "MDY") return CannotHonour(setting, value);
  return "ISO, " + order;
}

Result<std::string> CanonicalEncoding(const SettingDefinition& setting, std::string_view value) {
  std::string word;
  for (const char c : value) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) word += absl::ascii_toupper(c);
  }
  if (word == "UTF8" || word == "UNICODE") return std::string("UTF8");
  for (const std::string_view prefix : {"LATIN", "WIN", "ISO", "KOI", "EUC", "SQLASCII", "SJIS",
                                        "BIG5", "GB", "UHC", "JOHAB", "MULE"}) {
    if (word.starts_with(prefix)) return CannotHonour(setting, value);
  }
  return BadValue(setting, value);
}

Result<std::string> CanonicalTimeZone(const SettingDefinition& setting, std::string_view value) {
  auto zone = ingest::FindTimeZone(value);
  if (!zone.ok()) return BadValue(setting, value);
  return std::string(value);
}

struct DurationUnit {
  std::string_view name;
  int64_t milliseconds;
};
constexpr std::array kDurationUnits = {DurationUnit{"d", 86'400'000}, DurationUnit{"h", 3'600'000},
                                       DurationUnit{"min", 60'000}, DurationUnit{"s", 1'000},
                                       DurationUnit{"ms", 1}};

Result<std::string> CanonicalDuration(const SettingDefinition& setting, std::string_view value) {
  const std::optional<int64_t> milliseconds = ParseDurationMs(value);
  if (!milliseconds) return BadValue(setting, value);
  if (*milliseconds < setting.minimum || *milliseconds > setting.maximum) {
    return SqlErrorf(sqlstate::kInvalidParameterValue,
                     "{} ms is outside the valid range for parameter \"{}\" ({} .. {})",
                     *milliseconds, setting.name, setting.minimum, setting.maximum);
  }
  if (*milliseconds == 0) return std::string("0");
  for (const DurationUnit& unit : kDurationUnits) {
    if (*milliseconds % unit.milliseconds == 0) {
      return fmt::format("{}{}", *milliseconds / unit.milliseconds, unit.name);
    }
  }
  return BadValue(setting, value);
}

Result<std::string> CanonicalInteger(const SettingDefinition& setting, std::string_view value) {
  int64_t number = 0;
  const auto end = std::from_chars(value.data(), value.data() + value.size(), number);
  if (end.ec != std::errc() || end.ptr != value.data() + value.size()) {
    return BadValue(setting, value);
  }
  if (number < setting.minimum || number > setting.maximum) {
    return SqlErrorf(sqlstate::kInvalidParameterValue,
                     "{} is outside the valid range for parameter \"{}\" ({} .. {})", number,
                     setting.name, setting.minimum, setting.maximum);
  }
  return std::to_string(number);
}

}  // namespace

std::span<const SettingDefinition> AllSettings() { return kSettings; }

const SettingDefinition* FindSetting(std::string_view name) {
  for (const SettingDefinition& setting : kSettings) {
    if (absl::EqualsIgnoreCase({setting.name.data(), setting.name.size()},
                               {name.data(), name.size()})) {
      return &setting;
    }
  }
  return nullptr;
}

Result<std::string> CanonicalValue(const SettingDefinition& setting, std::string_view value) {
  switch (setting.kind) {
    case Kind::kText:
      return std::string(value);
    case Kind::kBool: {
      const std::optional<bool> on = ParseBool(value);
      if (!on) {
        return SqlErrorf(sqlstate::kInvalidParameterValue,
                         "parameter \"{}\" requires a Boolean value", setting.name);
      }
      return std::string(*on ? "on" : "off");
    }
    case Kind::kInteger:
      return CanonicalInteger(setting, value);
    case Kind::kDuration:
      return CanonicalDuration(setting, value);
    case Kind::kChoice:
      return CanonicalChoice(setting, value);
    case Kind::kOnly:
      return CanonicalOnly(setting, value);
    case Kind::kFixed:
      return Unchangeable(setting);
    case Kind::kTimeZone:
      return CanonicalTimeZone(setting, value);
    case Kind::kDateStyle:
      return CanonicalDateStyle(setting, value);
    case Kind::kEncoding:
      return CanonicalEncoding(setting, value);
  }
  return BadValue(setting, value);
}

std::optional<int64_t> ParseDurationMs(std::string_view text) {
  const auto blank = [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  double number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc()) return std::nullopt;
  std::string_view unit(end.ptr, static_cast<size_t>(text.data() + text.size() - end.ptr));
  while (!unit.empty() && blank(unit.front())) unit.remove_prefix(1);
  double factor = 1;
  if (!unit.empty()) {
    factor = 0;
    for (const DurationUnit& known : kDurationUnits) {
      if (known.name == unit) factor = static_cast<double>(known.milliseconds);
    }
    if (unit == "us") factor = 0.001;
    if (factor == 0) return std::nullopt;
  }
  const double milliseconds = number * factor;
  if (!(milliseconds > -1e15 && milliseconds < 1e15)) return std::nullopt;
  return static_cast<int64_t>(milliseconds);
}

}  // namespace varve::server
