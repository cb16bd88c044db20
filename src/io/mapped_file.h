// Keeps a file of fixed size in memory, where storing a byte writes it.
//
// Role:     ring -> FileSystem::CreateMapped, OpenMapped -> [MappedFile].
// Units:    bytes. Offsets and lengths of calls are multiples of page_bytes().
// Errors:   as in io/file.h. Storing into a page that was not allocated may end the process when
//           the disk is full, and so may reading from a broken disk: Allocate and Load come first.
//           A file system that copies what is overwritten (btrfs, ZFS) may be full all the same.
// Threads:  the calls are safe from any thread; who may touch which bytes is the caller's to order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"

namespace varve::io {

class MappedFile {
 public:
  virtual ~MappedFile() = default;

  // The whole file; stays where it is as long as this object lives.
  virtual std::span<char> bytes() const = 0;
  virtual uint64_t page_bytes() const = 0;

  // Gives the pages room on the disk, which they then keep; their content stays. 53100 when there
  // is none: some of the pages may have got theirs.
  virtual Status Allocate(uint64_t offset, uint64_t bytes) = 0;
  // Brings the pages into memory, so that touching them soon does not wait for the disk.
  virtual Status Load(uint64_t offset, uint64_t bytes) const = 0;
  // Gives the room of the pages back to the disk; they read as zeros from now on.
  virtual Status PunchHole(uint64_t offset, uint64_t bytes) = 0;
  // Makes durable what was stored, allocated and punched before the call. What is stored meanwhile
  // may be included. FailedPrecondition: the file could not be opened, nothing was done, and a
  // later call makes up for it. After any other failure nobody knows what is durable: never retry.
  virtual Status DataSync() = 0;
};

}  // namespace varve::io
