// Runs the background work that SQL may ask for, and tells what there is.
//
// Role:     engine (SELECT varve.flush('t'), varve.jobs) -> [Maintenance] -> implemented by flush.
// Threads:  safe; Flush blocks until the rows are committed to the lake.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/file_set.h"
#include "model/schema.h"

namespace varve::catalog {

struct JobInfo {
  std::string name;
  bool running = false;
  std::string doing;  // what a running job works on; may be empty
  int64_t runs = 0;
  int64_t last_start_us = 0;  // microseconds UTC; 0: never
  int64_t last_duration_us = 0;
  std::string last_error;  // empty: the last run was well
};

class Maintenance {
 public:
  virtual ~Maintenance() = default;

  // Commits every row of the table that was visible at the call to the lake. Returns the rows
  // flushed.
  virtual Result<int64_t> Flush(const TableRef& table) = 0;
  // Shows a version of the table's files that was committed otherwise than by a flush to every
  // later statement. A version that came too late, behind a newer one, is no error.
  virtual Status ShowFiles(const TableRef& table, const FileSetRef& files) = 0;
  virtual std::vector<JobInfo> Jobs() const = 0;
};

}  // namespace varve::catalog
