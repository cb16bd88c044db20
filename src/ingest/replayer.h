// Puts the rows of the log back into the buffer, and its samples into the rings, when the server
// starts.
//
// Role:     log::OpenLocalLog -> [Replayer] -> Buffer::Apply, RingStore::Apply. The buffer already
//           has every table, with the Lsn that its files in the lake reach; the rings have what
//           their checkpoint reaches.
// Limits:   rows are charged to the budget. Above its soft limit `make_room` is called on this
//           thread, to stage rows on the disk before more is read; when that fails, replay goes on
//           up to the hard limit and then refuses, so that a restart needs no more memory than the
//           run before it.
// Order:    a transaction that begins with a definition record has its rows back only if the number
//           in it is among those that meta.duckdb holds: definitions and rows, or neither.
// Errors:   DataLoss for a record of a table that was never given an id, that does not fit its
//           table or the rings' metrics, or of an unknown type, and for a table whose files end
//           within a transaction: the server must not start. What make_room gave, at the hard
//           limit; 53100 when the disk has no room for the rings.
// Threads:  one owner; nothing else writes to the buffer meanwhile.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "buffer/buffer.h"
#include "log/log.h"
#include "ring/ring_store.h"

namespace varve::ingest {

struct ReplayReport {
  uint64_t transactions = 0;
  uint64_t rows = 0;                  // put back into the buffer
  uint64_t flushed_records = 0;       // skipped: the lake has them
  uint64_t dropped_records = 0;       // skipped: their table was dropped
  uint64_t ring_records = 0;          // changes of rings, applied
  uint64_t ring_samples = 0;          // in them, stale ones too
  uint64_t checkpointed_records = 0;  // changes of rings, skipped: the rings have them
  uint64_t undone_records = 0;   // skipped: their transaction was not committed, or its beginning
                                 // was cut because the lake has all of it
  std::set<uint64_t> committed;  // numbers of definition records found whose rows count
};

class Replayer {
 public:
  // `highest_table`: the highest table id ever given; an unknown id up to it is a dropped table.
  // `make_room` takes rows out of memory (flush::Stager::Relieve); it must not cut the log.
  // `committed`: the numbers in meta.duckdb.
  Replayer(buffer::Buffer& buffer, buffer::MemoryBudget& budget, ring::RingStore& rings,
           TableId highest_table, std::set<uint64_t> committed, std::function<Status()> make_room);

  // The records of one transaction, in Lsn order over all calls.
  Status Replay(std::span<const log::Record> records);
  // Makes the last rows visible; call it once after the whole log was read.
  Status Finish();

  const ReplayReport& report() const { return report_; }

 private:
  Status ReplayRecord(const log::Record& record);
  Status ReplayRows(const log::Record& record);
  Status ReplayRings(const log::Record& record);
  // Whether the rows of the transaction that `first` begins count.
  Result<bool> IsCommitted(const log::Record& first);
  // Makes the rows collected so far one transaction that waits for the buffer. Many small ones go
  // as one: nobody reads yet, and a copy of each alone would take longer than its decoding.
  void EndCollected();
  // Gives what waits to the buffer, of which each step copies the lists of the tables that it adds
  // to: those that must stay apart are many.
  void ApplyWaiting();
  Status KeepWithinBudget();
  // True when some table's files reach an Lsn in [begin, end): rows from both sides of it must not
  // become one segment.
  bool FlushedWithin(Lsn begin, Lsn end) const;
  // True when a record is of a table whose files cannot be read now: how far they reach is not
  // known, so its rows must not become one segment with others.
  bool IsOfUnreadable(std::span<const log::Record> records) const;

  buffer::Buffer& buffer_;
  buffer::MemoryBudget& budget_;
  ring::RingStore& rings_;
  const TableId highest_table_;
  const std::set<uint64_t> committed_;
  const std::function<Status()> make_room_;

  buffer::SnapshotRef tables_;  // definitions and flushed Lsns at the start
  std::set<Lsn> flushed_;
  LsnRange collected_lsns_;
  std::map<TableId, std::vector<BatchRef>> collected_;
  std::vector<buffer::Buffer::Transaction> waiting_;
  uint64_t waiting_bytes_ = 0;
  uint64_t collected_bytes_ = 0;
  uint64_t collected_rows_ = 0;
  uint64_t ask_again_above_ = 0;  // bytes used; after make_room has failed
  ReplayReport report_;
};

}  // namespace varve::ingest
