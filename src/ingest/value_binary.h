// Reads values in PostgreSQL's binary wire format straight into a column.
//
// Role:     binary parameters, COPY BINARY -> [AppendBinary] -> ColumnBuilder.
// Layout:   as the *recv functions of PostgreSQL 15: big-endian; times count from 2000-01-01;
//           numeric in base-10000 digits; jsonb with a version byte.
// Errors:   22P03 wrong size or shape, 22003 a value that the column cannot hold, 22008 a date or
//           time out of range, 22021 text that is not UTF-8, 22P02 jsonb that is not JSON. Half a
//           list may be in the builder after an error: the caller truncates it.
// Threads:  no shared state.
#pragma once

#include <string_view>

#include "model/column.h"

namespace varve::ingest {

// Appends one value, not NULL, of the builder's type.
Status AppendBinary(std::string_view bytes, ColumnBuilder& builder);

}  // namespace varve::ingest
