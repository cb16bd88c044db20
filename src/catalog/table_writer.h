// Takes rows in and answers when they are durable and visible: the door from SQL to the log.
//
// Role:     engine, server -> [TableWriter] -> implemented by ingest.
// Errors:   53200 over the hard memory limit after waiting, 53100 log full, 54000 transaction too
//           large, 58030 the log has failed. After any error no row of the set is visible or
//           durable.
// Threads:  safe.
#pragma once

#include <functional>

#include "base/status.h"
#include "model/batch.h"

namespace varve::catalog {

class TableWriter {
 public:
  virtual ~TableWriter() = default;

  // Writes all rows of the set as one transaction. `done` is called exactly once, on another thread
  // or on this one; it must not block. Batches already hold every NOT NULL column and the partition
  // columns.
  virtual void WriteAsync(WriteSet rows, std::function<void(Status)> done) = 0;
  // The same and waits.
  virtual Status Write(WriteSet rows) = 0;
};

}  // namespace varve::catalog
