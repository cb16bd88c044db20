// What tests of this folder ask of an answer.
#pragma once

#include <string>
#include <string_view>

#include "server/http/http_message.h"

namespace varve::server {

// The value of the header line `name`, whose case matters; empty when there is none.
inline std::string FieldOf(const HttpAnswer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.fields) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace varve::server
