#include "ring/slab_ring_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"

namespace varve::ring {
namespace {

class Finder : public MetricFinder {
 public:
  explicit Finder(const Registry& registry) : registry_(registry) {}
  const Metric* Find(MetricId id) const override { return MetricOf(registry_.Find(id)); }
  const Metric* Find(std::string_view name, std::span<const TagView> tags) const override {
    return MetricOf(registry_.Find(name, tags));
  }

 private:
  static const Metric* MetricOf(const Entry* entry) {
    return entry == nullptr ? nullptr : entry->metric.get();
  }
  const Registry& registry_;
};

std::map<std::string, std::vector<std::string>> TagValuesOf(const std::vector<MetricRef>& metrics) {
  std::map<std::string_view, std::set<std::string_view>> found;
  for (const MetricRef& metric : metrics) {
    for (const Tag& tag : metric->tags) found[tag.key].insert(tag.value);
  }
  std::map<std::string, std::vector<std::string>> all;
  for (const auto& [key, values] : found) {
    all.emplace(key, std::vector<std::string>(values.begin(), values.end()));
  }
  return all;
}

}  // namespace

Result<std::unique_ptr<RingStore>> RingStore::Open(io::FileSystem& files,
                                                   const RingOptions& options) {
  auto store = std::make_unique<SlabRingStore>(files, options);
  VARVE_RETURN_IF_ERROR(store->Load());
  store->PrepareSpares();
  return store;
}

Status SlabRingStore::Load() {
  const MutexLock checkpoint(checkpoint_mu_);
  const WriterLock lock(mu_);  // Nobody else is there yet.
  VARVE_RETURN_IF_ERROR(files_.MakeDirs(options_.dir));
  Result<CheckpointHead> head = ReadHead(files_, options_.dir);
  if (!head.ok() && head.status().code() == StatusCode::kNotFound) {
    // Only a folder that was never used has none: see below.
    VARVE_ASSIGN_OR_RETURN(const std::vector<io::DirEntry> entries, files_.List(options_.dir));
    for (const io::DirEntry& entry : entries) {
      if (ParseSlabFileName(entry.name) || ParseRegistryFileName(entry.name)) {
        return DataLoss("{} is missing beside {}", io::JoinPath(options_.dir, kCheckpointName),
                        entry.name);
      }
    }
    head = CheckpointHead();
    VARVE_RETURN_IF_ERROR(
        files_.Replace(io::JoinPath(options_.dir, kCheckpointName), EncodeHead(*head)));
  }
  VARVE_RETURN_IF_ERROR(head.status());
  VARVE_ASSIGN_OR_RETURN(const SlabNames names, ListSlabs());
  VARVE_RETURN_IF_ERROR(ReadRegistry(files_, options_.dir, *head,
                                     [&](PlacedMetric placed)
                                         VARVE_NO_THREAD_SAFETY_ANALYSIS {  // Called below `lock`.
                                           return AddFromRegistry(std::move(placed), names);
                                         }));
  VARVE_RETURN_IF_ERROR(RemoveUnnamed(*head));
  for (const std::shared_ptr<Slab>& slab : slabs_.All()) VARVE_RETURN_IF_ERROR(slab->ZeroFree());
  registry_file_ = head->registry;
  next_metric_ = head->next_metric;
  applied_ = checkpointed_ = head->lsn;
  return OkStatus();
}

Result<SlabRingStore::SlabNames> SlabRingStore::ListSlabs() {
  VARVE_ASSIGN_OR_RETURN(const std::vector<io::DirEntry> entries, files_.List(options_.dir));
  SlabNames names;
  for (const io::DirEntry& entry : entries) {
    if (const auto slab = ParseSlabFileName(entry.name)) names.emplace(slab->number, slab->slots);
  }
  return names;
}

Status SlabRingStore::AddFromRegistry(PlacedMetric placed, const SlabNames& names) {
  SlabId id{placed.metric->shape.slots, placed.slab};
  // The places of a slab may be larger than the ring.
  const auto named = names.lower_bound({id.number, id.slots});
  if (named != names.end() && named->first == id.number) id.slots = named->second;
  Slab* slab = slabs_.Find(id);
  if (slab == nullptr) {
    VARVE_ASSIGN_OR_RETURN(std::shared_ptr<Slab> opened, Slab::Open(files_, options_.dir, id));
    slab = opened.get();
    slabs_.Add(std::move(opened));
  }
  const uint32_t metric = placed.metric->id.value;
  if (!slabs_.TakeAt(*slab, placed.index)) {
    return DataLoss("metric {} has place {} of slab {}, which is taken or not there", metric,
                    placed.index, slab->path());
  }
  const RingShape shape = placed.metric->shape;
  const uint64_t bytes = RegistryBytes(*placed.metric);
  if (!registry_.Add({std::move(placed.metric), slab, placed.index, shape})) {
    return DataLoss("metric {} has a name and tags that another one has", metric);
  }
  ring_slots_ += shape.slots;
  registry_bytes_ += bytes;
  return OkStatus();
}

// What was made after the checkpoint, or left before it: the log makes the former again.
Status SlabRingStore::RemoveUnnamed(const CheckpointHead& head) {
  VARVE_ASSIGN_OR_RETURN(const std::vector<io::DirEntry> entries, files_.List(options_.dir));
  next_registry_ = head.registry.number + 1;
  for (const io::DirEntry& entry : entries) {
    const std::optional<SlabId> slab = ParseSlabFileName(entry.name);
    const std::optional<uint64_t> registry = ParseRegistryFileName(entry.name);
    if (slab) slabs_.NoteNumber(slab->number);
    if (registry) next_registry_ = std::max(next_registry_, *registry + 1);
    if ((slab && slabs_.Find(*slab) == nullptr) ||
        (registry && *registry != head.registry.number)) {
      VARVE_RETURN_IF_ERROR(files_.Remove(io::JoinPath(options_.dir, entry.name)));
    }
  }
  return OkStatus();
}

MetricRef SlabRingStore::Find(MetricId id) const {
  const ReaderLock lock(mu_);
  const Entry* entry = registry_.Find(id);
  return entry == nullptr ? nullptr : entry->metric;
}

MetricRef SlabRingStore::Find(std::string_view name, std::span<const Tag> tags) const {
  const ReaderLock lock(mu_);
  const Entry* entry = registry_.Find(name, tags);
  return entry == nullptr ? nullptr : entry->metric;
}

void SlabRingStore::WithMetrics(const std::function<void(const MetricFinder&)>& use) const {
  const ReaderLock lock(
      mu_);  // A callback under a lock: what it may not do stands at its declaration.
  use(Finder(registry_));
}

std::vector<MetricRef> SlabRingStore::All() const {
  const ReaderLock lock(mu_);
  return registry_.All();
}

std::vector<MetricRef> SlabRingStore::Lookup(const Selector& selector, size_t limit) const {
  const ReaderLock lock(mu_);
  return registry_.Lookup(selector, limit);
}

std::vector<std::string> SlabRingStore::Names() const {
  const ReaderLock lock(mu_);
  return registry_.Names();
}

std::map<std::string, std::vector<std::string>> SlabRingStore::TagValues(
    std::optional<std::string_view> name) const {
  std::vector<MetricRef> metrics;
  {
    const ReaderLock lock(mu_);
    if (!name) return registry_.TagValues();
    metrics = registry_.Named(*name);
  }
  return TagValuesOf(metrics);  // Without the lock: there may be many.
}

Status SlabRingStore::Read(MetricId id, SecondsRange range, std::vector<Point>& out) const {
  const size_t first = out.size();
  Status status;
  if (const auto missing = CopyIfLoaded(id, range, false, out, status)) {
    // Waits for the disk without a lock.
    for (const Piece& piece : *missing) {
      VARVE_RETURN_IF_ERROR(piece.slab->Load(piece.offset, piece.bytes));
    }
    VARVE_CHECK(!CopyIfLoaded(id, range, true, out, status));
  }
  // Not under the lock either, where changes wait: a ring may have millions of points.
  Ring::Order(std::span(out).subspan(first));
  return status;
}

std::optional<std::vector<SlabRingStore::Piece>> SlabRingStore::CopyIfLoaded(
    MetricId id, SecondsRange range, bool whatever_is_loaded, std::vector<Point>& out,
    Status& status) const {
  const ReaderLock lock(mu_);
  const Entry* entry = registry_.Find(id);
  if (entry == nullptr) {
    status = NotFound("no metric {}", id.value);
    return std::nullopt;
  }
  Slab& slab = *entry->slab;
  std::vector<Piece> missing;
  for (const SlotRange& slots : Ring::Touched(range, entry->shape)) {
    const uint64_t offset = slab.OffsetOf(entry->index) + kSlotBytes * slots.begin;
    const uint64_t bytes = kSlotBytes * (slots.end - slots.begin);
    if (!whatever_is_loaded && !slab.IsLoaded(offset, bytes)) {
      missing.push_back({slab.shared_from_this(), offset, bytes});
    }
  }
  if (!missing.empty()) return missing;
  Ring(slab.At(entry->index), entry->shape).Copy(range, out);
  return std::nullopt;
}

Lsn SlabRingStore::CheckpointedThrough(Lsn durable) const {
  const ReaderLock lock(mu_);
  return applied_ == checkpointed_ ? durable : checkpointed_;
}

Lsn SlabRingStore::checkpoint_lsn() const {
  const ReaderLock lock(mu_);
  return checkpointed_;
}

RingStore::Telemetry SlabRingStore::telemetry() const {
  const ReaderLock lock(mu_);
  Telemetry now;
  now.metrics = registry_.size();
  now.ring_bytes = ring_slots_ * kSlotBytes;
  now.slab_files = slabs_.size();
  now.stale_samples = stale_;
  now.samples = samples_;
  now.checkpoints = checkpoints_;
  now.applied = applied_;
  now.checkpointed = checkpointed_;
  return now;
}

}  // namespace varve::ring
