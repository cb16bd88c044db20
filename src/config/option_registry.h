// Lists every option of the server once: help, environment, validation and the reference table come
// from here.
//
// Role:     config::LoadOptions, main's command line and `varve config --docs` read the table.
// Units:    an option's unit is the end of its name (-ms, -secs, -mins, -mb, -gb); byte sizes
//           without one take KB, MB and GB (powers of 1024).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace varve::config {

enum class OptionType { kText, kFolder, kInteger, kBytes, kBool, kChoice, kLogSync };

struct OptionSpec {
  std::string_view name;
  std::string_view environment;  // comma-separated, the first one found wins
  OptionType type = OptionType::kText;
  std::string_view default_text;  // empty: none, or computed at start as the sentence says
  int64_t min = 0;                // kInteger, kBytes: closed bounds
  int64_t max = INT64_MAX;
  std::string_view choices;  // kChoice: separated by '|'
  // Empty: honoured. Else why any value but the default stops the start: a setting that is accepted
  // does something.
  std::string_view refused_because;
  std::string_view sentence;
  bool secret = false;
};

std::span<const OptionSpec> AllOptions();
const OptionSpec* FindOption(std::string_view name);

// Checks `value` against the option's type and bounds. The error names option, value and what is
// accepted, in one line.
Status CheckValue(const OptionSpec& option, std::string_view value);

// "64MB" -> 67108864; plain numbers are bytes.
Result<int64_t> ParseBytes(std::string_view text);

// What the option accepts, for messages and for the table: "0 to 65535", "true or false", ...
std::string AcceptedValues(const OptionSpec& option);

// The reference table as Markdown.
std::string OptionsAsMarkdown();

}  // namespace varve::config
