// Holds rings of one size in one mapped file, and knows which places and pages are in use.
//
// Role:     SlabSet -> [Slab] -> io::MappedFile.
// Layout:   a header page, then rings one after the other, without gaps; docs/formats/ring.md.
// Invariant: a free place reads as zeros.
// Threads:  places are the owner's to guard. MakeReady, Load, Zero and Sync are safe from any
//           thread; they block on the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "io/file.h"
#include "ring/slots.h"

namespace varve::ring {

inline constexpr uint64_t kSlabHeaderBytes = 4096;
inline constexpr uint32_t kRingsPerSlabMax = 65'536;

// What a file's name and header say.
struct SlabId {
  uint32_t slots = 0;
  uint32_t number = 0;
  friend auto operator<=>(const SlabId&, const SlabId&) = default;
};

std::string SlabFileName(SlabId id);
// nullopt: not the name of a slab.
std::optional<SlabId> ParseSlabFileName(std::string_view name);

class Slab : public std::enable_shared_from_this<Slab> {
 public:
  // As many rings as fit into `bytes_max`, at least one.
  static Result<std::shared_ptr<Slab>> Create(io::FileSystem& files, const std::string& dir,
                                              SlabId id, uint64_t bytes_max);
  // DataLoss when the header is not of this slab, or the file has another size than it says.
  static Result<std::shared_ptr<Slab>> Open(io::FileSystem& files, const std::string& dir,
                                            SlabId id);

  SlabId id() const { return id_; }
  uint32_t rings() const { return rings_; }
  const std::string& path() const { return path_; }
  uint64_t ring_bytes() const { return id_.slots * kSlotBytes; }
  // Of the ring's first byte in the file.
  uint64_t OffsetOf(uint32_t index) const { return kSlabHeaderBytes + ring_bytes() * index; }
  char* At(uint32_t index) const { return bytes_ + OffsetOf(index); }

  // Places, first fit.
  uint32_t used() const { return used_count_; }
  bool full() const { return used_count_ == rings_; }
  uint32_t Take();
  // False: out of range or taken already.
  bool TakeAt(uint32_t index);
  void Free(uint32_t index);

  // True when every page of the bytes has room on the disk and was in memory once.
  bool IsReady(uint64_t offset, uint64_t bytes) const;
  // Makes it so. 53100.
  Status MakeReady(uint64_t offset, uint64_t bytes);
  // The second half alone, for reading.
  bool IsLoaded(uint64_t offset, uint64_t bytes) const;
  Status Load(uint64_t offset, uint64_t bytes) const;
  // Makes a place that nobody uses read as zeros and gives its pages back to the disk.
  Status Zero(uint32_t index) { return ZeroRun(index, index + 1); }
  // The same for all free places.
  Status ZeroFree();

  void MarkDirty() {
    if (!dirty_.load(std::memory_order_relaxed)) dirty_.store(true, std::memory_order_release);
  }
  // True when something was stored or punched since the last call.
  bool TakeDirty() { return dirty_.exchange(false, std::memory_order_acq_rel); }
  Status Sync() { return file_->DataSync(); }

 private:
  struct PageRange {
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  Slab(std::string path, SlabId id, uint32_t rings, std::unique_ptr<io::MappedFile> file);
  PageRange PagesOf(uint64_t offset, uint64_t bytes) const;
  Status ZeroRun(uint32_t begin, uint32_t end);
  Status ZeroPart(uint64_t begin, uint64_t end) VARVE_REQUIRES(space_mu_);

  const std::string path_;
  const SlabId id_;
  const uint32_t rings_;
  const std::unique_ptr<io::MappedFile> file_;
  char* const bytes_;
  const uint64_t page_bytes_;

  std::vector<uint64_t> used_;  // bit per place
  uint32_t used_count_ = 0;
  uint32_t first_free_ = 0;  // none below it

  std::atomic<bool> dirty_ = false;
  // Held while pages get room or lose it, so that a page's bit and the disk agree.
  Mutex space_mu_;
  std::vector<std::atomic<uint64_t>> ready_;  // bit per page; set and cleared under space_mu_
  mutable std::vector<std::atomic<uint64_t>> loaded_;  // bit per page: was in memory once
};

}  // namespace varve::ring
