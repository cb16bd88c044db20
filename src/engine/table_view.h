// What one statement sees of one Varve table: files, segments, and rows of its own transaction.
//
// Role:     SessionState -> [TableView] -> buffer scan and lake scan.
// Threads:  immutable once built.
#pragma once

#include <vector>

#include "buffer/buffer.h"
#include "model/batch.h"
#include "model/file_set.h"

namespace varve::engine {

// Rows in memory: a segment of the buffer, or uncommitted rows of the session.
struct ResidentRows {
  BatchRef rows;
  TimeRange time_range;
};

struct TableView {
  TableRef table;
  FileSetRef files;                    // may be null: no file yet
  std::vector<ResidentRows> resident;  // newest first
};

}  // namespace varve::engine
