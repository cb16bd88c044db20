// How SlabRingStore makes what was applied durable, and then gives left places back.
#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "ring/slab_ring_store.h"

namespace varve::ring {

Status SlabRingStore::Checkpoint() {
  const MutexLock lock(checkpoint_mu_);  // Held for the I/O: one checkpoint at a time.
  VARVE_RETURN_IF_ERROR(broken_);
  const Status written = WriteCheckpoint();
  PrepareSpares();
  return written;
}

// Behind a checkpoint, which may have used them and given room back. Without room there is none
// until the next one.
void SlabRingStore::PrepareSpares() {
  uint64_t registry_bytes = 0;
  {
    const ReaderLock lock(mu_);
    registry_bytes = registry_bytes_;
  }
  head_spare_.Prepare(1).IgnoreError();
  registry_spare_.Prepare(registry_bytes).IgnoreError();
}

Status SlabRingStore::WriteCheckpoint() {
  std::optional<Snapshot> snapshot = TakeSnapshot();
  if (!snapshot) return OkStatus();
  VARVE_RETURN_IF_ERROR(SyncSlabs(*snapshot));
  VARVE_FAULT_POINT("ring.after_sync");
  VARVE_RETURN_IF_ERROR(WriteFiles(*snapshot));
  VARVE_FAULT_POINT("ring.after_checkpoint");
  {
    const WriterLock writer(mu_);
    checkpointed_ = snapshot->head.lsn;
    ++checkpoints_;
  }
  VARVE_RETURN_IF_ERROR(FreePlaces(snapshot->head.lsn));
  return RemoveOldFiles();
}

std::optional<SlabRingStore::Snapshot> SlabRingStore::TakeSnapshot() {
  const WriterLock lock(mu_);
  if (applied_ == checkpointed_) return std::nullopt;
  Snapshot snapshot;
  snapshot.head = {applied_, next_metric_, registry_file_};
  snapshot.registry_changed = std::exchange(registry_changed_, false);
  if (snapshot.registry_changed) {
    snapshot.metrics.reserve(registry_.size());
    registry_.ForEach([&](const Entry& entry) {
      snapshot.metrics.push_back({entry.metric, entry.slab->id().number, entry.index});
    });
  }
  for (std::shared_ptr<Slab>& slab : slabs_.All()) {
    if (slab->TakeDirty()) snapshot.dirty.push_back(std::move(slab));
  }
  names_unsynced_ |= std::exchange(files_made_, false);
  return snapshot;
}

Status SlabRingStore::SyncSlabs(const Snapshot& snapshot) {
  for (size_t i = 0; i < snapshot.dirty.size(); ++i) {
    Status synced = snapshot.dirty[i]->Sync();
    if (synced.ok()) continue;
    if (synced.code() == StatusCode::kFailedPrecondition) {  // It was not even begun.
      for (; i < snapshot.dirty.size(); ++i) snapshot.dirty[i]->MarkDirty();
      GiveBack(snapshot);
      return synced;
    }
    // What is on disk is unknown from now on, and a second try would not tell.
    broken_ = Annotate(synced, "rings are not checkpointed any more since a sync has failed");
    return broken_;
  }
  return OkStatus();
}

// To the next checkpoint, since this one comes to nothing.
void SlabRingStore::GiveBack(const Snapshot& snapshot) {
  const WriterLock lock(mu_);
  registry_changed_ |= snapshot.registry_changed;
}

Status SlabRingStore::WriteFiles(Snapshot& snapshot) {
  const auto write = [&]() VARVE_NO_THREAD_SAFETY_ANALYSIS -> Status {
    if (snapshot.registry_changed) {
      const uint64_t number = next_registry_++;
      old_registries_.push_back(number);
      VARVE_ASSIGN_OR_RETURN(
          snapshot.head.registry,
          WriteRegistry(files_, registry_spare_, options_.dir, number, snapshot.metrics));
      names_unsynced_ = true;
    }
    // The names that the checkpoint counts on come before its own.
    if (names_unsynced_) {
      VARVE_RETURN_IF_ERROR(files_.SyncDir(options_.dir));
      names_unsynced_ = false;
    }
    VARVE_FAULT_POINT("ring.before_checkpoint");
    return head_spare_.Replace(io::JoinPath(options_.dir, kCheckpointName),
                               EncodeHead(snapshot.head));
  };
  Status written = write();
  if (!written.ok()) {
    if (snapshot.registry_changed) RemoveUnlessNamed(old_registries_.back());
    GiveBack(snapshot);
    return written;
  }
  if (snapshot.registry_changed) {
    if (registry_file_.number != 0) old_registries_.push_back(registry_file_.number);
    registry_file_ = snapshot.head.registry;
    std::erase(old_registries_, registry_file_.number);
  }
  return OkStatus();
}

// On a full disk a checkpoint fails again and again, and must not leave a registry behind each
// time. It may be in place although its writing has failed: perhaps only its name's sync did.
void SlabRingStore::RemoveUnlessNamed(uint64_t registry) {
  const Result<CheckpointHead> head = ReadHead(files_, options_.dir);
  if (!head.ok() || head->registry.number == registry) return;
  const Status removed = files_.Remove(io::JoinPath(options_.dir, RegistryFileName(registry)));
  if (removed.ok()) std::erase(old_registries_, registry);
}

Status SlabRingStore::FreePlaces(Lsn through) {
  std::vector<FreedPlace> freed;
  {
    const WriterLock lock(mu_);
    const auto kept = std::partition(freed_.begin(), freed_.end(),
                                     [&](const FreedPlace& place) { return place.lsn <= through; });
    freed.assign(std::make_move_iterator(freed_.begin()), std::make_move_iterator(kept));
    freed_.erase(freed_.begin(), kept);
  }
  // Nobody uses these places, so they are zeroed without the lock.
  Status zeroed;
  size_t done = 0;
  for (; done < freed.size() && zeroed.ok(); ++done) {
    zeroed = freed[done].place.slab->Zero(freed[done].place.index);
  }
  if (!zeroed.ok()) --done;
  std::vector<std::shared_ptr<Slab>> empty;
  {
    const WriterLock lock(mu_);
    for (size_t i = 0; i < done; ++i) slabs_.Free(freed[i].place);
    freed_.insert(freed_.end(),
                  std::make_move_iterator(freed.begin() + static_cast<ptrdiff_t>(done)),
                  std::make_move_iterator(freed.end()));
    empty = slabs_.TakeEmpty();
  }
  // The next start removes what stays.
  for (const std::shared_ptr<Slab>& slab : empty) {
    VARVE_RETURN_IF_ERROR(files_.Remove(slab->path()));
  }
  return zeroed;
}

Status SlabRingStore::RemoveOldFiles() {
  while (!old_registries_.empty()) {
    const std::string path = io::JoinPath(options_.dir, RegistryFileName(old_registries_.back()));
    const Status removed = files_.Remove(path);
    if (!removed.ok() && removed.code() != StatusCode::kNotFound) return removed;
    old_registries_.pop_back();
  }
  return OkStatus();
}

}  // namespace varve::ring
