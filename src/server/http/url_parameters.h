// Reads numbers from a request's path and query.
//
// Errors:   InvalidArgument with the parameter's name, its bounds, and what was there instead.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ring/metric.h"

namespace varve::server {

// As HttpCall::Parameters gives them.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// A whole number, without sign where `min` is not below 0, and nothing around it.
Result<int64_t> NumberOf(std::string_view name, std::string_view text, int64_t min, int64_t max);
// Of the parameter of that name; nullopt when it is not there. It must not be there twice.
Result<std::optional<int64_t>> NumberOf(const Parameters& parameters, std::string_view name,
                                        int64_t min, int64_t max);
// The value of the first parameter of that name, else "".
std::string_view ValueOf(const Parameters& parameters, std::string_view name);

Result<ring::MetricId> MetricIdOf(std::string_view text);

}  // namespace varve::server
