#include "io/scratch_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace varve::io {

ScratchFile::~ScratchFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

Status ScratchFile::Write(std::string_view content) {
  errno = 0;
  std::ofstream out(path_, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (out) return OkStatus();
  const int error = errno;
  return SqlErrorf(error == ENOSPC ? sqlstate::kDiskFull : sqlstate::kIoError,
                   "cannot write {}: {}", path_, std::strerror(error));
}

}  // namespace varve::io
