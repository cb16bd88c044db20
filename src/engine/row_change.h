// Says which rows of a table's files a DELETE or UPDATE takes out, and which it puts in.
//
// Role:     change operator -> [RowChange], through SessionState -> change writer.
// Units:    `out` by the file's place in `files`.
// Limits:   one bit for each row of the files touched; new rows are in DuckDB's buffer manager,
//           which spills to disk past its memory limit.
// Threads:  not thread-safe.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/types/column/column_data_collection.hpp>
#include <map>
#include <memory>

#include "engine/row_address.h"
#include "engine/row_collector.h"
#include "model/file_set.h"

namespace varve::engine {

struct RowChange {
  RowShape shape;
  FileSetRef files;
  bool is_update = false;
  std::map<uint64_t, RowBits> out;
  uint64_t rows = 0;  // taken out
  // An UPDATE's new rows, or the old ones that a DELETE returns; null when nobody needs any.
  std::shared_ptr<duckdb::ColumnDataCollection> collected;
};

}  // namespace varve::engine
