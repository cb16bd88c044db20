// Shows columns of ours to DuckDB as vectors, without copying what need not be copied.
//
// Role:     buffer segments, a session's own rows -> [ReferenceColumn] -> DuckDB scans.
// Layout:   fixed-width values of one layout are referenced; decimals of fewer than 19 digits and
//           UUIDs are converted; text makes string_t that point into the column's bytes.
// Threads:  no shared state. The column must outlive every use of the vector.
#pragma once

#include <duckdb.hpp>

#include "model/column.h"

namespace varve::engine {

// Makes `out`, of type ToDuck(column.type), the rows [begin, begin + count) of `column`.
// count <= STANDARD_VECTOR_SIZE.
void ReferenceColumn(const Column& column, uint32_t begin, uint32_t count, duckdb::Vector& out);

}  // namespace varve::engine
