// Reads objects of a store through memory and disk, asking the store once for what many want.
//
// Role:     engine (varve:// files) -> [BlockCache] -> MemoryTier, DiskTier, io::ObjectStore.
// Layout:   blocks of kBlockBytes. Objects never change, so a block is good until it is too old
//           (`ttl_us` after it came from the store), its object is deleted, or its room is needed.
// Limits:   memory_bytes in all: blocks that are kept, requests under way, blocks that wait for the
//           disk; 6 MiB are used even when it is less. disk_bytes of files. A request to
//           the store is for at most kRunBytesMax.
// Errors:   the store's, to everybody who waited for that request; nothing of it is kept. 57014 to
//           a reader that was interrupted, and to no other: they ask again. DataLoss
//           when an object is shorter than its reader says. A failing disk is a slower cache.
// Threads:  safe. Read blocks until the bytes are there; Prefetch and Forget do not.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "cache/block_key.h"
#include "cache/disk_tier.h"
#include "cache/fetch_pool.h"
#include "cache/memory_tier.h"
#include "cache/read_plan.h"
#include "io/file.h"

namespace varve::cache {

struct CacheCounts {
  TierCounts memory;
  TierCounts disk;
  // Since the start: `entries` requests for `bytes` bytes, of which `errors` failed.
  TierCounts store;
};

class BlockCache {
 public:
  static constexpr uint64_t kRunBytesMax = uint64_t{8} << 20;
  // Objects up to this size are fetched as a whole.
  static constexpr uint64_t kWholeObjectBytes = uint64_t{4} << 20;

  struct Options {
    uint64_t memory_bytes = 0;
    uint64_t disk_bytes = 0;  // 0: no disk tier
    int64_t ttl_us = INT64_MAX;
    std::string dir;  // of the disk tier
    size_t fetch_threads = 16;
  };

  // A disk tier that cannot be opened is a warning, not an error.
  BlockCache(const Options& options, io::FileSystem& files, Clock& clock);
  ~BlockCache();

  // False when a read comes straight from the store, range by range.
  bool keeps_in_memory() const { return memory_.kept_bytes_max() >= kBlockBytes; }

  // Fills `into` from `offset` on; the range must lie within the object. With a plan, a read that
  // has to wait also fetches the rest of its group.
  Status Read(const CachedObject& object, uint64_t offset, std::span<char> into,
              const ReadPlan* plan = nullptr) VARVE_EXCLUDES(mu_);
  // Begins to fetch what is not there.
  void Prefetch(const CachedObject& object, std::span<const ByteRange> ranges) VARVE_EXCLUDES(mu_);
  // Begins to fetch what a reader of the object looks at first: its end, or all of a small one.
  void PrefetchEnd(const CachedObject& object) VARVE_EXCLUDES(mu_);
  // Puts the local file `path`, whose content is the object, into the cache. Best effort.
  void Admit(const ObjectName& name, const std::string& path);
  void Forget(const ObjectName& name) VARVE_EXCLUDES(mu_);

  CacheCounts counts() const;
  // Memory in use now: blocks that exist, and requests under way.
  uint64_t used_bytes() const;
  // For tests and an orderly end: everything is on disk that will come there.
  void WaitUntilWritten();

 private:
  // Blocks on their way into the cache, and who waits for them.
  struct Waiter;
  struct Delivery {
    char* to = nullptr;
    ByteRange range;  // of the object; within the flight
    Waiter* waiter = nullptr;
  };
  struct Flight {
    CachedObject object;
    uint32_t first;
    uint32_t count;
    bool from_disk;
    bool begun = false;  // guarded by mu_, as is the next
    std::vector<Delivery> deliveries;
  };
  using FlightRef = std::shared_ptr<Flight>;

  // Adds to `ours` flights for the blocks of `wanted`, ascending, that are neither in memory nor on
  // their way.
  void PlanFlights(const CachedObject& object, std::span<const uint32_t> wanted,
                   std::vector<FlightRef>& ours) VARVE_REQUIRES(mu_);
  void AddFlight(const CachedObject& object, uint32_t first, uint32_t count, bool from_disk,
                 std::vector<FlightRef>& ours) VARVE_REQUIRES(mu_);
  // The missing blocks of a read that ends at `read_end`, and those that come with them.
  std::vector<uint32_t> WantedWith(const CachedObject& object, const std::vector<uint32_t>& missing,
                                   uint64_t read_end) const;
  std::vector<uint32_t> RestOfGroup(const CachedObject& object, const ReadPlan& plan,
                                    uint64_t offset) const;
  std::vector<uint32_t> BlocksOf(const CachedObject& object,
                                 std::span<const ByteRange> ranges) const;
  // Copies what is in memory and takes it off `missing`.
  void CopyPresent(const CachedObject& object, uint64_t offset, std::span<char> into,
                   std::vector<uint32_t>& missing);
  // Waits for the missing blocks. What is left of `missing` has come into memory meanwhile.
  Status ReadMissing(const CachedObject& object, uint64_t offset, std::span<char> into,
                     std::vector<uint32_t>& missing, const ReadPlan* plan) VARVE_EXCLUDES(mu_);
  // Until all that the waiter asked of the flights has come, or the reader is interrupted.
  Status Await(Waiter& waiter, const std::set<FlightRef>& flights) VARVE_EXCLUDES(mu_);
  // Runs the flight unless another thread has begun it.
  void Fly(const FlightRef& flight) VARVE_EXCLUDES(mu_);
  // Takes the flight's blocks off the list and hands their bytes, or the error, to who waits.
  void Land(const FlightRef& flight, std::string_view content, const Status& status)
      VARVE_EXCLUDES(mu_);
  Result<std::string> FetchFromStore(const CachedObject& object, ByteRange range);
  void Keep(const Flight& flight, std::string_view content, int64_t fetched_us, bool to_disk);
  BlockRef KeepBlock(const BlockKey& key, const std::shared_ptr<const ObjectName>& name,
                     std::string_view content, int64_t fetched_us, bool to_disk);

  // Constant after construction.
  Clock& clock_;
  io::FileSystem& files_;
  const uint64_t run_bytes_max_;
  // Own synchronization.
  MemoryTier memory_;
  std::unique_ptr<DiskTier> disk_;  // may be null
  FetchPool pool_;
  std::atomic<uint64_t> requests_{0};
  std::atomic<uint64_t> failed_requests_{0};
  std::atomic<uint64_t> fetched_bytes_{0};
  std::atomic<uint64_t> waits_{0};

  Mutex mu_;  // before the locks of the tiers
  std::map<BlockKey, FlightRef> flights_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::cache
