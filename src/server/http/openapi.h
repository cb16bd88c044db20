// Holds the description of all HTTP calls, openapi.json of this folder.
#pragma once

#include <string_view>

namespace varve::server {

std::string_view OpenApiJson();

}  // namespace varve::server
