#include "io/scratch_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace varve::io {
namespace {

Status ScratchError(const char* what, const std::string& path, int error) {
  return SqlErrorf(error == ENOSPC ? sqlstate::kDiskFull : sqlstate::kIoError, "cannot {} {}: {}",
                   what, path, std::strerror(error));
}

}  // namespace

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
  return ScratchError("write", path_, errno);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Status ScratchFolder::Make() {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  return error ? ScratchError("make", path_, error.value()) : OkStatus();
}

}  // namespace varve::io
