// What one statement sees of one Varve table: files, segments, and rows of its own transaction.
//
// Role:     SessionState -> [TableView] -> buffer scan and lake scan.
// Threads:  immutable once built.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "buffer/buffer.h"
#include "model/batch.h"
#include "model/file_set.h"

namespace varve::engine {

// Rows in memory: a segment of the buffer, or uncommitted rows of the session.
struct ResidentRows {
  BatchRef rows;
  TimeRange time_range;
};

// Of a table with parts, whose view has the files of all.
struct FileHomes {
  std::unordered_map<const DataFile*, TableRef> parts;  // files that are not the table's own
  // In the place of files that cannot be read now; whoever comes to one gets the error. Scans that
  // want no row of the project do not.
  std::unordered_map<const DataFile*, Status> missing;
};

struct TableView {
  TableRef table;
  FileSetRef files;                        // may be null: no file yet
  std::vector<ResidentRows> resident;      // newest first
  std::shared_ptr<const FileHomes> homes;  // null: all files are the table's own
};

}  // namespace varve::engine
