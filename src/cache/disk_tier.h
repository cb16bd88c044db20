// Keeps blocks as files in one folder, through restarts.
//
// Role:     BlockCache -> [DiskTier] -> io::FileSystem.
// Layout:   one file for each block, docs/formats/cache.md; the index is the folder's listing.
// Limits:   `bytes_max` of files; kQueueMax blocks wait to be written, and kLaterMax more are
//           written if memory still has them then. A part of the disk stays free for the log
//           whatever `bytes_max` says.
// Errors:   none reach a query: a file that is damaged, short or gone is a miss and is deleted.
//           After a failed write nothing is written for kPauseUs, after a failed read nothing is
//           read either; a warning says so once.
// Threads:  safe; one thread of its own writes and deletes. Find reads a file and may block on it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "cache/block.h"
#include "cache/memory_tier.h"
#include "cache/s3_fifo.h"
#include "io/file.h"

namespace varve::cache {

class DiskTier {
 public:
  static constexpr size_t kQueueMax = 64;
  static constexpr size_t kLaterMax = 1 << 16;
  static constexpr int64_t kPauseUs = 60'000'000;

  struct Options {
    std::string dir;
    uint64_t bytes_max = 0;
    uint64_t queue_bytes_max = uint64_t{64} << 20;
    int64_t ttl_us = 0;
  };

  struct Found {
    std::string file;          // all bytes of the block's file
    std::string_view content;  // within it
    int64_t fetched_us = 0;
  };

  // Reads the folder's listing, and makes the folder when it is not there. What does not fit in
  // `bytes_max` any more, is too old or is no block is deleted.
  static Result<std::unique_ptr<DiskTier>> Open(Options options, io::FileSystem& files,
                                                Clock& clock);
  ~DiskTier();

  bool Contains(const BlockKey& key) const VARVE_EXCLUDES(mu_);
  // nullopt: not there, too old, damaged or not readable. `bytes`: how long the block must be.
  std::optional<Found> Find(const BlockKey& key, const ObjectName& name, uint64_t bytes)
      VARVE_EXCLUDES(mu_);
  // Writes the block some time soon; when the queue is full, later, if it is in memory then. False
  // when that is not needed, or not possible now.
  bool Offer(BlockRef block) VARVE_EXCLUDES(mu_);
  // The same, but waits up to `limit` for a place in the queue.
  bool OfferPatiently(const BlockRef& block, std::chrono::milliseconds limit) VARVE_EXCLUDES(mu_);
  void Forget(const ObjectId& object) VARVE_EXCLUDES(mu_);
  // Returns when everything offered before has been written or given up.
  void WaitUntilWritten() VARVE_EXCLUDES(mu_);

  TierCounts counts() const VARVE_EXCLUDES(mu_);

 private:
  struct Stored {
    uint64_t file_bytes = 0;
    int64_t fetched_us = 0;
  };
  DiskTier(Options options, io::FileSystem& files, Clock& clock);
  Status ReadListing();
  bool IsExpired(int64_t fetched_us) const;
  bool IsWanted(const Block& block) const VARVE_REQUIRES(mu_);
  bool HasPlace(uint64_t bytes) const VARVE_REQUIRES(mu_);
  bool Enqueue(BlockRef block) VARVE_REQUIRES(mu_);
  // The next block to write; nullptr when there is none.
  BlockRef NextInQueue() VARVE_REQUIRES(mu_);
  // Takes the block out of the index; its file goes when the writing thread comes to it.
  void DropLocked(const BlockKey& key) VARVE_REQUIRES(mu_);
  void Pause(const Status& error, bool reads_too) VARVE_EXCLUDES(mu_);
  Result<std::string> ReadFile(const std::string& path, uint64_t bytes) const;
  void Work() VARVE_EXCLUDES(mu_);
  void Write(const Block& block) VARVE_EXCLUDES(mu_);
  Status WriteFile(const std::string& path, const Block& block, uint64_t* file_bytes);
  // Deletes files of blocks that are out of the index.
  void DeleteDropped() VARVE_EXCLUDES(mu_);
  bool IsDiskNearlyFull() const;

  // Constant after construction.
  const Options options_;
  io::FileSystem& files_;
  Clock& clock_;

  mutable Mutex mu_;
  CondVar changed_;
  S3Fifo<Stored> stored_ VARVE_GUARDED_BY(mu_);
  std::deque<BlockRef> queue_ VARVE_GUARDED_BY(mu_);
  std::deque<std::weak_ptr<const Block>> later_ VARVE_GUARDED_BY(mu_);
  std::set<BlockKey> queued_ VARVE_GUARDED_BY(mu_);        // and the one being written
  std::deque<std::string> dropped_ VARVE_GUARDED_BY(mu_);  // names of files to delete
  uint64_t queue_bytes_ VARVE_GUARDED_BY(mu_) = 0;
  bool busy_ VARVE_GUARDED_BY(mu_) = false;
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
  int64_t no_writes_until_us_ VARVE_GUARDED_BY(mu_) = 0;
  int64_t no_reads_until_us_ VARVE_GUARDED_BY(mu_) = 0;
  bool is_paused_ VARVE_GUARDED_BY(mu_) = false;
  uint64_t hits_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t misses_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t evictions_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t errors_ VARVE_GUARDED_BY(mu_) = 0;

  std::thread writer_;
};

}  // namespace varve::cache
