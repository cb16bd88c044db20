// Writes JSON as the Delta log has it: without spaces, bytes that are not UTF-8 replaced.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace varve::lake {

// nlohmann's json or ordered_json. The library would throw on text that is not UTF-8.
template <typename Json>
std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace varve::lake
