// How SlabRingStore takes changes: room first (Reserve), then, once logged, the change (Apply).
#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/fault_point.h"
#include "ring/slab_ring_store.h"

namespace varve::ring {
namespace {

using NameAndTags = std::pair<std::string_view, std::span<const Tag>>;

struct ByNameAndTags {
  bool operator()(const NameAndTags& a, const NameAndTags& b) const {
    if (a.first != b.first) return a.first < b.first;
    return std::lexicographical_compare(a.second.begin(), a.second.end(), b.second.begin(),
                                        b.second.end());
  }
};

}  // namespace

MetricId SlabRingStore::TakeId() {
  uint64_t id = next_metric_.load();
  // 0 when all are used up; Reserve refuses it.
  while (id <= UINT32_MAX && !next_metric_.compare_exchange_weak(id, id + 1)) {
  }
  return MetricId(id <= UINT32_MAX ? static_cast<uint32_t>(id) : 0);
}

Status SlabRingStore::Reserve(const RingChange& change) {
  if (!change.created.empty() || !change.reshaped.empty()) {
    const MutexLock lock(reserve_mu_);
    TakeBackReserved();
    if (Status reserved = ReservePlaces(change); !reserved.ok()) {
      TakeBackReserved();
      return reserved;
    }
  }
  return ReserveSamples(change);
}

// Places that were given for a change that never came, as the log refused it. Nothing was stored
// there, so that they are zeros as they must be.
void SlabRingStore::TakeBackReserved() {
  const WriterLock lock(mu_);
  for (const auto& [id, place] : reserved_) slabs_.Free(place);
  reserved_.clear();
}

Status SlabRingStore::ReservePlaces(const RingChange& change) {
  uint64_t registry_bytes = 0;
  {
    const ReaderLock lock(mu_);
    if (registry_.size() + change.created.size() > options_.metrics_max) {
      return SqlErrorf(sqlstate::kStatementTooComplex,
                       "there are {} metrics, and at most {} may be", registry_.size(),
                       options_.metrics_max);
    }
    registry_bytes = registry_bytes_;
  }
  // What is taken must be named by a checkpoint, also when the disk is full then.
  for (const Metric& metric : change.created) registry_bytes += RegistryBytes(metric);
  if (!change.created.empty()) {
    VARVE_RETURN_IF_ERROR(registry_spare_.Prepare(registry_bytes));
  }
  for (const Metric& metric : change.created) {
    if (metric.id.value == 0) {
      return SqlErrorf(sqlstate::kStatementTooComplex, "all metric ids are used up");
    }
    VARVE_ASSIGN_OR_RETURN(Place place, TakePlace(metric.shape.slots));
    const WriterLock lock(mu_);
    reserved_[metric.id] = std::move(place);
  }
  for (const ReshapeMetric& reshape : change.reshaped) {
    VARVE_ASSIGN_OR_RETURN(Place place, TakePlace(reshape.shape.slots));
    {
      const WriterLock lock(mu_);
      reserved_[reshape.id] = place;
    }
    VARVE_RETURN_IF_ERROR(ReserveReshape(reshape, place));
  }
  return OkStatus();
}

Result<Place> SlabRingStore::TakePlace(uint32_t slots) {
  SlabId id;
  uint64_t bytes = 0;
  {
    const WriterLock lock(mu_);
    if (std::optional<Place> place = slabs_.Take(slots)) return *std::move(place);
    if (slabs_.size() >= kSlabFilesMax) {
      return SqlErrorf(sqlstate::kStatementTooComplex,
                       "there are {} slab files of rings, and no more may be", slabs_.size());
    }
    id = {slabs_.NewSlabSlots(slots), slabs_.TakeNumber()};
    bytes = slabs_.NewSlabBytes(id.slots, options_.slab_bytes_max);
  }
  VARVE_ASSIGN_OR_RETURN(std::shared_ptr<Slab> slab, Slab::Create(files_, options_.dir, id, bytes));
  const WriterLock lock(mu_);
  files_made_ = true;
  slabs_.Add(std::move(slab));
  return *slabs_.Take(slots);
}

// Room for the samples that will be kept.
Status SlabRingStore::ReserveReshape(const ReshapeMetric& reshape, const Place& place) {
  std::vector<Point> points;
  if (Status read = Read(reshape.id, SecondsRange(), points); !read.ok()) {
    return read.code() == StatusCode::kNotFound ? OkStatus() : read;  // Apply says what is wrong.
  }
  const uint64_t base = place.slab->OffsetOf(place.index);
  for (const Point& point : points) {
    const uint32_t slot = WindowOf(point.ts, reshape.shape) % reshape.shape.slots;
    const uint64_t offset = base + kSlotBytes * slot;
    if (place.slab->IsReady(offset, kSlotBytes)) continue;
    VARVE_RETURN_IF_ERROR(place.slab->MakeReady(offset, kSlotBytes));
  }
  return OkStatus();
}

bool SlabRingStore::TryReserve(const RingChange& change) const {
  return change.created.empty() && change.reshaped.empty() && MissingFor(change).empty();
}

std::vector<SlabRingStore::Piece> SlabRingStore::MissingFor(const RingChange& change) const {
  std::vector<Piece> missing;
  // The metrics that the change itself makes have a place and a shape, but no entry yet.
  std::map<MetricId, RingShape> created;
  for (const Metric& metric : change.created) created[metric.id] = metric.shape;
  const ReaderLock lock(mu_);
  for (const Sample& sample : change.samples) {
    Slab* slab = nullptr;
    uint64_t offset = 0;
    if (const Entry* entry = registry_.Find(sample.metric)) {
      slab = entry->slab;
      offset = entry->OffsetOf(WindowOf(sample.ts, entry->shape));
    } else if (const auto made = created.find(sample.metric); made != created.end()) {
      const auto place = reserved_.find(sample.metric);
      if (place == reserved_.end()) continue;
      slab = place->second.slab.get();
      offset = Entry{nullptr, slab, place->second.index, made->second}.OffsetOf(
          WindowOf(sample.ts, made->second));
    } else {
      continue;  // Dropped meanwhile: it will count as stale.
    }
    if (!slab->IsReady(offset, kSlotBytes)) {
      missing.push_back({slab->shared_from_this(), offset, kSlotBytes});
    }
  }
  return missing;
}

Status SlabRingStore::ReserveSamples(const RingChange& change) {
  for (const Piece& piece : MissingFor(change)) {
    const Status ready = piece.slab->MakeReady(piece.offset, piece.bytes);
    // Its slab went with its last ring meanwhile: the sample will count as stale.
    if (!ready.ok() && ready.code() != StatusCode::kNotFound) return ready;
  }
  return OkStatus();
}

Result<Applied> SlabRingStore::Apply(Lsn lsn, const RingChange& change) {
  const WriterLock lock(mu_);
  Applied applied;
  if (lsn <= applied_) return applied;
  if (Status valid = Validate(change); !valid.ok()) {
    return Annotate(valid, fmt::format("record {} of the log contradicts the rings", lsn.value));
  }
  for (const Metric& metric : change.created) VARVE_RETURN_IF_ERROR(Create(metric));
  for (const Sample& sample : change.samples) VARVE_RETURN_IF_ERROR(PutSample(sample, applied));
  for (const DropMetric& drop : change.dropped) Drop(lsn, drop.id);
  for (const ReshapeMetric& reshape : change.reshaped) {
    VARVE_RETURN_IF_ERROR(Reshape(lsn, reshape));
  }
  applied_ = lsn;
  samples_ += applied.accepted;
  stale_ += applied.stale;
  return applied;
}

Status SlabRingStore::Validate(const RingChange& change) const {
  std::set<MetricId> created;
  std::set<NameAndTags, ByNameAndTags> names;
  uint64_t next = next_metric_;
  for (const Metric& metric : change.created) {
    if (const Status checked = CheckMetric(metric); !checked.ok() || metric.id.value == 0) {
      return DataLoss("metric {}: {}", metric.id.value, MessageOf(checked));
    }
    if (registry_.Find(metric.id) || registry_.Find(metric.name, std::span(metric.tags)) ||
        !created.insert(metric.id).second || !names.insert({metric.name, metric.tags}).second) {
      return DataLoss("metric {} (\"{}\") is made a second time", metric.id.value, metric.name);
    }
    next = std::max(next, uint64_t{metric.id.value} + 1);
  }
  for (const Sample& sample : change.samples) {
    if (sample.ts < 0 || sample.ts > kTsMax || sample.metric.value >= next) {
      return DataLoss("a sample of metric {} at {}", sample.metric.value, sample.ts);
    }
  }
  std::set<MetricId> gone;
  for (const DropMetric& drop : change.dropped) {
    const bool there = registry_.Find(drop.id) != nullptr || created.contains(drop.id);
    if (!there || !gone.insert(drop.id).second) {
      return DataLoss("metric {} is dropped and is not there", drop.id.value);
    }
  }
  for (const ReshapeMetric& reshape : change.reshaped) {
    const bool there = registry_.Find(reshape.id) != nullptr || created.contains(reshape.id);
    if (!there || gone.contains(reshape.id) || !CheckShape(reshape.shape).ok()) {
      return DataLoss("metric {} gets the shape {} x {} s and is not there, or cannot",
                      reshape.id.value, reshape.shape.slots, reshape.shape.step_seconds);
    }
  }
  return OkStatus();
}

// What Reserve has given, or for a change that was not reserved (a replay) a place of its own.
Result<Place> SlabRingStore::PlaceFor(MetricId id, uint32_t slots) {
  if (auto reserved = reserved_.extract(id); !reserved.empty()) {
    if (reserved.mapped().slab->id().slots >= slots) return std::move(reserved.mapped());
    slabs_.Free(reserved.mapped());  // As it was given.
  }
  if (std::optional<Place> place = slabs_.Take(slots)) return *std::move(place);
  const SlabId of_slab{slabs_.NewSlabSlots(slots), slabs_.TakeNumber()};
  VARVE_ASSIGN_OR_RETURN(std::shared_ptr<Slab> slab,
                         Slab::Create(files_, options_.dir, of_slab,
                                      slabs_.NewSlabBytes(of_slab.slots, options_.slab_bytes_max)));
  files_made_ = true;
  slabs_.Add(std::move(slab));
  return *slabs_.Take(slots);
}

Status SlabRingStore::Create(const Metric& metric) {
  VARVE_ASSIGN_OR_RETURN(const Place place, PlaceFor(metric.id, metric.shape.slots));
  VARVE_CHECK(registry_.Add(
      {std::make_shared<const Metric>(metric), place.slab.get(), place.index, metric.shape}));
  ring_slots_ += metric.shape.slots;
  registry_bytes_ += RegistryBytes(metric);
  registry_changed_ = true;
  uint64_t next = next_metric_;
  while (next <= metric.id.value &&
         !next_metric_.compare_exchange_weak(next, uint64_t{metric.id.value} + 1)) {
  }
  return OkStatus();
}

Status SlabRingStore::PutSample(const Sample& sample, Applied& applied) {
  const Entry* entry = registry_.Find(sample.metric);
  if (entry == nullptr) {
    ++applied.stale;
    return OkStatus();
  }
  Slab& slab = *entry->slab;
  const uint32_t window = WindowOf(sample.ts, entry->shape);
  const uint64_t offset = entry->OffsetOf(window);
  if (!slab.IsReady(offset, kSlotBytes)) {
    VARVE_RETURN_IF_ERROR(slab.MakeReady(offset, kSlotBytes));
  }
  if (Ring(slab.At(entry->index), entry->shape).Put(window, sample.value)) {
    ++applied.accepted;
    slab.MarkDirty();
  } else {
    ++applied.stale;
  }
  return OkStatus();
}

void SlabRingStore::LeavePlace(Lsn lsn, const Entry& entry) {
  freed_.push_back({{entry.slab->shared_from_this(), entry.index}, lsn});
  ring_slots_ -= entry.shape.slots;
  registry_changed_ = true;
}

void SlabRingStore::Drop(Lsn lsn, MetricId id) {
  LeavePlace(lsn, *registry_.Find(id));
  registry_bytes_ -= RegistryBytes(*registry_.Find(id)->metric);
  VARVE_FAULT_POINT("ring.mid_drop");
  registry_.Remove(id);
}

// As if what fits had been written into the new ring in the order of time.
Status SlabRingStore::Reshape(Lsn lsn, const ReshapeMetric& reshape) {
  const Entry old = *registry_.Find(reshape.id);
  if (old.shape == reshape.shape) return OkStatus();
  VARVE_ASSIGN_OR_RETURN(const Place place, PlaceFor(reshape.id, reshape.shape.slots));
  auto metric = std::make_shared<Metric>(*old.metric);
  metric->shape = reshape.shape;
  const Entry entry{std::move(metric), place.slab.get(), place.index, reshape.shape};
  std::vector<Point> points;
  Ring(old.slab->At(old.index), old.shape).Read(SecondsRange(), points);
  Ring ring(place.slab->At(place.index), reshape.shape);
  for (const Point& point : points) {
    const uint64_t offset = entry.OffsetOf(WindowOf(point.ts, reshape.shape));
    if (!place.slab->IsReady(offset, kSlotBytes)) {
      VARVE_RETURN_IF_ERROR(place.slab->MakeReady(offset, kSlotBytes));
    }
    VARVE_CHECK(ring.Put(point));
  }
  VARVE_FAULT_POINT("ring.mid_reshape");
  place.slab->MarkDirty();
  LeavePlace(lsn, old);
  ring_slots_ += reshape.shape.slots;
  registry_.Replace(entry);
  return OkStatus();
}

}  // namespace varve::ring
