#include "buffer/buffer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace varve::buffer {
namespace {

// Large enough to keep the list short, small enough that flushing one frees a useful part of the
// budget and merging one does not overrun it.
constexpr uint64_t kLargeMergeBytesMax = 64u << 20;
constexpr uint64_t kLargeMergeBudgetShare = 32;

bool IsMiddleSized(std::span<const SegmentRef> run) {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  for (const SegmentRef& segment : run) {
    rows += segment->rows->rows;
    bytes += segment->bytes;
  }
  return rows >= kSmallMergeRowsMax / kFanout || bytes >= kSmallMergeBytesMax / kFanout;
}

LsnRange LsnsOf(const SegmentRef& segment) { return segment->lsns; }
LsnRange LsnsOf(const StagedPartRef& part) { return part->content().lsns; }

// The first of `list` that begins after `through`.
template <typename Ref>
typename std::vector<Ref>::const_iterator FirstAfter(const std::vector<Ref>& list, Lsn through) {
  return std::find_if(list.begin(), list.end(),
                      [&](const Ref& ref) { return through < LsnsOf(ref).begin; });
}

// Whether none of `list` has records on both sides of `through`: taking that one out would lose
// rows, leaving it in would show them twice.
template <typename Ref>
bool IsCutAt(const std::vector<Ref>& list, Lsn through) {
  const auto first_kept = FirstAfter(list, through);
  return first_kept == list.begin() || LsnsOf(*(first_kept - 1)).end.Prev() <= through;
}

}  // namespace

Buffer::Buffer(MemoryBudget& budget)
    : budget_(budget), current_(std::make_shared<const SnapshotMap>()) {}

void Buffer::OnLargeMergeDue(std::function<void()> wake) { wake_merger_ = std::move(wake); }

SnapshotRef Buffer::Snapshot() const {
  MutexLock lock(mu_);
  return current_;
}

SnapshotRef Buffer::Publish(SnapshotMap next) {
  auto published = std::make_shared<const SnapshotMap>(std::move(next));
  MutexLock lock(mu_);
  return std::exchange(current_, std::move(published));
}

bool Buffer::Edit(TableId id, const std::function<void(TableSnapshot&)>& edit) {
  SnapshotRef old;
  MutexLock lock(change_mu_);
  SnapshotMap next = *Snapshot();
  const auto at = next.find(id);
  if (at == next.end()) return false;
  auto changed = std::make_shared<TableSnapshot>(*at->second);
  edit(*changed);
  at->second = std::move(changed);
  old = Publish(std::move(next));
  return true;
}

void Buffer::AddTable(TableRef table, FileSetRef files, Lsn flushed) {
  SnapshotRef old;
  MutexLock lock(change_mu_);
  SnapshotMap next = *Snapshot();
  const TableId id = table->id;
  auto added = std::make_shared<TableSnapshot>();
  added->table = std::move(table);
  added->files = std::move(files);
  added->scan_files = added->files;
  added->flushed = flushed;
  VARVE_CHECK(next.emplace(id, std::move(added)).second);
  old = Publish(std::move(next));
}

void Buffer::UpdateTable(TableRef table) {
  const TableId id = table->id;
  Edit(id, [&](TableSnapshot& snapshot) { snapshot.table = std::move(table); });
}

void Buffer::DropTable(TableId id) {
  SnapshotRef old;
  MutexLock lock(change_mu_);
  SnapshotMap next = *Snapshot();
  if (next.erase(id) == 0) return;
  frozen_through_.erase(id);
  old = Publish(std::move(next));
}

void Buffer::Apply(LsnRange lsns, std::span<const TableRows> rows) {
  const Transaction one{lsns, {rows.begin(), rows.end()}};
  Apply({&one, 1});
}

void Buffer::Apply(std::span<const Transaction> transactions) {
  if (transactions.empty()) return;
  std::vector<Added> added;
  for (const Transaction& transaction : transactions) {
    VARVE_CHECK(transaction.lsns.begin < transaction.lsns.end);
    for (const TableRows& part : transaction.rows) {
      added.push_back({part.table->id, MakeSegment(budget_, part.rows, transaction.lsns,
                                                   TimeRangeOf(*part.table, *part.rows))});
    }
  }
  SnapshotRef old;
  {
    MutexLock lock(change_mu_);
    for (const Transaction& transaction : transactions) {
      VARVE_CHECK(applied_ < transaction.lsns.begin);
      applied_ = transaction.lsns.end.Prev();
    }
    if (added.empty()) return;
    SnapshotMap next = *Snapshot();
    std::map<TableId, std::shared_ptr<TableSnapshot>> changed;
    for (const Added& part : added) {
      const auto at = next.find(part.table);
      if (at == next.end()) continue;  // dropped; the segment dies with `added`
      std::shared_ptr<TableSnapshot>& copy = changed[part.table];
      if (copy == nullptr) {
        copy = std::make_shared<TableSnapshot>(*at->second);
        VARVE_CHECK(copy->staged_through() < part.segment->lsns.begin);
        at->second = copy;
      }
      copy->segments.push_back(part.segment);
    }
    old = Publish(std::move(next));
  }
  bool middle_sized = false;
  for (const Added& part : added) {
    middle_sized = MergeTail(part.table) || IsMiddleSized({&part.segment, 1}) || middle_sized;
  }
  if (middle_sized && wake_merger_) wake_merger_();
}

Lsn Buffer::FrozenThrough(TableId id) const {
  const auto at = frozen_through_.find(id);
  return at == frozen_through_.end() ? Lsn{0} : at->second;
}

// How far the files of a table reach that cannot be read now is not known: the segments of its
// transactions stay apart, so that one of them ends there.
bool Buffer::MayMerge(const TableSnapshot& table) {
  return table.files == nullptr || table.files->unreadable.empty();
}

bool Buffer::MergeTail(TableId id) {
  std::vector<SegmentRef> run;
  {
    MutexLock lock(change_mu_);
    const SnapshotRef snapshot = Snapshot();
    const auto at = snapshot->find(id);
    if (at == snapshot->end() || !MayMerge(*at->second)) return false;
    const std::vector<SegmentRef>& segments = at->second->segments;
    const SegmentRun due = SmallMerge(segments, FrozenThrough(id));
    run.assign(segments.begin() + due.begin, segments.begin() + due.end);
  }
  if (run.empty()) return false;
  Merge(id, run);
  return IsMiddleSized(run);
}

MergeLimits Buffer::LargeLimits() const {
  const uint64_t share = budget_.hard_bytes() / kLargeMergeBudgetShare;
  return {kBatchRowsMax, std::min(kLargeMergeBytesMax, share)};
}

bool Buffer::MergeLarge() {
  TableId id;
  std::vector<SegmentRef> run;
  {
    MutexLock lock(change_mu_);
    const SnapshotRef snapshot = Snapshot();
    for (const auto& [table, tables] : *snapshot) {
      if (!MayMerge(*tables)) continue;
      const SegmentRun due = LargeMerge(tables->segments, FrozenThrough(table), LargeLimits());
      if (due.empty()) continue;
      id = table;
      run.assign(tables->segments.begin() + due.begin, tables->segments.begin() + due.end);
      break;
    }
  }
  if (run.empty()) return false;
  Merge(id, run);
  return true;
}

void Buffer::Merge(TableId id, std::span<const SegmentRef> run) {
  VARVE_CHECK(run.size() > 1);
  std::vector<BatchRef> parts;
  TimeRange time_range;
  for (const SegmentRef& segment : run) {
    parts.push_back(segment->rows);
    time_range.Include(segment->time_range);
  }
  auto rows = std::make_shared<const Batch>(Concatenate(parts));
  // The originals stay charged until their last reader goes: for a moment both are held, and both
  // count.
  budget_.Charge(SegmentBytes(*rows));
  const SegmentRef merged = MakeSegment(
      budget_, std::move(rows), {run.front()->lsns.begin, run.back()->lsns.end}, time_range);

  SnapshotRef old;
  MutexLock lock(change_mu_);
  SnapshotMap next = *Snapshot();
  const auto at = next.find(id);
  if (at == next.end() || merged->lsns.begin <= FrozenThrough(id)) return;
  const std::vector<SegmentRef>& segments = at->second->segments;
  const auto first = std::find(segments.begin(), segments.end(), run.front());
  if (static_cast<size_t>(segments.end() - first) < run.size()) return;
  if (!std::equal(run.begin(), run.end(), first)) return;

  auto changed = std::make_shared<TableSnapshot>(*at->second);
  const auto begin = changed->segments.begin() + (first - segments.begin());
  *begin = merged;
  changed->segments.erase(begin + 1, begin + static_cast<ptrdiff_t>(run.size()));
  at->second = std::move(changed);
  old = Publish(std::move(next));
}

Buffer::Frozen Buffer::Freeze(TableId id, uint64_t bytes_max) {
  MutexLock lock(change_mu_);
  const SnapshotRef snapshot = Snapshot();
  const auto at = snapshot->find(id);
  if (at == snapshot->end()) return {};
  const TableSnapshot& table = *at->second;
  Frozen frozen{table.table, {}, table.staged_through()};
  uint64_t bytes = 0;
  for (const SegmentRef& segment : table.segments) {
    bytes += segment->bytes;
    // A transaction of several batches has as many segments with the same Lsns: all or none.
    const bool may_end = frozen.through < segment->lsns.begin;
    if (!frozen.segments.empty() && may_end && bytes > bytes_max) break;
    frozen.segments.push_back(segment);
    frozen.through = segment->lsns.end.Prev();
  }
  // Never lower: the commit of an earlier freeze may be found to have happened after all, and its
  // last segment must not have been merged with later rows.
  frozen_through_[id] = std::max(FrozenThrough(id), frozen.through);
  return frozen;
}

void Buffer::Stage(TableId id, StagedPartRef part) {
  Edit(id, [&](TableSnapshot& table) {
    VARVE_CHECK(table.staged_through() < part->content().lsns.begin);
    VARVE_CHECK(IsCutAt(table.segments, part->through()));
    const auto first_kept = FirstAfter(table.segments, part->through());
    int64_t rows = 0;
    for (auto at = table.segments.cbegin(); at != first_kept; ++at) rows += (*at)->rows->rows;
    VARVE_CHECK(rows == part->content().rows);
    table.segments.erase(table.segments.cbegin(), first_kept);
    table.staged.push_back(part);
    table.scan_files = WithStaged(table.files, table.staged);
  });
}

void Buffer::Swap(TableId id, Lsn through, FileSetRef files) {
  VARVE_CHECK(TrySwap(id, through, std::move(files)));
}

bool Buffer::TrySwap(TableId id, Lsn through, FileSetRef files) {
  bool is_cut = true;
  Edit(id, [&](TableSnapshot& table) {
    if (table.files != nullptr && files->version < table.files->version) {
      VARVE_CHECK(through <= table.flushed);  // the newer version holds what the older one does
      return;
    }
    VARVE_CHECK(table.flushed <= through);
    is_cut = IsCutAt(table.staged, through) && IsCutAt(table.segments, through);
    if (!is_cut) return;
    table.staged.erase(table.staged.cbegin(), FirstAfter(table.staged, through));
    table.segments.erase(table.segments.cbegin(), FirstAfter(table.segments, through));
    table.files = std::move(files);
    table.flushed = through;
    table.scan_files = WithStaged(table.files, table.staged);
  });
  return is_cut;
}

Lsn Buffer::FlushedThrough(Lsn durable) const {
  MutexLock lock(change_mu_);
  Lsn through = durable;
  for (const auto& [id, table] : *Snapshot()) {
    if (!table->staged.empty()) {
      through = std::min(through, table->staged.front()->content().lsns.begin.Prev());
    } else if (!table->segments.empty()) {
      through = std::min(through, table->segments.front()->lsns.begin.Prev());
    }
  }
  return through;
}

}  // namespace varve::buffer
