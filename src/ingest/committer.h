// Makes a transaction's rows durable in the log and then visible in the buffer, all tables at once.
//
// Role:     engine, server (WriteSet) -> [Committer] -> log::Log -> on_durable -> Buffer::Apply.
// Limits:   memory is reserved before anything is written: the rows' and, until they are durable,
//           their encoded form's. A batch that encodes to more than kPayloadBytesMax becomes
//           several records of the one transaction.
// Errors:   54000 a transaction that the whole budget could not hold, or one row over the payload
//           limit; 53200 no room within the wait; the log's own. Nothing is visible or durable then
//           and the reservation is given back.
// Threads:  safe. WriteAsync and Write block the caller up to the wait for memory, and while the
//           log has no room for more in its queue; never on the log's thread, which is what makes
//           room. An io thread must not call them where it could be needed to finish other writes.
#pragma once

#include <chrono>
#include <functional>

#include "buffer/buffer.h"
#include "catalog/table_writer.h"
#include "log/log.h"

namespace varve::ingest {

class Committer : public catalog::TableWriter {
 public:
  // `log`, `buffer` and `budget` outlive every write; the log goes first and answers what it has.
  Committer(log::Log& log, buffer::Buffer& buffer, buffer::MemoryBudget& budget,
            std::chrono::milliseconds memory_wait);

  // `done` runs on the log's thread, or on the caller's when nothing was given to the log.
  void WriteAsync(WriteSet rows, std::function<void(Status)> done) override;
  Status Write(WriteSet rows) override;
  Status WriteIf(uint64_t number, WriteSet rows, std::function<Status()> decide) override;

 private:
  struct Decision {
    uint64_t number = 0;
    std::function<Status()> decide;  // null: the log alone decides
  };
  void Start(WriteSet rows, const Decision& decision, std::function<void(Status)> done);
  Status StartAndWait(WriteSet rows, const Decision& decision);

  log::Log& log_;
  buffer::Buffer& buffer_;
  buffer::MemoryBudget& budget_;
  const std::chrono::milliseconds memory_wait_;
};

}  // namespace varve::ingest
