// Scans the samples of rings as a DuckDB table function with filters and projection pushed into it.
//
// Role:     view ring.samples -> [RingSamplesFunction] -> ring::RingStore::Read, ring after ring.
//           Only rings whose metric_id may pass are read, and of them only the times that may pass,
//           also by the filters of a running join or Top-N. EXPLAIN shows what is known beforehand,
//           EXPLAIN ANALYZE what was read.
// Layout:   metric_id, ts, value, type; rows ascend by metric_id and ts.
// Limits:   a worker holds the points of one ring in memory: slots x 16 bytes.
// Threads:  DuckDB's workers share one scan; each takes some rings at a time.
#pragma once

#include <duckdb.hpp>

namespace varve::engine {

struct EngineCore;

duckdb::TableFunction RingSamplesFunction(EngineCore& core);

}  // namespace varve::engine
