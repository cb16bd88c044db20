// Writes one value of any model type in PostgreSQL's binary wire format.
//
// Role:     result columns -> [AppendValueBinary] -> DataRow.
// Layout:   as the *send functions of PostgreSQL 15: big-endian; dates and times count from
//           2000-01-01; numeric in base-10000 digits; jsonb with a version byte; arrays with their
//           dimensions. An array of arrays must be rectangular.
// Errors:   0A000 for a ragged array, 22P03 for numeric text that is no number.
// Threads:  no shared state.
#pragma once

#include <string>

#include "base/status.h"
#include "model/column.h"

namespace varve::server::pg {

// Appends the value at `row`, which must not be NULL, without its length. On an error `out` may
// hold a part of it.
Status AppendValueBinary(const Column& column, size_t row, std::string& out);

}  // namespace varve::server::pg
