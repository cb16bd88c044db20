#include "ring/slab.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace varve::ring {
namespace {

constexpr std::string_view kMagic = "VRVS";
constexpr uint32_t kSlabVersion = 1;
constexpr size_t kHeaderUsedBytes = 24;
constexpr size_t kHeaderChecksumAt = 20;

std::string EncodeHeader(SlabId id, uint32_t rings) {
  std::string header(kMagic);
  AppendLittle(header, kSlabVersion);
  AppendLittle(header, id.slots);
  AppendLittle(header, id.number);
  AppendLittle(header, rings);
  AppendLittle(header, Crc32c(header));
  VARVE_CHECK(header.size() == kHeaderUsedBytes);
  return header;
}

// The number of rings.
Result<uint32_t> DecodeHeader(const std::string& path, std::string_view header, SlabId id) {
  if (header.size() < kHeaderUsedBytes) {
    return DataLoss("slab {} has {} bytes, no header at offset 0", path, header.size());
  }
  if (GetLittle<uint32_t>(header.data() + kHeaderChecksumAt) !=
          Crc32c(header.substr(0, kHeaderChecksumAt)) ||
      !header.starts_with(kMagic)) {
    return DataLoss("slab {} is damaged in its header at offset 0", path);
  }
  const auto version = GetLittle<uint32_t>(header.data() + 4);
  if (version != kSlabVersion) {
    return DataLoss("slab {} has version {} at offset 4, {} is known", path, version, kSlabVersion);
  }
  const SlabId found{GetLittle<uint32_t>(header.data() + 8),
                     GetLittle<uint32_t>(header.data() + 12)};
  const auto rings = GetLittle<uint32_t>(header.data() + 16);
  if (found != id || rings == 0 || rings > kRingsPerSlabMax) {
    return DataLoss("slab {} says at offset 8 that it is slab {} of {} rings with {} slots", path,
                    found.number, rings, found.slots);
  }
  return rings;
}

uint64_t FileBytes(SlabId id, uint32_t rings) {
  return kSlabHeaderBytes + uint64_t{rings} * id.slots * kSlotBytes;
}

constexpr std::string_view kSuffix = ".slab";

}  // namespace

std::string SlabFileName(SlabId id) {
  return fmt::format("{:08}-{:010}{}", id.slots, id.number, kSuffix);
}

std::optional<SlabId> ParseSlabFileName(std::string_view name) {
  SlabId id;
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  std::from_chars(name.data(), name.data() + dash, id.slots);
  std::from_chars(name.data() + dash + 1, name.data() + name.size(), id.number);
  if (id.slots == 0 || id.slots > kSlotsMax || SlabFileName(id) != name) return std::nullopt;
  return id;
}

Slab::Slab(std::string path, SlabId id, uint32_t rings, std::unique_ptr<io::MappedFile> file)
    : path_(std::move(path)),
      id_(id),
      rings_(rings),
      file_(std::move(file)),
      bytes_(file_->bytes().data()),
      page_bytes_(file_->page_bytes()),
      used_((rings + 63) / 64),
      ready_((file_->bytes().size() / page_bytes_ + 64) / 64),
      loaded_(ready_.size()) {}

Result<std::shared_ptr<Slab>> Slab::Create(io::FileSystem& files, const std::string& dir, SlabId id,
                                           uint64_t bytes_max) {
  const uint64_t ring_bytes = id.slots * kSlotBytes;
  const uint64_t fitting = (std::max(bytes_max, kSlabHeaderBytes) - kSlabHeaderBytes) / ring_bytes;
  const auto rings = static_cast<uint32_t>(std::clamp<uint64_t>(fitting, 1, kRingsPerSlabMax));
  std::string path = io::JoinPath(dir, SlabFileName(id));
  // A number is never given twice, but what a power cut brought back may stand in its place.
  if (Status removed = files.Remove(path);
      !removed.ok() && removed.code() != StatusCode::kNotFound) {
    return removed;
  }
  VARVE_ASSIGN_OR_RETURN(std::unique_ptr<io::MappedFile> file,
                         files.CreateMapped(path, FileBytes(id, rings)));
  std::shared_ptr<Slab> slab(new Slab(path, id, rings, std::move(file)));
  if (Status room = slab->MakeReady(0, kSlabHeaderBytes); !room.ok()) {
    const Status removed = files.Remove(path);  // What stays the next start removes.
    return removed.ok() ? room : Annotate(room, MessageOf(removed));
  }
  const std::string header = EncodeHeader(id, rings);
  std::memcpy(slab->bytes_, header.data(), header.size());
  slab->MarkDirty();
  return slab;
}

Result<std::shared_ptr<Slab>> Slab::Open(io::FileSystem& files, const std::string& dir, SlabId id) {
  const std::string path = io::JoinPath(dir, SlabFileName(id));
  uint32_t rings = 0;
  {
    const Result<std::unique_ptr<io::RandomFile>> file = files.OpenRead(path);
    if (!file.ok() && file.status().code() == StatusCode::kNotFound) {
      return DataLoss("slab {} is missing", path);
    }
    VARVE_RETURN_IF_ERROR(file.status());
    std::string header(kHeaderUsedBytes, '\0');
    VARVE_ASSIGN_OR_RETURN(const size_t got, (*file)->ReadAt(0, header));
    VARVE_ASSIGN_OR_RETURN(rings, DecodeHeader(path, std::string_view(header).substr(0, got), id));
  }
  VARVE_ASSIGN_OR_RETURN(std::unique_ptr<io::MappedFile> file,
                         files.OpenMapped(path, FileBytes(id, rings)));
  return std::shared_ptr<Slab>(new Slab(path, id, rings, std::move(file)));
}

uint32_t Slab::Take() {
  VARVE_CHECK(!full());
  for (size_t word = first_free_ / 64; word < used_.size(); ++word) {
    if (used_[word] == UINT64_MAX) continue;
    const auto index =
        static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_one(used_[word]));
    VARVE_CHECK(TakeAt(index));
    first_free_ = index + 1;
    return index;
  }
  VARVE_CHECK(false);
  return 0;
}

bool Slab::TakeAt(uint32_t index) {
  if (index >= rings_ || (used_[index / 64] >> (index % 64) & 1) != 0) return false;
  used_[index / 64] |= uint64_t{1} << (index % 64);
  ++used_count_;
  return true;
}

void Slab::Free(uint32_t index) {
  VARVE_CHECK(index < rings_ && (used_[index / 64] >> (index % 64) & 1) != 0);
  used_[index / 64] &= ~(uint64_t{1} << (index % 64));
  --used_count_;
  first_free_ = std::min(first_free_, index);
}

Slab::PageRange Slab::PagesOf(uint64_t offset, uint64_t bytes) const {
  return {offset / page_bytes_, (offset + bytes + page_bytes_ - 1) / page_bytes_};
}

bool Slab::IsReady(uint64_t offset, uint64_t bytes) const {
  const PageRange pages = PagesOf(offset, bytes);
  for (uint64_t page = pages.begin; page < pages.end; ++page) {
    const uint64_t word = ready_[page / 64].load(std::memory_order_acquire);
    if ((word >> (page % 64) & 1) == 0) return false;
  }
  return true;
}

Status Slab::MakeReady(uint64_t offset, uint64_t bytes) {
  // I/O under this lock: a page's bit must say what the disk says.
  const MutexLock lock(space_mu_);
  const PageRange pages = PagesOf(offset, bytes);
  for (uint64_t page = pages.begin; page < pages.end;) {
    if (IsReady(page * page_bytes_, 1)) {
      ++page;
      continue;
    }
    uint64_t end = page + 1;
    while (end < pages.end && !IsReady(end * page_bytes_, 1)) ++end;
    VARVE_RETURN_IF_ERROR(file_->Allocate(page * page_bytes_, (end - page) * page_bytes_));
    VARVE_RETURN_IF_ERROR(file_->Load(page * page_bytes_, (end - page) * page_bytes_));
    for (; page < end; ++page) {
      ready_[page / 64].fetch_or(uint64_t{1} << (page % 64), std::memory_order_acq_rel);
      loaded_[page / 64].fetch_or(uint64_t{1} << (page % 64), std::memory_order_acq_rel);
    }
  }
  return OkStatus();
}

bool Slab::IsLoaded(uint64_t offset, uint64_t bytes) const {
  const PageRange pages = PagesOf(offset, bytes);
  for (uint64_t page = pages.begin; page < pages.end; ++page) {
    const uint64_t word = loaded_[page / 64].load(std::memory_order_relaxed);
    if ((word >> (page % 64) & 1) == 0) return false;
  }
  return true;
}

Status Slab::Load(uint64_t offset, uint64_t bytes) const {
  const PageRange pages = PagesOf(offset, bytes);
  VARVE_RETURN_IF_ERROR(
      file_->Load(pages.begin * page_bytes_, (pages.end - pages.begin) * page_bytes_));
  for (uint64_t page = pages.begin; page < pages.end; ++page) {
    loaded_[page / 64].fetch_or(uint64_t{1} << (page % 64), std::memory_order_relaxed);
  }
  return OkStatus();
}

Status Slab::ZeroFree() {
  uint32_t begin = 0;
  while (begin < rings_) {
    if ((used_[begin / 64] >> (begin % 64) & 1) != 0) {
      ++begin;
      continue;
    }
    uint32_t end = begin + 1;
    while (end < rings_ && (used_[end / 64] >> (end % 64) & 1) == 0) ++end;
    VARVE_RETURN_IF_ERROR(ZeroRun(begin, end));
    begin = end;
  }
  return OkStatus();
}

Status Slab::ZeroRun(uint32_t begin, uint32_t end) {
  const uint64_t from = OffsetOf(begin);
  const uint64_t to = OffsetOf(end);
  const uint64_t first_page = (from + page_bytes_ - 1) / page_bytes_;
  // Behind the last ring there is nothing that the last page shares.
  const uint64_t last_page =
      end == rings_ ? (to + page_bytes_ - 1) / page_bytes_ : to / page_bytes_;
  const MutexLock lock(space_mu_);  // As in MakeReady.
  MarkDirty();
  if (first_page >= last_page) return ZeroPart(from, to);
  VARVE_RETURN_IF_ERROR(ZeroPart(from, first_page * page_bytes_));
  for (uint64_t page = first_page; page < last_page; ++page) {
    ready_[page / 64].fetch_and(~(uint64_t{1} << (page % 64)), std::memory_order_acq_rel);
  }
  VARVE_RETURN_IF_ERROR(
      file_->PunchHole(first_page * page_bytes_, (last_page - first_page) * page_bytes_));
  if (end == rings_) return OkStatus();
  return ZeroPart(last_page * page_bytes_, to);
}

// Less than a page that neighbours may use: it stays theirs. What is zero already is not stored to,
// since its page may have no room.
Status Slab::ZeroPart(uint64_t begin, uint64_t end) {
  const std::string_view part(bytes_ + begin, end - begin);
  if (part.find_first_not_of('\0') == std::string_view::npos) return OkStatus();
  const PageRange pages = PagesOf(begin, end - begin);
  VARVE_RETURN_IF_ERROR(
      file_->Allocate(pages.begin * page_bytes_, (pages.end - pages.begin) * page_bytes_));
  std::memset(bytes_ + begin, 0, end - begin);
  return OkStatus();
}

}  // namespace varve::ring
