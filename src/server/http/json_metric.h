// Reads what names metrics out of JSON: a name, tags, a type.
//
// Errors:   InvalidArgument, worded for the client, for what no metric can have.
// Threads:  no shared state.
#pragma once

#include <simdjson.h>

#include <string_view>
#include <vector>

#include "base/status.h"
#include "ring/metric.h"
#include "server/http/json_reader.h"

namespace varve::server {

// A metric's name to look for.
Result<std::string_view> JsonName(simdjson::dom::element element, std::string_view what);
// An object of strings, as tags ascending by key.
Result<std::vector<ring::Tag>> JsonTags(simdjson::dom::element element);
// 0 or "gauge", 1 or "counter".
Result<ring::MetricType> JsonType(simdjson::dom::element element);

}  // namespace varve::server
