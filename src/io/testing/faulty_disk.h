// Plays a disk in memory that fails and loses power when a test says so.
//
// Role:     tests of log and main -> [FaultyDisk] instead of io/posix.
// Layout:   a file has content and durable content; names are durable only after SyncDir of their
//           folder. What a file's preallocated part holds is zeros, durable from its first sync.
//           A mapped file takes room by pages; storing into one that has none stops the test.
// Errors:   those that a test asks for, 53100 above the set capacity, and Unavailable from handles
//           opened before the last power loss.
// Threads:  safe; hooks run without a lock held.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/file.h"

namespace varve::io::testing {

class FaultyDisk : public FileSystem {
 public:
  enum class Op : uint8_t {
    kCreate,
    kGrow,
    kRecreate,
    kAppend,
    kDataSync,
    kOpenRead,
    kReadAt,
    kTruncate,
    kRename,
    kLink,
    kRemove,
    kSyncDir,
    kList,
    kCreateMapped,
    kOpenMapped,
    kAllocate,
    kPunchHole,
  };

  FaultyDisk();
  ~FaultyDisk() override;

  // The call of this kind after `skip` more successful ones returns `error` and does nothing (an
  // Append may have written a part first: see FailAppendAfterBytes).
  void FailNext(Op op, int skip = 0, Status error = Unavailable("input/output error (test)"));
  // The next Append writes only this many bytes and then fails.
  void FailAppendAfterBytes(uint64_t bytes);
  // Creating or appending beyond this total of file sizes fails with 53100.
  void SetCapacity(uint64_t bytes);
  // Of the capacity, what Space() says is kept for the system.
  void SetReserved(uint64_t bytes);
  // Runs before each call of this kind.
  void SetHook(Op op, std::function<void()> hook);
  int Count(Op op) const;

  // Everything not synced is gone: contents and names go back to what is durable.
  void LosePower();
  // The same, but each 512-byte sector and each name that was not durable survives by chance.
  void LosePowerPartly(std::mt19937_64& random);
  // The same, and every call fails from now on (also the one whose hook this is) until
  // RestorePower(): for a power cut in the middle of what the tested code does.
  void CutPower(std::mt19937_64& random);
  void RestorePower();

  std::string Contents(const std::string& path) const;
  // Replaces or makes a file; durable at once.
  void SetContents(const std::string& path, std::string content);
  std::vector<std::string> Names(const std::string& dir) const;

  Result<std::unique_ptr<AppendFile>> Create(const std::string& path,
                                             uint64_t preallocate) override;
  Result<std::unique_ptr<AppendFile>> Recreate(const std::string& path,
                                               uint64_t preallocate) override;
  Result<std::unique_ptr<RandomFile>> OpenRead(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> CreateMapped(const std::string& path,
                                                   uint64_t bytes) override;
  Result<std::unique_ptr<MappedFile>> OpenMapped(const std::string& path, uint64_t bytes) override;
  Status Truncate(const std::string& path, uint64_t bytes) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Link(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status Restrict(const std::string& path) override;
  Status MakeDirs(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  Result<std::vector<DirEntry>> List(const std::string& dir) override;
  Result<DirEntry> Stat(const std::string& path) override;
  Result<DiskSpace> Space(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                         std::string_view content) override;

 private:
  friend class MemoryAppendFile;
  friend class MemoryRandomFile;
  friend class MemoryMappedFile;
  struct Inode {
    std::string content;
    std::string durable;
    // Of a mapped file: what is stored through the mapping, newer than `content`, and which pages
    // have room on the disk. A power loss leaves the mapping to its holder and forgets it here.
    std::shared_ptr<std::string> mapped;
    std::set<uint64_t> pages;
    bool sparse = false;

    uint64_t used_bytes() const;
    // Brings `content` up to date.
    void Settle();
    // After a power loss.
    void Detach(std::string landed);
  };
  using InodeRef = std::shared_ptr<Inode>;
  using NameMap = std::map<std::string, InodeRef>;
  struct Fault {
    int skip = 0;
    Status error;
  };

  // Counts the call, runs its hook and returns the failure that was asked for, if any.
  Status Enter(Op op) VARVE_EXCLUDES(mu_);
  void LandPartly(std::mt19937_64& random) VARVE_REQUIRES(mu_);
  Status CheckCapacity(uint64_t more_bytes) const VARVE_REQUIRES(mu_);
  std::string DirOf(const std::string& path) const;

  mutable Mutex mu_;
  NameMap names_ VARVE_GUARDED_BY(mu_);
  NameMap durable_names_ VARVE_GUARDED_BY(mu_);
  std::map<Op, Fault> faults_ VARVE_GUARDED_BY(mu_);
  std::map<Op, std::function<void()>> hooks_ VARVE_GUARDED_BY(mu_);
  std::map<Op, int> counts_ VARVE_GUARDED_BY(mu_);
  std::optional<uint64_t> short_append_ VARVE_GUARDED_BY(mu_);
  uint64_t capacity_ VARVE_GUARDED_BY(mu_) = UINT64_MAX;
  uint64_t reserved_ VARVE_GUARDED_BY(mu_) = 0;
  int power_losses_ VARVE_GUARDED_BY(mu_) = 0;
  bool power_off_ VARVE_GUARDED_BY(mu_) = false;
};

}  // namespace varve::io::testing
