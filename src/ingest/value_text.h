// Reads values in PostgreSQL's text input syntax straight into a column.
//
// Role:     INSERT literals, text parameters, COPY text and csv -> [AppendText] -> ColumnBuilder.
// Errors:   22P02 not a value of the type, 22003 number out of range, 22007 not a date or time,
//           22008 field or value out of range, 22021 not UTF-8 or a NUL byte; PostgreSQL's wording.
//           Half a list may be in the builder after an error: the caller truncates it.
// Threads:  no shared state; allocates nothing per value beyond the column's own growth.
#pragma once

#include <string_view>

#include "ingest/decode_settings.h"
#include "model/column.h"

namespace varve::ingest {

// Appends one value, not NULL, of the builder's type. `text` must be valid UTF-8 without NUL bytes
// when the type is text-like: see CheckText, which callers apply to whole statements or chunks.
Status AppendText(std::string_view text, const DecodeSettings& settings, ColumnBuilder& builder);

// The same for a builder of lists; see array_text.cc.
Status AppendArrayText(std::string_view text, const DecodeSettings& settings,
                       ColumnBuilder& builder);

// 22003: the number is not one of the type's.
[[gnu::cold]] Status OutOfRange(const Type& type);

// 22003: the value needs more digits than the decimal type has.
Status NumericOverflow(const Type& type);

// 22021 when `text` holds an invalid UTF-8 sequence or a NUL byte.
Status CheckText(std::string_view text);

}  // namespace varve::ingest
