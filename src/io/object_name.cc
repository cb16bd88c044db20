#include "io/object_name.h"

#include <algorithm>

namespace varve::io {

Status CheckObjectName(std::string_view name) {
  bool sound = name.size() <= kNameBytesMax && name.find('\0') == std::string_view::npos;
  for (size_t begin = 0; sound && begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    sound = !part.empty() && part != "." && part != "..";
    begin = end + 1;
  }
  if (!sound) return InvalidArgument("object name is not a plain relative path: \"{}\"", name);
  return OkStatus();
}

}  // namespace varve::io
