#include "cache/block_cache.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "base/interrupt.h"

namespace varve::cache {
namespace {

// What is read together with the end of an object: a Parquet footer nearly always lies within.
constexpr uint64_t kEndBytes = uint64_t{512} << 10;
// A group is fetched at once up to this part of memory, so that many readers do not drive out each
// other's groups before they have read them.
constexpr uint64_t kGroupShare = 16;
// Admitting a file may wait so long in all for a slow disk.
constexpr std::chrono::milliseconds kAdmitWait{1000};

// How the memory is divided: what is kept, what is under way, what waits for the disk.
struct Shares {
  uint64_t fetch = 0;
  uint64_t queue = 0;
  uint64_t kept = 0;
};

Shares Divide(uint64_t memory_bytes) {
  constexpr uint64_t kMb = uint64_t{1} << 20;
  Shares shares;
  shares.fetch = std::clamp(memory_bytes / 8, 4 * kMb, 256 * kMb);
  shares.queue = std::clamp(memory_bytes / 16, 2 * kMb, 64 * kMb);
  const uint64_t used = shares.fetch + shares.queue;
  shares.kept = memory_bytes > used ? memory_bytes - used : 0;
  return shares;
}

std::unique_ptr<DiskTier> OpenDisk(const BlockCache::Options& options, uint64_t queue_bytes,
                                   io::FileSystem& files, Clock& clock) {
  DiskTier::Options disk;
  disk.dir = options.dir;
  disk.bytes_max = options.disk_bytes;
  disk.queue_bytes_max = queue_bytes;
  disk.ttl_us = options.ttl_us;
  // Opened also with no bytes: what an earlier setting left there is deleted.
  if (options.disk_bytes == 0 && !files.Stat(options.dir).ok()) return nullptr;
  auto opened = DiskTier::Open(std::move(disk), files, clock);
  if (!opened.ok()) {
    spdlog::warn("cache: there is no disk tier: {}", MessageOf(opened.status()));
    return nullptr;
  }
  if (options.disk_bytes == 0) return nullptr;
  return *std::move(opened);
}

}  // namespace

struct BlockCache::Waiter {
  void Add() VARVE_EXCLUDES(mu) {
    MutexLock lock(mu);
    ++pending;
  }
  // False when nothing more is pending, whatever the time.
  bool IsPendingAfter(std::chrono::milliseconds limit) VARVE_EXCLUDES(mu) {
    MutexLock lock(mu);
    return !done.WaitFor(mu, limit, [&]() VARVE_REQUIRES(mu) { return pending == 0; });
  }
  void Done(const Status& s) VARVE_EXCLUDES(mu) {
    MutexLock lock(mu);
    if (status.ok()) status = s;
    // With the lock: this object goes as soon as the reader has it.
    if (--pending == 0) done.NotifyAll();
  }
  Status Wait() VARVE_EXCLUDES(mu) {
    MutexLock lock(mu);
    done.Wait(mu, [&]() VARVE_REQUIRES(mu) { return pending == 0; });
    return status;
  }

  Mutex mu;
  CondVar done;
  size_t pending VARVE_GUARDED_BY(mu) = 0;
  Status status VARVE_GUARDED_BY(mu);
};

BlockCache::BlockCache(const Options& options, io::FileSystem& files, Clock& clock)
    : clock_(clock),
      files_(files),
      run_bytes_max_(std::min(kRunBytesMax, Divide(options.memory_bytes).fetch / 4)),
      memory_({.kept_bytes = Divide(options.memory_bytes).kept,
               .live_bytes = Divide(options.memory_bytes).kept + Divide(options.memory_bytes).queue,
               .ttl_us = options.ttl_us},
              clock),
      disk_(OpenDisk(options, Divide(options.memory_bytes).queue, files, clock)),
      pool_(options.fetch_threads, Divide(options.memory_bytes).fetch) {}

BlockCache::~BlockCache() { pool_.Stop(); }

Status BlockCache::Read(const CachedObject& object, uint64_t offset, std::span<char> into,
                        const ReadPlan* plan) {
  if (offset > object.bytes || into.size() > object.bytes - offset) {
    return DataLoss("a read ends behind the end of {}: {} + {} of {} bytes", object.name.object,
                    offset, into.size(), object.bytes);
  }
  if (into.empty()) return OkStatus();
  if (!keeps_in_memory() && disk_ == nullptr) {
    VARVE_ASSIGN_OR_RETURN(const std::string content,
                           FetchFromStore(object, {offset, offset + into.size()}));
    std::memcpy(into.data(), content.data(), content.size());
    return OkStatus();
  }
  const ByteRange range{offset, offset + into.size()};
  const std::vector<uint32_t> blocks = BlocksOf(object, {&range, 1});
  std::vector<uint32_t> missing = blocks;
  while (true) {
    CopyPresent(object, offset, into, missing);
    if (missing.empty()) return OkStatus();
    const Status read = ReadMissing(object, offset, into, missing, plan);
    if (SqlStateOf(read) == sqlstate::kQueryCanceled && !Interrupted()) {
      missing = blocks;  // it was the request of another reader, who has gone
      continue;
    }
    VARVE_RETURN_IF_ERROR(read);
  }
}

namespace {

// The part of the block that [offset, offset + into.size()) asks for.
ByteRange PartOf(const CachedObject& object, uint32_t block, uint64_t offset,
                 std::span<char> into) {
  const ByteRange range = object.RangeOf(block, 1);
  return {std::max(range.begin, offset), std::min(range.end, offset + into.size())};
}

}  // namespace

void BlockCache::CopyPresent(const CachedObject& object, uint64_t offset, std::span<char> into,
                             std::vector<uint32_t>& missing) {
  std::erase_if(missing, [&](uint32_t number) {
    const BlockRef block = memory_.Find(object.KeyOf(number));
    const ByteRange range = object.RangeOf(number, 1);
    if (block == nullptr) return false;
    if (block->content().size() != range.end - range.begin) {
      memory_.Forget(object.id);  // an object of that name had another length
      return false;
    }
    const ByteRange part = PartOf(object, number, offset, into);
    std::memcpy(into.data() + (part.begin - offset),
                block->content().data() + (part.begin - range.begin), part.end - part.begin);
    return true;
  });
}

std::vector<uint32_t> BlockCache::BlocksOf(const CachedObject& object,
                                           std::span<const ByteRange> ranges) const {
  std::vector<uint32_t> blocks;
  for (const ByteRange& range : ranges) {
    const uint64_t end = std::min(range.end, object.bytes);
    for (uint64_t at = range.begin / kBlockBytes; at * kBlockBytes < end; ++at) {
      blocks.push_back(static_cast<uint32_t>(at));
    }
  }
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

std::vector<uint32_t> BlockCache::WantedWith(const CachedObject& object,
                                             const std::vector<uint32_t>& missing,
                                             uint64_t read_end) const {
  if (object.bytes <= kWholeObjectBytes) {
    const ByteRange all{0, object.bytes};
    return BlocksOf(object, {&all, 1});
  }
  std::vector<uint32_t> wanted = missing;
  if (read_end == object.bytes) {
    const auto first = static_cast<uint32_t>((object.bytes - kEndBytes) / kBlockBytes);
    if (first < wanted.front()) wanted.insert(wanted.begin(), first);
  }
  return wanted;
}

std::vector<uint32_t> BlockCache::RestOfGroup(const CachedObject& object, const ReadPlan& plan,
                                              uint64_t offset) const {
  const std::span<const ByteRange> group = plan.GroupAt(offset);
  std::vector<uint32_t> blocks = BlocksOf(object, group);
  const size_t blocks_max = memory_.kept_bytes_max() / kGroupShare / kBlockBytes;
  if (blocks.size() <= blocks_max) return blocks;
  // Too much at once: only what comes next.
  std::erase_if(blocks, [&](uint32_t b) {
    const uint64_t here = offset / kBlockBytes;
    return b < here || b >= here + blocks_max;
  });
  return blocks;
}

void BlockCache::AddFlight(const CachedObject& object, uint32_t first, uint32_t count,
                           bool from_disk, std::vector<FlightRef>& ours) {
  auto flight = std::make_shared<Flight>(Flight{object, first, count, from_disk, false, {}});
  for (uint32_t b = first; b < first + count; ++b) flights_.emplace(object.KeyOf(b), flight);
  ours.push_back(std::move(flight));
}

void BlockCache::PlanFlights(const CachedObject& object, std::span<const uint32_t> wanted,
                             std::vector<FlightRef>& ours) {
  const uint64_t run_max = std::max<uint64_t>(run_bytes_max_ / kBlockBytes, 1);
  const auto is_nowhere = [&](uint32_t b) VARVE_REQUIRES(mu_) {
    const BlockKey key = object.KeyOf(b);
    return !flights_.contains(key) && !memory_.Contains(key) &&
           (disk_ == nullptr || !disk_->Contains(key));
  };
  std::optional<uint32_t> first;  // of a run that is not complete yet
  uint32_t end = 0;
  for (const uint32_t b : wanted) {
    if (flights_.contains(object.KeyOf(b)) || memory_.Contains(object.KeyOf(b))) continue;
    if (disk_ != nullptr && disk_->Contains(object.KeyOf(b))) {
      AddFlight(object, b, 1, /*from_disk=*/true, ours);
      continue;
    }
    // One block that nobody asked for costs less than another request.
    const bool joins =
        first && b + 1 - *first <= run_max && (b == end || (b == end + 1 && is_nowhere(end)));
    if (first && !joins) AddFlight(object, *first, end - *first, /*from_disk=*/false, ours);
    if (!joins) first = b;
    end = b + 1;
  }
  if (first) AddFlight(object, *first, end - *first, /*from_disk=*/false, ours);
}

Status BlockCache::ReadMissing(const CachedObject& object, uint64_t offset, std::span<char> into,
                               std::vector<uint32_t>& missing, const ReadPlan* plan) {
  Waiter waiter;
  std::vector<FlightRef> flights;  // that nobody has begun
  std::set<FlightRef> joined;
  {
    MutexLock lock(mu_);
    PlanFlights(object, WantedWith(object, missing, offset + into.size()), flights);
    std::erase_if(missing, [&](uint32_t b) VARVE_REQUIRES(mu_) {
      const auto at = flights_.find(object.KeyOf(b));
      if (at == flights_.end()) return false;  // in memory by now
      const FlightRef& flight = at->second;
      const ByteRange part = PartOf(object, b, offset, into);
      flight->deliveries.push_back({into.data() + (part.begin - offset), part, &waiter});
      waiter.Add();
      if (flight->begun) ++waits_;
      const bool is_ours = std::find(flights.begin(), flights.end(), flight) != flights.end();
      if (joined.insert(flight).second && !flight->begun && !is_ours) {
        flights.insert(flights.begin(), flight);  // was to be fetched some time
      }
      return true;
    });
    if (plan != nullptr && keeps_in_memory()) {
      PlanFlights(object, RestOfGroup(object, *plan, offset), flights);
    }
  }
  for (size_t i = 1; i < flights.size(); ++i) {
    const bool taken = pool_.Add([this, flight = flights[i]] { Fly(flight); }, /*urgent=*/true);
    if (!taken) Fly(flights[i]);
  }
  if (!flights.empty()) Fly(flights.front());
  return Await(waiter, joined);
}

Status BlockCache::Await(Waiter& waiter, const std::set<FlightRef>& flights) {
  while (waiter.IsPendingAfter(kInterruptPoll)) {
    if (!Interrupted()) continue;
    size_t taken_back = 0;
    {
      MutexLock lock(mu_);
      for (const FlightRef& flight : flights) {
        taken_back += std::erase_if(flight->deliveries,
                                    [&](const Delivery& d) { return d.waiter == &waiter; });
      }
    }
    for (size_t i = 0; i < taken_back; ++i) waiter.Done(InterruptedStatus());
    return waiter.Wait();  // the others are being copied at this moment
  }
  return waiter.Wait();
}

void BlockCache::Prefetch(const CachedObject& object, std::span<const ByteRange> ranges) {
  if (!keeps_in_memory()) return;
  std::vector<FlightRef> flights;
  {
    MutexLock lock(mu_);
    PlanFlights(object, BlocksOf(object, ranges), flights);
  }
  for (const FlightRef& flight : flights) {
    if (pool_.Add([this, flight] { Fly(flight); }, /*urgent=*/false)) continue;
    MutexLock lock(mu_);
    if (flight->begun || !flight->deliveries.empty()) continue;  // a reader takes care of it
    flight->begun = true;
    for (uint32_t b = flight->first; b < flight->first + flight->count; ++b) {
      flights_.erase(object.KeyOf(b));
    }
  }
}

void BlockCache::PrefetchEnd(const CachedObject& object) {
  const bool is_small = object.bytes <= kWholeObjectBytes;
  const ByteRange end{is_small ? 0 : object.bytes - kEndBytes, object.bytes};
  Prefetch(object, {&end, 1});
}

void BlockCache::Fly(const FlightRef& flight) {
  {
    MutexLock lock(mu_);
    if (std::exchange(flight->begun, true)) return;
  }
  const CachedObject& object = flight->object;
  const ByteRange range = object.RangeOf(flight->first, flight->count);
  const FetchPool::Reservation memory(pool_, range.end - range.begin);
  if (Interrupted()) return Land(flight, {}, InterruptedStatus());
  if (flight->from_disk) {
    const auto found =
        disk_->Find(object.KeyOf(flight->first), object.name, range.end - range.begin);
    if (found) {
      Keep(*flight, found->content, found->fetched_us, /*to_disk=*/false);
      return Land(flight, found->content, OkStatus());
    }
  }
  const Result<std::string> content = FetchFromStore(object, range);
  if (!content.ok()) return Land(flight, {}, content.status());
  Keep(*flight, *content, clock_.NowUs(), /*to_disk=*/true);
  Land(flight, *content, OkStatus());
}

Result<std::string> BlockCache::FetchFromStore(const CachedObject& object, ByteRange range) {
  ++requests_;
  Result<std::string> content = Internal("a read was cut short by an exception");
  try {
    content = object.store->GetRange(object.name.object, range.begin, range.end);
  } catch (const std::exception& e) {  // somebody may wait for the answer, whatever it is
    content = Internal("a read of {} failed: {}", object.name.object, e.what());
  }
  if (content.ok() && content->size() != range.end - range.begin) {
    content = DataLoss("{} is shorter than the Delta log says: {} of {} bytes from {}",
                       object.name.object, content->size(), range.end - range.begin, range.begin);
  }
  if (content.ok()) {
    fetched_bytes_ += content->size();
  } else {
    ++failed_requests_;
  }
  return content;
}

void BlockCache::Keep(const Flight& flight, std::string_view content, int64_t fetched_us,
                      bool to_disk) {
  const auto name = std::make_shared<const ObjectName>(flight.object.name);
  const uint64_t from = flight.object.RangeOf(flight.first, flight.count).begin;
  for (uint32_t b = flight.first; b < flight.first + flight.count; ++b) {
    const ByteRange range = flight.object.RangeOf(b, 1);
    KeepBlock(flight.object.KeyOf(b), name,
              content.substr(range.begin - from, range.end - range.begin), fetched_us, to_disk);
  }
}

BlockRef BlockCache::KeepBlock(const BlockKey& key, const std::shared_ptr<const ObjectName>& name,
                               std::string_view content, int64_t fetched_us, bool to_disk) {
  std::vector<BlockRef> dropped;
  BlockRef block = memory_.Insert(key, name, content, fetched_us, dropped);
  if (disk_ == nullptr) return block;
  if (block != nullptr && to_disk) disk_->Offer(block);
  // The disk may have been busy when these came.
  for (BlockRef& gone : dropped) disk_->Offer(std::move(gone));
  return block;
}

void BlockCache::Land(const FlightRef& flight, std::string_view content, const Status& status) {
  std::vector<Delivery> deliveries;
  {
    MutexLock lock(mu_);
    for (uint32_t b = flight->first; b < flight->first + flight->count; ++b) {
      flights_.erase(flight->object.KeyOf(b));
    }
    deliveries = std::move(flight->deliveries);
  }
  const uint64_t from = flight->object.RangeOf(flight->first, flight->count).begin;
  for (const Delivery& delivery : deliveries) {
    if (!status.ok()) {
      delivery.waiter->Done(status);
    } else if (delivery.range.end > from + content.size()) {
      delivery.waiter->Done(
          DataLoss("two readers of {} disagree about its length", flight->object.name.object));
    } else {
      std::memcpy(delivery.to, content.data() + (delivery.range.begin - from),
                  delivery.range.end - delivery.range.begin);
      delivery.waiter->Done(OkStatus());
    }
  }
}

void BlockCache::Admit(const ObjectName& name, const std::string& path) {
  const auto file = files_.OpenRead(path);
  if (!file.ok()) return;
  const uint64_t bytes = (*file)->bytes();
  const uint64_t room = memory_.kept_bytes_max() + (disk_ ? disk_->counts().bytes_max : 0);
  if (bytes > room / 4) return;  // it would drive out what is in use
  const FetchPool::Reservation memory(pool_, kBlockBytes);
  const ObjectId id = MakeObjectId(name.store, name.object);
  const auto shared_name = std::make_shared<const ObjectName>(name);
  const int64_t now_us = clock_.NowUs();
  const int64_t give_up_us =
      clock_.MonotonicUs() +
      std::chrono::duration_cast<std::chrono::microseconds>(kAdmitWait).count();
  std::string content;
  for (uint64_t at = 0; at < bytes; at += kBlockBytes) {
    content.resize(std::min(kBlockBytes, bytes - at));
    const Result<size_t> read = (*file)->ReadAt(at, content);
    if (!read.ok() || *read != content.size()) return;
    const BlockKey key{id, static_cast<uint32_t>(at / kBlockBytes)};
    const BlockRef block = KeepBlock(key, shared_name, content, now_us, /*to_disk=*/false);
    if (disk_ == nullptr || block == nullptr) continue;
    const int64_t left_us = std::max<int64_t>(give_up_us - clock_.MonotonicUs(), 0);
    disk_->OfferPatiently(block, std::chrono::milliseconds(left_us / 1000));
  }
}

void BlockCache::Forget(const ObjectName& name) {
  const ObjectId id = MakeObjectId(name.store, name.object);
  memory_.Forget(id);
  if (disk_ != nullptr) disk_->Forget(id);
}

void BlockCache::WaitUntilWritten() {
  if (disk_ != nullptr) disk_->WaitUntilWritten();
}

uint64_t BlockCache::used_bytes() const { return memory_.live_bytes() + pool_.reserved_bytes(); }

CacheCounts BlockCache::counts() const {
  CacheCounts counts;
  counts.memory = memory_.counts();
  counts.memory.waits = waits_;
  if (disk_ != nullptr) counts.disk = disk_->counts();
  counts.store.entries = requests_;
  counts.store.bytes = fetched_bytes_;
  counts.store.errors = failed_requests_;
  return counts;
}

}  // namespace varve::cache
