// Reads one section of an AWS profile file.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace varve::io::aws {

using ProfileValues = std::map<std::string, std::string, std::less<>>;

// The lines of the section `name`; of a key given twice the last one counts. Keys in lower case;
// comments ("#", ";") and nested settings (indented lines) are left out. Empty when the section is
// not there, and then `found` is false.
ProfileValues ReadProfile(std::string_view text, std::string_view name, bool& found);

}  // namespace varve::io::aws
