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
  // Writes rows that count only together with a change outside of the log, and waits. `decide`
  // makes that change, and `number` durable with it, once the rows are durable and before they are
  // visible; its error is the result. The rows become visible only when it succeeds, and a restart
  // has them back only if it finds `number`. Not called when the rows could not be written. It runs
  // on the thread that makes all rows visible: it must be short and must not write rows.
  virtual Status WriteIf(uint64_t number, WriteSet rows, std::function<Status()> decide) = 0;
};

}  // namespace varve::catalog
