#include "io/posix/errno_status.h"

#include <cerrno>
#include <system_error>

namespace varve::io {

Status ErrnoStatus(std::string_view call, const std::string& path, int error) {
  const std::string reason = std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return NotFound("{}: no such file or folder: {}", call, path);
    case EEXIST:
      return AlreadyExists("{}: file exists: {}", call, path);
    case ENOSPC:
    case EDQUOT:
      return SqlErrorf(sqlstate::kDiskFull, "could not {} file \"{}\": {}", call, path, reason);
    default:
      return Unavailable("could not {} file \"{}\": {}", call, path, reason);
  }
}

}  // namespace varve::io
