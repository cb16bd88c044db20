#include "io/aws/profile_file.h"

#include <absl/strings/ascii.h>

#include <algorithm>

namespace varve::io::aws {
namespace {

std::string_view Strip(std::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace({text.data(), text.size()});
  return {stripped.data(), stripped.size()};
}

// A comment begins a line, or follows a blank.
std::string_view WithoutComment(std::string_view value) {
  for (const std::string_view mark : {" #", " ;", "\t#", "\t;"}) {
    value = value.substr(0, value.find(mark));
  }
  return Strip(value);
}

}  // namespace

ProfileValues ReadProfile(std::string_view text, std::string_view name, bool& found) {
  ProfileValues values;
  found = false;
  bool inside = false;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view raw = text.substr(begin, end - begin);
    const std::string_view line = Strip(raw);
    begin = end + 1;
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[')) {
      std::string_view section = Strip(line.substr(1, line.find(']') - 1));
      if (section.starts_with("profile ") || section.starts_with("profile\t")) {
        section = Strip(section.substr(8));
      }
      inside = section == name;
      found |= inside;
      continue;
    }
    const size_t equals = line.find('=');
    const bool nested = raw.front() == ' ' || raw.front() == '\t';
    if (!inside || nested || equals == std::string_view::npos) continue;
    const std::string key = absl::AsciiStrToLower(std::string(Strip(line.substr(0, equals))));
    values[key] = std::string(WithoutComment(line.substr(equals + 1)));
  }
  return values;
}

}  // namespace varve::io::aws
