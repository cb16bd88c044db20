#include "ingest/committer.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "ingest/rows_record.h"
#include "model/batch_codec.h"

namespace varve::ingest {
namespace {

// One transaction on its way; shared by the two callbacks that the log gets. Holds parts, not the
// committer, which may be gone when the log answers.
struct PendingRows {
  buffer::Buffer& buffer;
  buffer::MemoryBudget& budget;
  WriteSet rows;
  uint64_t row_bytes = 0;          // reserved; passes to the buffer when the rows are durable
  uint64_t payload_bytes = 0;      // reserved until the log has answered
  std::function<Status()> decide;  // may be null
  std::function<void(Status)> done;
  Status decided = OkStatus();

  void Apply(LsnRange lsns) {
    if (decide) decided = decide();
    // The buffer has to know of these Lsns also when their rows do not count.
    if (!decided.ok()) return buffer.Apply(lsns, {});
    buffer.Apply(lsns, rows);
    rows.clear();
    row_bytes = 0;
  }
  void Finish(Status result) {
    budget.Release(row_bytes + payload_bytes);
    row_bytes = 0;
    payload_bytes = 0;
    rows.clear();
    done(std::move(result));
  }
};

Status TransactionTooLarge(uint64_t bytes, uint64_t limit) {
  return WithHint(SqlErrorf(sqlstate::kStatementTooComplex,
                            "the transaction is too large: it needs {} bytes of memory, the limit "
                            "is {}",
                            bytes, limit),
                  "Write fewer rows per transaction, or raise buffer-max-memory-mb.");
}

struct Need {
  uint64_t row_bytes = 0;
  uint64_t payload_bytes = 0;
};

Need NeedOf(const WriteSet& rows) {
  Need need;
  for (const TableRows& part : rows) {
    need.row_bytes += buffer::SegmentBytes(*part.rows);
    need.payload_bytes += EncodedBytes(*part.rows);
  }
  return need;
}

log::RecordInput DefinitionRecord(uint64_t number) {
  log::RecordInput record;
  record.type = log::RecordType::kDefinition;
  AppendLittle(record.payload, number);
  return record;
}

Result<std::vector<log::RecordInput>> Encode(const WriteSet& rows) {
  std::vector<log::RecordInput> records;
  records.reserve(rows.size());
  for (const TableRows& part : rows) {
    VARVE_RETURN_IF_ERROR(AppendRowRecords(part, log::kPayloadBytesMax, records));
  }
  return records;
}

}  // namespace

Committer::Committer(log::Log& log, buffer::Buffer& buffer, buffer::MemoryBudget& budget,
                     std::chrono::milliseconds memory_wait)
    : log_(log), buffer_(buffer), budget_(budget), memory_wait_(memory_wait) {}

void Committer::WriteAsync(WriteSet rows, std::function<void(Status)> done) {
  Start(std::move(rows), {}, std::move(done));
}

Status Committer::Write(WriteSet rows) { return StartAndWait(std::move(rows), {}); }

Status Committer::WriteIf(uint64_t number, WriteSet rows, std::function<Status()> decide) {
  return StartAndWait(std::move(rows), {number, std::move(decide)});
}

void Committer::Start(WriteSet rows, const Decision& decision, std::function<void(Status)> done) {
  std::erase_if(rows, [](const TableRows& part) { return part.rows->rows == 0; });
  if (rows.empty()) {
    done(decision.decide ? decision.decide() : OkStatus());
    return;
  }
  const Need need = NeedOf(rows);
  const uint64_t bytes = need.row_bytes + need.payload_bytes;
  if (bytes > budget_.hard_bytes()) {
    done(TransactionTooLarge(bytes, budget_.hard_bytes()));
    return;
  }
  if (Status room = budget_.Reserve(bytes, memory_wait_); !room.ok()) {
    done(std::move(room));
    return;
  }
  auto pending = std::make_shared<PendingRows>(PendingRows{buffer_, budget_, std::move(rows),
                                                           need.row_bytes, need.payload_bytes,
                                                           decision.decide, std::move(done)});
  Result<std::vector<log::RecordInput>> records = Encode(pending->rows);
  if (!records.ok()) {
    pending->Finish(records.status());
    return;
  }
  if (decision.decide) records->insert(records->begin(), DefinitionRecord(decision.number));
  log::Transaction transaction;
  transaction.records = *std::move(records);
  transaction.on_durable = [pending](LsnRange lsns) { pending->Apply(lsns); };
  transaction.done = [pending](const Result<LsnRange>& lsns) {
    pending->Finish(lsns.ok() ? pending->decided : lsns.status());
  };
  log_.CommitAsync(std::move(transaction));
}

Status Committer::StartAndWait(WriteSet rows, const Decision& decision) {
  struct Answer {
    Mutex mu;
    CondVar came;
    std::optional<Status> status VARVE_GUARDED_BY(mu);
  };
  // Shared: the writer's thread may still be in NotifyOne when this one returns.
  auto answer = std::make_shared<Answer>();
  Start(std::move(rows), decision, [answer](Status status) {
    {
      MutexLock lock(answer->mu);
      answer->status = std::move(status);
    }
    answer->came.NotifyOne();
  });
  MutexLock lock(answer->mu);
  answer->came.Wait(answer->mu,
                    [&]() VARVE_REQUIRES(answer->mu) { return answer->status.has_value(); });
  return *answer->status;
}

}  // namespace varve::ingest
