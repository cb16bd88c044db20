#include "ring/slab_set.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace varve::ring {

uint32_t SharedPlaceSlots(uint32_t slots) {
  const uint32_t step = std::max(std::bit_floor(slots) / 8, 1U);
  return (slots + step - 1) / step * step;
}

std::optional<Place> SlabSet::Take(uint32_t slots) {
  if (std::optional<Place> place = TakeOfSize(slots)) return place;
  return TakeOfSize(SharedPlaceSlots(slots));
}

uint32_t SlabSet::NewSlabSlots(uint32_t slots) const {
  return slabs_.size() < kSlabFilesOfOwnSizeMax ? slots : SharedPlaceSlots(slots);
}

uint64_t SlabSet::NewSlabBytes(uint32_t slots, uint64_t bytes_max) const {
  uint64_t bytes = 0;
  for (auto at = slabs_.lower_bound(SlabId{slots, 0}); at != slabs_.end() && bytes < bytes_max;
       ++at) {
    if (at->first.slots != slots) break;
    bytes += at->second->rings() * at->second->ring_bytes();
  }
  return std::min(std::max(bytes, kFirstSlabBytes), bytes_max);
}

std::optional<Place> SlabSet::TakeOfSize(uint32_t slots) {
  const auto id = with_room_.lower_bound(SlabId{slots, 0});
  if (id == with_room_.end() || id->slots != slots) return std::nullopt;
  const std::shared_ptr<Slab>& slab = slabs_.at(*id);
  const uint32_t index = slab->Take();
  if (slab->full()) with_room_.erase(id);
  return Place{slab, index};
}

bool SlabSet::TakeAt(Slab& slab, uint32_t index) {
  if (!slab.TakeAt(index)) return false;
  if (slab.full()) with_room_.erase(slab.id());
  return true;
}

void SlabSet::Free(const Place& place) {
  place.slab->Free(place.index);
  with_room_.insert(place.slab->id());
}

void SlabSet::Add(std::shared_ptr<Slab> slab) {
  NoteNumber(slab->id().number);
  if (!slab->full()) with_room_.insert(slab->id());
  const SlabId id = slab->id();
  VARVE_CHECK(slabs_.emplace(id, std::move(slab)).second);
}

Slab* SlabSet::Find(SlabId id) const {
  const auto at = slabs_.find(id);
  return at == slabs_.end() ? nullptr : at->second.get();
}

std::vector<std::shared_ptr<Slab>> SlabSet::TakeEmpty() {
  std::vector<std::shared_ptr<Slab>> empty;
  for (auto at = slabs_.begin(); at != slabs_.end();) {
    if (at->second->used() != 0) {
      ++at;
      continue;
    }
    with_room_.erase(at->first);
    empty.push_back(std::move(at->second));
    at = slabs_.erase(at);
  }
  return empty;
}

std::vector<std::shared_ptr<Slab>> SlabSet::All() const {
  std::vector<std::shared_ptr<Slab>> all;
  all.reserve(slabs_.size());
  for (const auto& [id, slab] : slabs_) all.push_back(slab);
  return all;
}

}  // namespace varve::ring
