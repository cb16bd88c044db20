// Writes a local file that nobody needs after a crash, and removes it at the end of a scope.
//
// Role:     bytes of an object -> [ScratchFile] -> code that reads files only.
// Errors:   58030, or 53100 when the disk is full, from Write; removing never fails aloud.
// Threads:  one owner.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::io {

class ScratchFile {
 public:
  // Nothing is made yet.
  explicit ScratchFile(std::string path) : path_(std::move(path)) {}
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  // Not synced.
  Status Write(std::string_view content);
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace varve::io
