// Owns a file descriptor.
//
// Role:     the files of io/posix -> [Descriptor].
#pragma once

#include <unistd.h>

#include <string>
#include <utility>

#include "base/status.h"

namespace varve::io {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);  // What matters was synced; close() has nothing to add.
  }
  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Opens `path` for this process only, again when a signal interrupts it. A file that `flags` make
// is for its owner to write and for its group to read.
Result<Descriptor> OpenDescriptor(const std::string& path, int flags);

}  // namespace varve::io
