// Makes local files and folders that nobody needs after a crash, and removes them at the end of a
// scope.
//
// Role:     bytes of an object -> [ScratchFile] -> code that reads files only; [ScratchFolder] ->
//           what a merge of data files makes on its way.
// Errors:   58030, or 53100 when the disk is full, from Write and Make; removing never fails aloud.
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

// Goes with everything in it.
class ScratchFolder {
 public:
  // Nothing is made yet.
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // With the folders above it.
  Status Make();
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace varve::io
