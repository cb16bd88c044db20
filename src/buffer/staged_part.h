// Holds rows as data files on the local disk, between memory and lake, until nobody reads them.
//
// Role:     flush::Stager writes the files -> [StagedPart] in a snapshot, in the place of the
//           segments that the rows came from -> scans; flush::Flusher uploads and commits them.
// Layout:   the files as the lake will have them: DataFile::path is the object's name to be,
//           DataFile::local_path where they are now. Not synced: the log is still the truth.
// Errors:   a file that cannot be removed stays until the next start, which empties the folder.
// Threads:  immutable. The last holder removes the files, whichever thread it is on: whoever reads
//           a file keeps the part, or the shared DataFile that file() gives.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/file.h"
#include "model/file_set.h"
#include "model/ids.h"

namespace varve::buffer {

struct StagedContent {
  LsnRange lsns;  // every row of the table in these records is in the files
  std::vector<DataFile> files;
  int64_t rows = 0;
  int64_t bytes = 0;      // of the files
  int64_t staged_us = 0;  // microseconds UTC
};

class StagedPart {
 public:
  // Takes the files over, from now on they are the part's to remove. `disk` outlives the part.
  StagedPart(io::FileSystem& disk, StagedContent content);
  ~StagedPart();

  StagedPart(const StagedPart&) = delete;
  StagedPart& operator=(const StagedPart&) = delete;

  const StagedContent& content() const { return content_; }
  Lsn through() const { return content_.lsns.end.Prev(); }

 private:
  io::FileSystem& disk_;
  const StagedContent content_;
};
using StagedPartRef = std::shared_ptr<const StagedPart>;

// The file set of `parts` on top of `lake`, newest first: what a scan reads. Each file of a part
// keeps the part alive. `lake` itself when there are no parts.
FileSetRef WithStaged(const FileSetRef& lake, const std::vector<StagedPartRef>& parts);

}  // namespace varve::buffer
