// Implements RingStore: a registry in memory, rings in slabs, checkpoints that tie them to the log.
//
// Rules:    a place is zeros when it is given, and one that was left is zeroed and given again only
//           after a checkpoint that does not name it: until then a replay may need what it holds.
// Threads:  see ring_store.h. Lock order: checkpoint_mu_, reserve_mu_, mu_, then a slab's own.
//           Under mu_ no I/O, but what Apply must do for a change that was not reserved.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "ring/checkpoint_file.h"
#include "ring/registry.h"
#include "ring/ring_store.h"
#include "ring/slab_set.h"
#include "ring/spare_file.h"

namespace varve::ring {

class SlabRingStore final : public RingStore {
 public:
  SlabRingStore(io::FileSystem& files, RingOptions options)
      : files_(files),
        options_(std::move(options)),
        head_spare_(files, io::JoinPath(options_.dir, "spare-checkpoint")),
        registry_spare_(files, io::JoinPath(options_.dir, "spare-registry")) {}

  // Before any other call.
  Status Load();
  // As far as there is room.
  void PrepareSpares() VARVE_EXCLUDES(mu_);

  MetricRef Find(MetricId id) const override;
  MetricRef Find(std::string_view name, std::span<const Tag> tags) const override;
  void WithMetrics(const std::function<void(const MetricFinder&)>& use) const override;
  std::vector<MetricRef> All() const override;
  std::vector<MetricRef> Lookup(const Selector& selector, size_t limit) const override;
  std::vector<std::string> Names() const override;
  std::map<std::string, std::vector<std::string>> TagValues(
      std::optional<std::string_view> name) const override;
  Status Read(MetricId id, SecondsRange range, std::vector<Point>& out) const override;

  Status Reserve(const RingChange& change) override;
  bool TryReserve(const RingChange& change) const override;
  MetricId TakeId() override;
  Result<Applied> Apply(Lsn lsn, const RingChange& change) override;

  Status Checkpoint() override;
  Lsn CheckpointedThrough(Lsn durable) const override;
  Lsn checkpoint_lsn() const override;
  Telemetry telemetry() const override;

 private:
  // Bytes of a slab that must be on disk, or in memory, before they are touched.
  struct Piece {
    std::shared_ptr<Slab> slab;
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };
  struct FreedPlace {
    Place place;
    Lsn lsn;  // of the change that left it
  };
  // What a checkpoint writes, as of one Lsn.
  struct Snapshot {
    CheckpointHead head;
    bool registry_changed = false;
    std::vector<PlacedMetric> metrics;
    std::vector<std::shared_ptr<Slab>> dirty;
    bool files_made = false;
  };

  // Start.
  using SlabNames = std::set<std::pair<uint32_t, uint32_t>>;  // number, slots
  Result<SlabNames> ListSlabs();
  Status AddFromRegistry(PlacedMetric placed, const SlabNames& names) VARVE_REQUIRES(mu_);
  Status RemoveUnnamed(const CheckpointHead& head) VARVE_REQUIRES(checkpoint_mu_, mu_);

  // Reads.
  // nullopt: done, `status` says how; else what to bring into memory first.
  std::optional<std::vector<Piece>> CopyIfLoaded(MetricId id, SecondsRange range,
                                                 bool whatever_is_loaded, std::vector<Point>& out,
                                                 Status& status) const;

  // Reserve.
  Status ReserveSamples(const RingChange& change);
  // What of the pages that the samples will be stored to is not ready.
  std::vector<Piece> MissingFor(const RingChange& change) const;
  Status ReservePlaces(const RingChange& change) VARVE_REQUIRES(reserve_mu_);
  void TakeBackReserved() VARVE_REQUIRES(reserve_mu_);
  Result<Place> TakePlace(uint32_t slots) VARVE_REQUIRES(reserve_mu_);
  Status ReserveReshape(const ReshapeMetric& reshape, const Place& place)
      VARVE_REQUIRES(reserve_mu_);

  // Apply.
  Status Validate(const RingChange& change) const VARVE_REQUIRES(mu_);
  Result<Place> PlaceFor(MetricId id, uint32_t slots) VARVE_REQUIRES(mu_);
  Status Create(const Metric& metric) VARVE_REQUIRES(mu_);
  Status PutSample(const Sample& sample, Applied& applied) VARVE_REQUIRES(mu_);
  void Drop(Lsn lsn, MetricId id) VARVE_REQUIRES(mu_);
  Status Reshape(Lsn lsn, const ReshapeMetric& reshape) VARVE_REQUIRES(mu_);
  void LeavePlace(Lsn lsn, const Entry& entry) VARVE_REQUIRES(mu_);

  // Checkpoint.
  Status WriteCheckpoint() VARVE_REQUIRES(checkpoint_mu_);
  std::optional<Snapshot> TakeSnapshot() VARVE_REQUIRES(checkpoint_mu_);
  Status SyncSlabs(const Snapshot& snapshot) VARVE_REQUIRES(checkpoint_mu_);
  void GiveBack(const Snapshot& snapshot) VARVE_EXCLUDES(mu_);
  Status WriteFiles(Snapshot& snapshot) VARVE_REQUIRES(checkpoint_mu_);
  void RemoveUnlessNamed(uint64_t registry) VARVE_REQUIRES(checkpoint_mu_);
  Status FreePlaces(Lsn through) VARVE_REQUIRES(checkpoint_mu_);
  Status RemoveOldFiles() VARVE_REQUIRES(checkpoint_mu_);

  io::FileSystem& files_;
  const RingOptions options_;
  // What a checkpoint is written to on a full disk: it is what gives room back.
  SpareFile head_spare_;
  SpareFile registry_spare_;

  // Set by Load, then only by the thread that checkpoints.
  Mutex checkpoint_mu_ VARVE_ACQUIRED_BEFORE(reserve_mu_);
  RegistryFile registry_file_ VARVE_GUARDED_BY(checkpoint_mu_);
  uint64_t next_registry_ VARVE_GUARDED_BY(checkpoint_mu_) = 1;
  std::vector<uint64_t> old_registries_ VARVE_GUARDED_BY(checkpoint_mu_);
  bool names_unsynced_ VARVE_GUARDED_BY(checkpoint_mu_) = false;
  Status broken_ VARVE_GUARDED_BY(checkpoint_mu_);

  // Held by one creating or reshaping change at a time, with the I/O for its places.
  Mutex reserve_mu_ VARVE_ACQUIRED_BEFORE(mu_);

  mutable SharedMutex mu_;
  Registry registry_ VARVE_GUARDED_BY(mu_);
  SlabSet slabs_ VARVE_GUARDED_BY(mu_);
  std::map<MetricId, Place> reserved_ VARVE_GUARDED_BY(mu_);
  std::vector<FreedPlace> freed_ VARVE_GUARDED_BY(mu_);
  uint64_t ring_slots_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t registry_bytes_ VARVE_GUARDED_BY(mu_) = kRegistryHeadBytes;
  bool registry_changed_ VARVE_GUARDED_BY(mu_) = false;
  bool files_made_ VARVE_GUARDED_BY(mu_) = false;  // whose names may not be durable
  Lsn applied_ VARVE_GUARDED_BY(mu_);
  Lsn checkpointed_ VARVE_GUARDED_BY(mu_);
  uint64_t samples_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t stale_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t checkpoints_ VARVE_GUARDED_BY(mu_) = 0;
  std::atomic<uint64_t> next_metric_ = 1;
};

}  // namespace varve::ring
