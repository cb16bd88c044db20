#include "ingest/replayer.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "ingest/rows_record.h"

namespace varve::ingest {
namespace {

constexpr uint64_t kCollectedBytesMax = 4u << 20;
constexpr uint64_t kCollectedRowsMax = 8'192;
constexpr size_t kWaitingMax = 4'096;

}  // namespace

Replayer::Replayer(buffer::Buffer& buffer, buffer::MemoryBudget& budget, ring::RingStore& rings,
                   TableId highest_table, std::set<uint64_t> committed,
                   std::function<Status()> make_room)
    : buffer_(buffer),
      budget_(budget),
      rings_(rings),
      highest_table_(highest_table),
      committed_(std::move(committed)),
      make_room_(std::move(make_room)),
      tables_(buffer.Snapshot()) {
  for (const auto& [id, table] : *tables_) flushed_.insert(table->flushed);
}

Status Replayer::Replay(std::span<const log::Record> records) {
  VARVE_CHECK(!records.empty());
  const Lsn first = records.front().lsn;
  const Lsn end = records.back().lsn.Next();
  if (FlushedWithin(first, records.back().lsn)) {
    return DataLoss(
        "the files of a table end within the transaction of log record {}: log and lake "
        "do not belong together",
        first.value);
  }
  const bool is_alone = IsOfUnreadable(records);
  if (is_alone || FlushedWithin(collected_lsns_.begin, first)) EndCollected();
  if (collected_lsns_.begin == collected_lsns_.end) collected_lsns_ = {first, first};
  VARVE_CHECK(collected_lsns_.end <= first);
  VARVE_ASSIGN_OR_RETURN(const bool committed, IsCommitted(records.front()));
  if (committed) {
    if (records.front().type == log::RecordType::kDefinition) records = records.subspan(1);
    for (const log::Record& record : records) VARVE_RETURN_IF_ERROR(ReplayRecord(record));
  } else {
    report_.undone_records += records.size();
  }
  collected_lsns_.end = end;
  ++report_.transactions;
  if (!is_alone && collected_bytes_ < kCollectedBytesMax && collected_rows_ < kCollectedRowsMax) {
    return OkStatus();
  }
  EndCollected();
  if (waiting_bytes_ < kCollectedBytesMax && waiting_.size() < kWaitingMax) return OkStatus();
  ApplyWaiting();
  return KeepWithinBudget();
}

Status Replayer::Finish() {
  EndCollected();
  ApplyWaiting();
  return KeepWithinBudget();
}

bool Replayer::FlushedWithin(Lsn begin, Lsn end) const {
  const auto at = flushed_.lower_bound(begin);
  return at != flushed_.end() && *at < end;
}

bool Replayer::IsOfUnreadable(std::span<const log::Record> records) const {
  return std::any_of(records.begin(), records.end(), [&](const log::Record& record) {
    const auto at = tables_->find(record.table);
    return at != tables_->end() && at->second->files != nullptr &&
           !at->second->files->unreadable.empty();
  });
}

Result<bool> Replayer::IsCommitted(const log::Record& first) {
  // The segment with its beginning was cut away, which waits until the lake has every row of the
  // transaction that counts: the others do not count.
  if (first.transaction.value != first.lsn.value) return false;
  if (first.type != log::RecordType::kDefinition) return true;
  ByteReader payload(first.payload);
  VARVE_ASSIGN_OR_RETURN(const uint64_t number, payload.Little<uint64_t>());
  if (!committed_.contains(number)) return false;
  report_.committed.insert(number);
  return true;
}

Status Replayer::ReplayRecord(const log::Record& record) {
  switch (record.type) {
    case log::RecordType::kRows:
      return ReplayRows(record);
    case log::RecordType::kRingSamples:
      return Annotate(ReplayRings(record), fmt::format("log record {}", record.lsn.value));
    default:
      return DataLoss("log record {} has a type that this version does not know: {}",
                      record.lsn.value, static_cast<int>(record.type));
  }
}

Status Replayer::ReplayRings(const log::Record& record) {
  if (record.lsn <= rings_.checkpoint_lsn()) {
    ++report_.checkpointed_records;
    return OkStatus();
  }
  VARVE_ASSIGN_OR_RETURN(const ring::RingChange change, ring::DecodeChange(record.payload));
  VARVE_RETURN_IF_ERROR(rings_.Apply(record.lsn, change).status());
  ++report_.ring_records;
  report_.ring_samples += change.samples.size();
  return OkStatus();
}

Status Replayer::ReplayRows(const log::Record& record) {
  const auto at = tables_->find(record.table);
  if (at == tables_->end()) {
    if (record.table <= highest_table_) {
      ++report_.dropped_records;
      return OkStatus();
    }
    return DataLoss(
        "log record {} is of table {}, but the highest table id ever given is {}: the log and "
        "meta.duckdb do not belong together",
        record.lsn.value, record.table.value, highest_table_.value);
  }
  const buffer::TableSnapshot& table = *at->second;
  if (record.lsn <= table.flushed) {
    ++report_.flushed_records;
    return OkStatus();
  }
  VARVE_ASSIGN_OR_RETURN(BatchRef rows, ReadRowRecord(*table.table, record));
  if (rows->rows == 0) return OkStatus();
  report_.rows += rows->rows;
  collected_rows_ += rows->rows;
  collected_bytes_ += rows->MemoryBytes();
  collected_[record.table].push_back(std::move(rows));
  return OkStatus();
}

void Replayer::EndCollected() {
  if (collected_lsns_.begin == collected_lsns_.end) return;
  std::vector<TableRows> rows;
  for (auto& [id, batches] : collected_) {
    const TableRef& table = tables_->at(id)->table;
    uint64_t together = 0;
    for (const BatchRef& batch : batches) together += batch->rows;
    // Large batches stay as they are: the buffer merges them, and none may pass kBatchRowsMax.
    if (batches.size() > 1 && together <= kCollectedRowsMax) {
      batches = {std::make_shared<const Batch>(Concatenate(batches))};
    }
    for (BatchRef& batch : batches) rows.push_back({table, std::move(batch)});
  }
  for (const TableRows& part : rows) {
    const uint64_t bytes = buffer::SegmentBytes(*part.rows);
    budget_.Charge(bytes);
    waiting_bytes_ += bytes;
  }
  waiting_.push_back({collected_lsns_, std::move(rows)});
  collected_.clear();
  collected_lsns_ = {};
  collected_bytes_ = 0;
  collected_rows_ = 0;
}

void Replayer::ApplyWaiting() {
  buffer_.Apply(waiting_);
  waiting_.clear();
  waiting_bytes_ = 0;
}

Status Replayer::KeepWithinBudget() {
  const uint64_t used = budget_.used();
  if (used <= budget_.soft_bytes() || used <= ask_again_above_) return OkStatus();
  const Status room = make_room_();
  if (room.ok()) {
    ask_again_above_ = 0;
    return OkStatus();
  }
  if (budget_.used() > budget_.hard_bytes()) {
    return Annotate(room, fmt::format("the log holds more rows than fit into {} bytes of memory, "
                                      "and they could not be put on the disk",
                                      budget_.hard_bytes()));
  }
  ask_again_above_ = used + budget_.hard_bytes() / 16;
  return OkStatus();
}

}  // namespace varve::ingest
