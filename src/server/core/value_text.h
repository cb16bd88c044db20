// Writes one value of any model type in PostgreSQL's text form.
//
// Role:     result columns -> [AppendValueText] -> DataRow, COPY TO, HTTP.
// Errors:   none: every value of a sound column has a text form.
// Threads:  no shared state.
#pragma once

#include <absl/time/time.h>

#include <string>

#include "model/column.h"

namespace varve::server {

// What a session's settings change in the text of a value.
struct TextStyle {
  absl::TimeZone time_zone = absl::UTCTimeZone();
  int extra_float_digits = 1;
  bool bytea_escape = false;  // bytea_output = escape, else hex
};

// Appends the value at `row`, which must not be NULL.
void AppendValueText(const Column& column, size_t row, const TextStyle& style, std::string& out);

}  // namespace varve::server
