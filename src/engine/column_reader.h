// Copies DuckDB's vectors into columns of ours.
//
// Role:     query results -> [ReadVector] -> ResultChunk; INSERT's chunks -> [ReadVector] -> Batch.
// Errors:   throws duckdb's exceptions (inside GuardDuck): a value that the model cannot hold.
// Threads:  no shared state; the result does not refer to the vector.
#pragma once

#include <duckdb.hpp>

#include "model/column.h"

namespace varve::engine {

// `vector` is of type ReadableType(its declared type); `type` is FromDuck of it.
Column ReadVector(duckdb::Vector& vector, uint32_t count, const Type& type);

// The same for any vector: converts what needs conversion first.
Column ReadAnyVector(duckdb::ClientContext& context, duckdb::Vector& vector, uint32_t count,
                     const Type& type);

}  // namespace varve::engine
