#include "io/testing/faulty_disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace varve::io::testing {
namespace {

constexpr size_t kSectorBytes = 512;
constexpr size_t kPageBytes = 4096;

Status NoSuchFile(const std::string& path) { return NotFound("no such file: {}", path); }

// Each sector of `content` that differs from `durable` lands with even odds.
std::string LandSomeSectors(const std::string& durable, const std::string& content,
                            std::mt19937_64& random) {
  std::string landed = durable;
  landed.resize(std::max(durable.size(), content.size()), '\0');
  for (size_t at = 0; at < content.size(); at += kSectorBytes) {
    const size_t count = std::min(kSectorBytes, content.size() - at);
    if (random() % 2 == 0) std::memcpy(landed.data() + at, content.data() + at, count);
  }
  return landed;
}

}  // namespace

class MemoryAppendFile : public AppendFile {
 public:
  MemoryAppendFile(FaultyDisk& disk, FaultyDisk::InodeRef inode, int epoch)
      : disk_(disk), inode_(std::move(inode)), epoch_(epoch) {}

  Status Append(std::span<const std::string_view> pieces) override {
    VARVE_RETURN_IF_ERROR(disk_.Enter(FaultyDisk::Op::kAppend));
    MutexLock lock(disk_.mu_);
    if (epoch_ != disk_.power_losses_)
      return Unavailable("file handle is from before a power loss");
    for (const std::string_view piece : pieces) {
      const size_t allowed =
          disk_.short_append_ ? std::min<size_t>(piece.size(), *disk_.short_append_) : piece.size();
      const uint64_t end = position_ + allowed;
      if (end > inode_->content.size()) {
        VARVE_RETURN_IF_ERROR(disk_.CheckCapacity(end - inode_->content.size()));
        inode_->content.resize(end, '\0');
      }
      std::memcpy(inode_->content.data() + position_, piece.data(), allowed);
      position_ = end;
      if (disk_.short_append_) *disk_.short_append_ -= allowed;
      if (allowed < piece.size()) {
        disk_.short_append_.reset();
        return Unavailable("input/output error (test)");
      }
    }
    return OkStatus();
  }

  Status Grow(uint64_t bytes) override {
    VARVE_RETURN_IF_ERROR(disk_.Enter(FaultyDisk::Op::kGrow));
    MutexLock lock(disk_.mu_);
    if (bytes <= inode_->content.size()) return OkStatus();
    VARVE_RETURN_IF_ERROR(disk_.CheckCapacity(bytes - inode_->content.size()));
    inode_->content.resize(bytes, '\0');
    return OkStatus();
  }

  Status DataSync() override {
    VARVE_RETURN_IF_ERROR(disk_.Enter(FaultyDisk::Op::kDataSync));
    MutexLock lock(disk_.mu_);
    if (epoch_ != disk_.power_losses_)
      return Unavailable("file handle is from before a power loss");
    inode_->durable = inode_->content;
    return OkStatus();
  }

  uint64_t position() const override { return position_; }

 private:
  FaultyDisk& disk_;
  const FaultyDisk::InodeRef inode_;
  const int epoch_;
  uint64_t position_ = 0;
};

class MemoryRandomFile : public RandomFile {
 public:
  MemoryRandomFile(FaultyDisk& disk, FaultyDisk::InodeRef inode, uint64_t bytes)
      : disk_(disk), inode_(std::move(inode)), bytes_(bytes) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<char> into) const override {
    VARVE_RETURN_IF_ERROR(disk_.Enter(FaultyDisk::Op::kReadAt));
    MutexLock lock(disk_.mu_);
    if (offset >= inode_->content.size()) return 0;
    const size_t count = std::min<size_t>(into.size(), inode_->content.size() - offset);
    std::memcpy(into.data(), inode_->content.data() + offset, count);
    return count;
  }

  uint64_t bytes() const override { return bytes_; }

 private:
  FaultyDisk& disk_;
  const FaultyDisk::InodeRef inode_;
  const uint64_t bytes_;
};

class MemoryMappedFile : public MappedFile {
 public:
  MemoryMappedFile(FaultyDisk& disk, FaultyDisk::InodeRef inode, int epoch)
      : disk_(disk), inode_(std::move(inode)), mapped_(inode_->mapped), epoch_(epoch) {}

  std::span<char> bytes() const override { return *mapped_; }
  uint64_t page_bytes() const override { return kPageBytes; }

  Status Allocate(uint64_t offset, uint64_t bytes) override {
    VARVE_RETURN_IF_ERROR(disk_.Enter(FaultyDisk::Op::kAllocate));
    MutexLock lock(disk_.mu_);
    VARVE_RETURN_IF_ERROR(CheckEpoch());
    for (uint64_t page = offset / kPageBytes; page * kPageBytes < offset + bytes; ++page) {
      if (inode_->pages.contains(page)) continue;
      VARVE_RETURN_IF_ERROR(disk_.CheckCapacity(kPageBytes));
      inode_->pages.insert(page);
    }
    return OkStatus();
  }

  Status Load(uint64_t /*offset*/, uint64_t /*bytes*/) const override { return OkStatus(); }

  Status PunchHole(uint64_t offset, uint64_t bytes) override {
    VARVE_RETURN_IF_ERROR(disk_.Enter(FaultyDisk::Op::kPunchHole));
    MutexLock lock(disk_.mu_);
    VARVE_RETURN_IF_ERROR(CheckEpoch());
    VARVE_CHECK(offset % kPageBytes == 0 && bytes % kPageBytes == 0);
    const uint64_t end = std::min<uint64_t>(offset + bytes, mapped_->size());
    std::fill(mapped_->begin() + static_cast<ptrdiff_t>(offset),
              mapped_->begin() + static_cast<ptrdiff_t>(end), '\0');
    inode_->pages.erase(inode_->pages.lower_bound(offset / kPageBytes),
                        inode_->pages.lower_bound((end + kPageBytes - 1) / kPageBytes));
    return OkStatus();
  }

  Status DataSync() override {
    VARVE_RETURN_IF_ERROR(disk_.Enter(FaultyDisk::Op::kDataSync));
    MutexLock lock(disk_.mu_);
    VARVE_RETURN_IF_ERROR(CheckEpoch());
    inode_->Settle();
    inode_->durable = inode_->content;
    return OkStatus();
  }

 private:
  Status CheckEpoch() const VARVE_REQUIRES(disk_.mu_) {
    if (epoch_ == disk_.power_losses_) return OkStatus();
    return Unavailable("file handle is from before a power loss");
  }

  FaultyDisk& disk_;
  const FaultyDisk::InodeRef inode_;
  const std::shared_ptr<std::string> mapped_;
  const int epoch_;
};

uint64_t FaultyDisk::Inode::used_bytes() const {
  return sparse ? pages.size() * kPageBytes : content.size();
}

void FaultyDisk::Inode::Settle() {
  if (!mapped) return;
  for (uint64_t at = 0; at < mapped->size(); at += kPageBytes) {
    const std::string_view page = std::string_view(*mapped).substr(at, kPageBytes);
    const bool stored = page.find_first_not_of('\0') != std::string_view::npos;
    VARVE_CHECK(!stored || pages.contains(at / kPageBytes));  // Would be a SIGBUS on a full disk.
  }
  content = *mapped;
}

void FaultyDisk::Inode::Detach(std::string landed) {
  mapped = nullptr;
  content = std::move(landed);
  if (!sparse) return;
  for (uint64_t at = 0; at < content.size(); at += kPageBytes) {
    const std::string_view page = std::string_view(content).substr(at, kPageBytes);
    // The hole was not durable.
    if (page.find_first_not_of('\0') != std::string_view::npos) pages.insert(at / kPageBytes);
  }
}

namespace {
class MemoryLock : public FileLock {};
}  // namespace

FaultyDisk::FaultyDisk() = default;
FaultyDisk::~FaultyDisk() = default;

void FaultyDisk::FailNext(Op op, int skip, Status error) {
  MutexLock lock(mu_);
  faults_[op] = {skip, std::move(error)};
}

void FaultyDisk::FailAppendAfterBytes(uint64_t bytes) {
  MutexLock lock(mu_);
  short_append_ = bytes;
}

void FaultyDisk::SetCapacity(uint64_t bytes) {
  MutexLock lock(mu_);
  capacity_ = bytes;
}

void FaultyDisk::SetReserved(uint64_t bytes) {
  MutexLock lock(mu_);
  reserved_ = bytes;
}

void FaultyDisk::SetHook(Op op, std::function<void()> hook) {
  MutexLock lock(mu_);
  hooks_[op] = std::move(hook);
}

int FaultyDisk::Count(Op op) const {
  MutexLock lock(mu_);
  const auto at = counts_.find(op);
  return at == counts_.end() ? 0 : at->second;
}

Status FaultyDisk::Enter(Op op) {
  std::function<void()> hook;
  {
    MutexLock lock(mu_);
    ++counts_[op];
    if (const auto at = hooks_.find(op); at != hooks_.end()) hook = at->second;
  }
  if (hook) hook();
  MutexLock lock(mu_);
  if (power_off_) return Unavailable("power is off (test)");
  const auto fault = faults_.find(op);
  if (fault == faults_.end() || fault->second.skip-- > 0) return OkStatus();
  Status error = std::move(fault->second.error);
  faults_.erase(fault);
  return error;
}

Status FaultyDisk::CheckCapacity(uint64_t more_bytes) const {
  uint64_t used = 0;
  for (const auto& [path, inode] : names_) used += inode->used_bytes();
  if (used + more_bytes <= capacity_) return OkStatus();
  return SqlError(sqlstate::kDiskFull, "no space left on device (test)");
}

std::string FaultyDisk::DirOf(const std::string& path) const {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

void FaultyDisk::LosePower() {
  MutexLock lock(mu_);
  ++power_losses_;
  names_ = durable_names_;
  for (const auto& [path, inode] : names_) {
    inode->Detach(inode->durable);
  }
}

void FaultyDisk::LosePowerPartly(std::mt19937_64& random) {
  MutexLock lock(mu_);
  LandPartly(random);
}

void FaultyDisk::LandPartly(std::mt19937_64& random) {
  ++power_losses_;
  NameMap survived;
  for (const auto& [path, inode] : durable_names_) {
    const auto now = names_.find(path);
    const bool landed = random() % 2 == 0;
    if (now == names_.end()) {  // Removed.
      if (!landed) survived[path] = inode;
    } else {  // A name that was replaced is there, before and after.
      survived[path] = landed ? now->second : inode;
    }
  }
  for (const auto& [path, inode] : names_) {
    if (!survived.contains(path) && !durable_names_.contains(path) && random() % 2 == 0) {
      survived[path] = inode;
    }
  }
  names_ = survived;
  durable_names_ = survived;
  for (const auto& [path, inode] : names_) {
    inode->Settle();
    inode->Detach(LandSomeSectors(inode->durable, inode->content, random));
    inode->durable = inode->content;
  }
}

void FaultyDisk::CutPower(std::mt19937_64& random) {
  MutexLock lock(mu_);
  LandPartly(random);
  power_off_ = true;
}

// A call that had passed its check when the power went may have changed names or contents since;
// only what is durable comes back.
void FaultyDisk::RestorePower() {
  LosePower();
  MutexLock lock(mu_);
  power_off_ = false;
}

std::string FaultyDisk::Contents(const std::string& path) const {
  MutexLock lock(mu_);
  const auto at = names_.find(path);
  VARVE_CHECK(at != names_.end());
  at->second->Settle();
  return at->second->content;
}

void FaultyDisk::SetContents(const std::string& path, std::string content) {
  MutexLock lock(mu_);
  auto inode = std::make_shared<Inode>();
  inode->content = content;
  inode->durable = std::move(content);
  names_[path] = inode;
  durable_names_[path] = inode;
}

std::vector<std::string> FaultyDisk::Names(const std::string& dir) const {
  MutexLock lock(mu_);
  std::vector<std::string> names;
  for (const auto& [path, inode] : names_) {
    if (DirOf(path) == dir) names.push_back(path.substr(dir.empty() ? 0 : dir.size() + 1));
  }
  return names;
}

Result<std::unique_ptr<AppendFile>> FaultyDisk::Create(const std::string& path,
                                                       uint64_t preallocate) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kCreate));
  MutexLock lock(mu_);
  if (names_.contains(path)) return AlreadyExists("file exists: {}", path);
  VARVE_RETURN_IF_ERROR(CheckCapacity(preallocate));
  auto inode = std::make_shared<Inode>();
  inode->content.assign(preallocate, '\0');
  names_[path] = inode;
  return std::make_unique<MemoryAppendFile>(*this, std::move(inode), power_losses_);
}

Result<std::unique_ptr<AppendFile>> FaultyDisk::Recreate(const std::string& path,
                                                         uint64_t preallocate) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kRecreate));
  MutexLock lock(mu_);
  const auto at = names_.find(path);
  if (at == names_.end()) return NoSuchFile(path);
  const InodeRef inode = at->second;
  inode->content.clear();
  VARVE_RETURN_IF_ERROR(CheckCapacity(preallocate));
  inode->content.assign(preallocate, '\0');
  return std::make_unique<MemoryAppendFile>(*this, inode, power_losses_);
}

Result<std::unique_ptr<RandomFile>> FaultyDisk::OpenRead(const std::string& path) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kOpenRead));
  MutexLock lock(mu_);
  const auto at = names_.find(path);
  if (at == names_.end()) return NoSuchFile(path);
  return std::make_unique<MemoryRandomFile>(*this, at->second, at->second->content.size());
}

Result<std::unique_ptr<MappedFile>> FaultyDisk::CreateMapped(const std::string& path,
                                                             uint64_t bytes) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kCreateMapped));
  MutexLock lock(mu_);
  if (names_.contains(path)) return AlreadyExists("file exists: {}", path);
  auto inode = std::make_shared<Inode>();
  inode->sparse = true;
  inode->content.assign(bytes, '\0');
  inode->mapped = std::make_shared<std::string>(inode->content);
  names_[path] = inode;
  return std::make_unique<MemoryMappedFile>(*this, std::move(inode), power_losses_);
}

Result<std::unique_ptr<MappedFile>> FaultyDisk::OpenMapped(const std::string& path,
                                                           uint64_t bytes) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kOpenMapped));
  MutexLock lock(mu_);
  const auto at = names_.find(path);
  if (at == names_.end()) return NoSuchFile(path);
  const InodeRef inode = at->second;
  if (inode->content.size() != bytes) {
    return DataLoss("file {} has {} bytes, not {}", path, inode->content.size(), bytes);
  }
  if (!inode->sparse) {  // Put here by a test.
    inode->sparse = true;
    for (uint64_t page = 0; page * kPageBytes < bytes; ++page) inode->pages.insert(page);
  }
  if (!inode->mapped) inode->mapped = std::make_shared<std::string>(inode->content);
  return std::make_unique<MemoryMappedFile>(*this, inode, power_losses_);
}

Status FaultyDisk::Truncate(const std::string& path, uint64_t bytes) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kTruncate));
  MutexLock lock(mu_);
  const auto at = names_.find(path);
  if (at == names_.end()) return NoSuchFile(path);
  if (bytes > at->second->content.size()) return InvalidArgument("truncate cannot lengthen");
  at->second->content.resize(bytes);
  at->second->durable = at->second->content;
  return OkStatus();
}

Status FaultyDisk::Rename(const std::string& from, const std::string& to) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kRename));
  MutexLock lock(mu_);
  const auto at = names_.find(from);
  if (at == names_.end()) return NoSuchFile(from);
  names_[to] = at->second;
  names_.erase(from);
  return OkStatus();
}

Status FaultyDisk::Link(const std::string& from, const std::string& to) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kLink));
  MutexLock lock(mu_);
  const auto at = names_.find(from);
  if (at == names_.end()) return NoSuchFile(from);
  if (names_.contains(to)) return AlreadyExists("file exists: {}", to);
  names_[to] = at->second;
  return OkStatus();
}

Status FaultyDisk::Remove(const std::string& path) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kRemove));
  MutexLock lock(mu_);
  return names_.erase(path) == 1 ? OkStatus() : NoSuchFile(path);
}

Status FaultyDisk::Restrict(const std::string& path) {
  MutexLock lock(mu_);
  return names_.contains(path) ? OkStatus() : NoSuchFile(path);
}

Status FaultyDisk::MakeDirs(const std::string& /*path*/) { return OkStatus(); }

Status FaultyDisk::SyncDir(const std::string& path) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kSyncDir));
  MutexLock lock(mu_);
  std::erase_if(durable_names_, [&](const auto& entry) { return DirOf(entry.first) == path; });
  for (const auto& [name, inode] : names_) {
    if (DirOf(name) == path) durable_names_[name] = inode;
  }
  return OkStatus();
}

Result<std::vector<DirEntry>> FaultyDisk::List(const std::string& dir) {
  VARVE_RETURN_IF_ERROR(Enter(Op::kList));
  std::vector<DirEntry> entries;
  for (const std::string& name : Names(dir)) {
    entries.push_back({name, Contents(JoinPath(dir, name)).size(), 0, false});
  }
  return entries;
}

Result<DirEntry> FaultyDisk::Stat(const std::string& path) {
  MutexLock lock(mu_);
  const auto at = names_.find(path);
  if (at == names_.end()) return NoSuchFile(path);
  return DirEntry{path.substr(path.rfind('/') + 1), at->second->content.size(), 0, false};
}

Result<DiskSpace> FaultyDisk::Space(const std::string& /*path*/) {
  MutexLock lock(mu_);
  uint64_t used = 0;
  for (const auto& [path, inode] : names_) used += inode->used_bytes();
  const uint64_t kept = std::min(capacity_, reserved_);
  return DiskSpace{capacity_, capacity_ - std::min(capacity_, used + kept), used};
}

Result<std::unique_ptr<FileLock>> FaultyDisk::Lock(const std::string& path,
                                                   std::string_view content) {
  SetContents(path, std::string(content));
  return std::make_unique<MemoryLock>();
}

}  // namespace varve::io::testing
