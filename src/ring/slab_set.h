// Gives places for rings in slabs: the first free one of the first slab that has one.
//
// Role:     RingStore -> [SlabSet] -> Slab.
// Threads:  not safe; RingStore guards it. Does no I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "ring/slab.h"

namespace varve::ring {

// Where a ring lies.
struct Place {
  std::shared_ptr<Slab> slab;
  uint32_t index = 0;
};

// Each slab takes an area of the address space, of which Linux gives 65,530 by default.
inline constexpr size_t kSlabFilesMax = 16'384;
// From so many files on, rings of a size that has no room lie in places of few sizes, each a little
// larger: whoever thinks of many sizes does not use up the files of all.
inline constexpr size_t kSlabFilesOfOwnSizeMax = 1'024;
// Of the first slab of a size. Each further one is as large as all before it, so that one lone ring
// does not make a large file, and many rings few files.
inline constexpr uint64_t kFirstSlabBytes = 1 << 20;
// `slots`, or up to an eighth more: one of 8 sizes between powers of two.
uint32_t SharedPlaceSlots(uint32_t slots);

class SlabSet {
 public:
  // A place for a ring of `slots`. nullopt: there is none; Add a slab of NewSlabSlots(slots).
  std::optional<Place> Take(uint32_t slots);
  uint32_t NewSlabSlots(uint32_t slots) const;
  // How large to make a slab with places of `slots`, at most `bytes_max`.
  uint64_t NewSlabBytes(uint32_t slots, uint64_t bytes_max) const;
  // False: out of range or taken already.
  bool TakeAt(Slab& slab, uint32_t index);
  void Free(const Place& place);
  void Add(std::shared_ptr<Slab> slab);
  // nullptr: not here.
  Slab* Find(SlabId id) const;
  // Takes out the slabs that hold no ring.
  std::vector<std::shared_ptr<Slab>> TakeEmpty();
  std::vector<std::shared_ptr<Slab>> All() const;
  size_t size() const { return slabs_.size(); }

  // Numbers are unique among all sizes and not given twice while the process runs.
  uint32_t TakeNumber() { return next_number_++; }
  void NoteNumber(uint32_t number) { next_number_ = std::max(next_number_, number + 1); }

 private:
  std::optional<Place> TakeOfSize(uint32_t slots);

  std::map<SlabId, std::shared_ptr<Slab>> slabs_;
  std::set<SlabId> with_room_;
  uint32_t next_number_ = 1;
};

}  // namespace varve::ring
