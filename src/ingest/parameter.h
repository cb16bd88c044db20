// Appends a bound parameter of one type to a column of another with PostgreSQL's assignment rules.
//
// Role:     Bind's bytes -> [AppendParameter] -> ColumnBuilder. psycopg sends a small integer as
//           int2 whatever the column is; planning that cast costs more than doing it.
// Threads:  no shared state.
#pragma once

#include "ingest/insert_decoder.h"

namespace varve::ingest {

// AppendParameter knows how to bring `from` into a column of type `to`.
bool CanAssign(const Type& from, const Type& to);

// Errors of the value, 22003 when the column cannot hold it. Half a list may be in the builder
// after an error.
Status AppendParameter(const InsertParameter& parameter, const Type& from,
                       const DecodeSettings& settings, ColumnBuilder& builder);

}  // namespace varve::ingest
