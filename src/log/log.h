// Makes batches of records durable in one order and gives them back after a crash.
//
// Role:     ingest -> [log] -> on_durable (buffer), recovery -> replay. A row is acknowledged only
//           when its transaction's last record is synced.
// Layout:   segments NNNNNNNNNNNN.log of 64 MiB; bytes: docs/formats/log.md.
// Units:    Lsn per record, dense from 1. Sizes in bytes.
// Limits:   payload of a record at most kPayloadBytesMax (the caller splits); the log's folder at
//           most max_bytes, beyond which Commit fails with 53100 and nothing is written.
// Errors:   a failed write or fdatasync is fatal for the log: every later Commit gets the first
//           error, and on_fatal is called once so that the process can stop.
// Threads:  safe. Callbacks run on the log's one writer thread, in Lsn order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"

namespace varve::log {

inline constexpr size_t kPayloadBytesMax = 64u << 20;

enum class RecordType : uint16_t {
  kRows = 1,         // payload: model/batch_codec
  kRingSamples = 2,  // payload: ring/ring_change
  // Only first in a transaction. Payload: the u64 number of a change of definitions in meta.duckdb;
  // the rows behind it count only if that number is there.
  kDefinition = 3,
  kSkip = 4,  // the log's own, never committed or replayed: Lsns jump to the payload's u64
};

struct RecordInput {
  RecordType type = RecordType::kRows;
  TableId table;
  uint32_t schema_version = 0;
  std::string payload;  // raw; the log compresses it when that makes it smaller
};

// What a reader gets back: the header's fields and the raw payload.
struct Record {
  Lsn lsn;
  TransactionId transaction;
  bool last_of_transaction = false;
  RecordType type = RecordType::kRows;
  TableId table;
  uint32_t schema_version = 0;
  std::string payload;
};

// One atomic unit: its records get consecutive Lsns and become visible together or never.
struct Transaction {
  std::vector<RecordInput> records;  // at least one
  // Runs on the writer thread once the transaction is durable, before `done`, in Lsn order over all
  // transactions: makes the rows visible. Must not call the log, nor block on I/O but for the one
  // commit of definitions that the rows depend on.
  std::function<void(LsnRange)> on_durable;
  // Runs on the writer thread after on_durable, or with the error; wakes the waiting client.
  std::function<void(Result<LsnRange>)> done;
};

class Log {
 public:
  virtual ~Log() = default;

  // Queues the transaction; the answer comes through its callbacks, exactly once, also at shutdown.
  // Waits for room in the queue when it is full.
  virtual void CommitAsync(Transaction transaction) = 0;
  // The same without waiting. False when the queue has no room: nothing has happened then, and no
  // callback will run.
  virtual bool TryCommitAsync(Transaction transaction) = 0;
  // The same and waits. `done` is ignored.
  virtual Result<LsnRange> Commit(Transaction transaction) = 0;

  // Highest Lsn whose transaction is durable and whose on_durable has returned; the one before the
  // next to be given out when nothing was committed since the log was opened.
  virtual Lsn durable() const = 0;
  // Deletes the segments that hold nothing above `through`: every consumer has these rows
  // elsewhere.
  virtual Status TruncateThrough(Lsn through) = 0;
  // Bytes of all segments on disk, the preallocated rest of the last one included.
  virtual uint64_t disk_bytes() const = 0;
};

}  // namespace varve::log
