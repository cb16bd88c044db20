// Writes numbers as JSON: answers are built without a tree, texts by base/json_string.h.
//
// Layout:   RFC 8259: the shortest text that reads back as the same number; NaN and infinities are
//           null.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <string>

namespace varve::server {

void AppendJsonNumber(double value, std::string& out);
void AppendJsonNumber(float value, std::string& out);
void AppendJsonNumber(int64_t value, std::string& out);

}  // namespace varve::server
