#include "cache/disk_tier.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "cache/block_file.h"

namespace varve::cache {
namespace {

// What stays free of the disk: the log needs it more.
constexpr uint64_t kFreeBytes = uint64_t{1} << 30;
constexpr uint64_t kFreeShare = 20;

}  // namespace

DiskTier::DiskTier(Options options, io::FileSystem& files, Clock& clock)
    : options_(std::move(options)), files_(files), clock_(clock), stored_(options_.bytes_max) {}

DiskTier::~DiskTier() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (writer_.joinable()) writer_.join();
}

Result<std::unique_ptr<DiskTier>> DiskTier::Open(Options options, io::FileSystem& files,
                                                 Clock& clock) {
  std::unique_ptr<DiskTier> tier(new DiskTier(std::move(options), files, clock));
  VARVE_RETURN_IF_ERROR(files.MakeDirs(tier->options_.dir));
  VARVE_RETURN_IF_ERROR(tier->ReadListing());
  tier->writer_ = std::thread([raw = tier.get()] { raw->Work(); });
  pthread_setname_np(tier->writer_.native_handle(), "cache-disk");
  return tier;
}

Status DiskTier::ReadListing() {
  VARVE_ASSIGN_OR_RETURN(const std::vector<io::DirEntry> entries, files_.List(options_.dir));
  struct File {
    BlockFileKey key;
    const io::DirEntry* entry;
  };
  std::vector<File> found;
  MutexLock lock(mu_);
  for (const io::DirEntry& entry : entries) {
    if (entry.is_dir) continue;
    const auto key = ParseBlockFileName(entry.name);
    if (key && !IsExpired(key->fetched_us)) {
      found.push_back({*key, &entry});
    } else if (entry.name.ends_with(".blk")) {
      dropped_.push_back(entry.name);
    }
  }
  // Oldest first: with nothing known about their use, age is the order in which they go.
  std::sort(found.begin(), found.end(), [](const File& a, const File& b) {
    return std::tie(a.key.fetched_us, a.entry->name) < std::tie(b.key.fetched_us, b.entry->name);
  });
  const int64_t now_us = clock_.MonotonicUs();
  for (const File& file : found) {
    if (stored_.Contains(file.key.key)) DropLocked(file.key.key);
    stored_.Insert(file.key.key, Stored{file.entry->bytes, file.key.fetched_us}, file.entry->bytes,
                   now_us, /*used_before=*/true);
  }
  while (stored_.bytes() > options_.bytes_max) {
    const auto evicted = stored_.EvictOne();
    dropped_.push_back(BlockFileName(evicted->first, evicted->second.fetched_us));
  }
  return OkStatus();
}

bool DiskTier::IsExpired(int64_t fetched_us) const {
  return clock_.NowUs() - fetched_us >= options_.ttl_us;
}

bool DiskTier::Contains(const BlockKey& key) const {
  MutexLock lock(mu_);
  return stored_.Contains(key) && clock_.MonotonicUs() >= no_reads_until_us_;
}

std::optional<DiskTier::Found> DiskTier::Find(const BlockKey& key, const ObjectName& name,
                                              uint64_t bytes) {
  Stored stored;
  {
    MutexLock lock(mu_);
    const int64_t now_us = clock_.MonotonicUs();
    const Stored* at = now_us < no_reads_until_us_ ? nullptr : stored_.Find(key, now_us);
    if (at != nullptr && IsExpired(at->fetched_us)) {
      DropLocked(key);
      at = nullptr;
    }
    if (at == nullptr) {
      ++misses_;
      return std::nullopt;
    }
    stored = *at;
  }
  const std::string path = io::JoinPath(options_.dir, BlockFileName(key, stored.fetched_us));
  Result<std::string> content = ReadFile(path, stored.file_bytes);
  Status wrong = content.status();
  Found found;
  if (content.ok()) {
    found.file = *std::move(content);
    const Result<BlockFile> block = ParseBlockFile(found.file);
    wrong = block.status();
    if (block.ok()) {
      found.content = block->content;
      found.fetched_us = block->fetched_us;
      const bool is_it = block->store == name.store && block->object == name.object &&
                         block->block == key.block && block->content.size() == bytes;
      if (!is_it) wrong = DataLoss("a cache block holds another one's content");
    }
  }
  if (wrong.code() == StatusCode::kUnavailable) Pause(wrong, /*reads_too=*/true);
  if (wrong.code() == StatusCode::kDataLoss) {
    spdlog::warn("cache: {} is deleted: {}", path, MessageOf(wrong));
  }
  MutexLock lock(mu_);
  if (wrong.ok()) {
    ++hits_;
    return found;
  }
  ++misses_;
  if (wrong.code() != StatusCode::kNotFound) ++errors_;
  // A file that is gone already was evicted a moment ago, or somebody cleared the folder.
  DropLocked(key);
  return std::nullopt;
}

Result<std::string> DiskTier::ReadFile(const std::string& path, uint64_t bytes) const {
  VARVE_ASSIGN_OR_RETURN(const auto file, files_.OpenRead(path));
  if (file->bytes() != bytes || bytes > kBlockHeaderBytes + kNamesBytesMax + kBlockBytes) {
    return DataLoss("a cache block has {} bytes, not {}", file->bytes(), bytes);
  }
  std::string content(bytes, '\0');
  VARVE_ASSIGN_OR_RETURN(const size_t read, file->ReadAt(0, content));
  content.resize(read);
  return content;
}

void DiskTier::DropLocked(const BlockKey& key) {
  const auto stored = stored_.Erase(key);
  if (!stored) return;
  dropped_.push_back(BlockFileName(key, stored->fetched_us));
  changed_.NotifyAll();
}

void DiskTier::Pause(const Status& error, bool reads_too) {
  bool is_news = false;
  {
    MutexLock lock(mu_);
    const int64_t until_us = clock_.MonotonicUs() + kPauseUs;
    no_writes_until_us_ = until_us;
    if (reads_too) no_reads_until_us_ = until_us;
    is_news = !std::exchange(is_paused_, true);
  }
  if (is_news) {
    spdlog::warn("cache: the disk tier {} for {} s: {}",
                 reads_too ? "is out of use" : "takes nothing new", kPauseUs / 1'000'000,
                 MessageOf(error));
  }
}

bool DiskTier::HasPlace(uint64_t bytes) const {
  return queue_.size() < kQueueMax && queue_bytes_ + bytes <= options_.queue_bytes_max;
}

bool DiskTier::IsWanted(const Block& block) const {
  const ObjectName& name = *block.name();
  return !stopping_ && !stored_.Contains(block.key()) && !queued_.contains(block.key()) &&
         clock_.MonotonicUs() >= no_writes_until_us_ && !IsExpired(block.fetched_us()) &&
         name.store.size() + name.object.size() <= kNamesBytesMax;
}

bool DiskTier::Enqueue(BlockRef block) {
  if (!IsWanted(*block) || !HasPlace(block->content().size())) return false;
  queue_bytes_ += block->content().size();
  queued_.insert(block->key());
  queue_.push_back(std::move(block));
  changed_.NotifyAll();
  return true;
}

bool DiskTier::Offer(BlockRef block) {
  MutexLock lock(mu_);
  if (!IsWanted(*block)) return false;
  if (!HasPlace(block->content().size()) && later_.size() < kLaterMax) {
    later_.push_back(block);
    return true;
  }
  return Enqueue(std::move(block));
}

BlockRef DiskTier::NextInQueue() {
  while (queue_.empty() && !later_.empty()) {
    BlockRef block = later_.front().lock();
    later_.pop_front();
    if (block != nullptr) Enqueue(std::move(block));
  }
  if (queue_.empty()) return nullptr;
  BlockRef block = std::move(queue_.front());
  queue_.pop_front();
  return block;
}

bool DiskTier::OfferPatiently(const BlockRef& block, std::chrono::milliseconds limit) {
  MutexLock lock(mu_);
  changed_.WaitFor(mu_, limit, [&]() VARVE_REQUIRES(mu_) {
    return stopping_ || HasPlace(block->content().size());
  });
  return Enqueue(block);
}

void DiskTier::Forget(const ObjectId& object) {
  MutexLock lock(mu_);
  auto at = queued_.lower_bound(BlockKey{object, 0});
  while (at != queued_.end() && at->object == object) at = queued_.erase(at);
  for (const auto& [key, stored] : stored_.TakeObject(object)) {
    dropped_.push_back(BlockFileName(key, stored.fetched_us));
  }
  changed_.NotifyAll();
}

void DiskTier::WaitUntilWritten() {
  MutexLock lock(mu_);
  changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) {
    return queue_.empty() && later_.empty() && dropped_.empty() && !busy_;
  });
}

void DiskTier::Work() {
  while (true) {
    BlockRef waiting;
    {
      MutexLock lock(mu_);
      busy_ = false;
      changed_.NotifyAll();
      changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) {
        return stopping_ || !queue_.empty() || !later_.empty() || !dropped_.empty();
      });
      waiting = NextInQueue();
      if (waiting == nullptr && stopping_ && dropped_.empty()) return;
      busy_ = true;
    }
    DeleteDropped();
    if (waiting != nullptr) Write(*waiting);
  }
}

void DiskTier::Write(const Block& block) {
  const uint64_t bytes_max = kBlockHeaderBytes + kNamesBytesMax + block.content().size();
  const bool nearly_full = IsDiskNearlyFull();
  bool is_wanted = false;
  {
    MutexLock lock(mu_);
    // Twice the room on a full disk: the cache shrinks until others have enough.
    const uint64_t room = nearly_full ? 2 * bytes_max : bytes_max;
    const uint64_t keep = nearly_full ? stored_.bytes() : options_.bytes_max;
    while (stored_.size() > 0 && stored_.bytes() + room > keep) {
      const auto evicted = stored_.EvictOne();
      dropped_.push_back(BlockFileName(evicted->first, evicted->second.fetched_us));
      ++evictions_;
    }
    is_wanted = !nearly_full && bytes_max <= options_.bytes_max && queued_.contains(block.key()) &&
                clock_.MonotonicUs() >= no_writes_until_us_;
  }
  DeleteDropped();
  const std::string name = BlockFileName(block.key(), block.fetched_us());
  uint64_t file_bytes = 0;
  Status written = OkStatus();
  if (is_wanted) {
    written = WriteFile(io::JoinPath(options_.dir, name), block, &file_bytes);
    if (!written.ok()) Pause(written, /*reads_too=*/false);
  }
  MutexLock lock(mu_);
  queue_bytes_ -= block.content().size();
  const bool still_wanted = queued_.erase(block.key()) > 0;
  if (!is_wanted) return;
  if (!written.ok()) ++errors_;
  if (written.ok() && still_wanted && !stored_.Contains(block.key())) {
    stored_.Insert(block.key(), Stored{file_bytes, block.fetched_us() / 1'000'000 * 1'000'000},
                   file_bytes, clock_.MonotonicUs());
    if (std::exchange(is_paused_, false)) spdlog::info("cache: the disk tier works again");
  } else {
    dropped_.push_back(name);
  }
}

// Neither synced nor renamed into place: a block that a crash cut short is found by its checksum.
Status DiskTier::WriteFile(const std::string& path, const Block& block, uint64_t* file_bytes) {
  BlockFile file;
  file.store = block.name()->store;
  file.object = block.name()->object;
  file.block = block.key().block;
  file.fetched_us = block.fetched_us();
  file.content = block.content();
  const std::string head = EncodeBlockHead(file);
  auto created = files_.Create(path, 0);
  if (created.status().code() == StatusCode::kAlreadyExists) created = files_.Recreate(path, 0);
  VARVE_RETURN_IF_ERROR(created.status());
  const std::string_view pieces[] = {head, file.content};
  *file_bytes = head.size() + file.content.size();
  return (*created)->Append(pieces);
}

void DiskTier::DeleteDropped() {
  while (true) {
    std::string name;
    {
      MutexLock lock(mu_);
      if (dropped_.empty()) return;
      name = std::move(dropped_.front());
      dropped_.pop_front();
    }
    // A file that stays is deleted by the next start.
    files_.Remove(io::JoinPath(options_.dir, name)).IgnoreError();
  }
}

bool DiskTier::IsDiskNearlyFull() const {
  const Result<io::DiskSpace> space = files_.Space(options_.dir);
  return space.ok() && space->free_bytes < std::min(kFreeBytes, space->total_bytes / kFreeShare);
}

TierCounts DiskTier::counts() const {
  MutexLock lock(mu_);
  TierCounts counts;
  counts.entries = stored_.size();
  counts.bytes = stored_.bytes();
  counts.bytes_max = options_.bytes_max;
  counts.hits = hits_;
  counts.misses = misses_;
  counts.evictions = evictions_;
  counts.errors = errors_;
  return counts;
}

}  // namespace varve::cache
