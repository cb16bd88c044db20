#include "io/posix/local_listing.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace varve::io {
namespace {

// Collects the files below one folder whose names have the prefix and come after `start_after`.
class Listing {
 public:
  Listing(std::string root, std::string_view prefix, std::string_view start_after)
      : root_(std::move(root)), prefix_(prefix), start_after_(start_after) {}

  // `folder` is empty or ends in '/'.
  Status Walk(const std::string& folder) {
    const std::string path = root_ + "/" + folder;
    DIR* stream = ::opendir(path.c_str());
    if (stream == nullptr) {
      if (errno == ENOENT || errno == ENOTDIR) return OkStatus();
      return SystemError("list", path, errno);
    }
    Status status;
    errno = 0;
    for (dirent* entry; status.ok() && (entry = ::readdir(stream)) != nullptr; errno = 0) {
      status = Visit(folder, entry->d_name, entry->d_type);
    }
    if (status.ok() && errno != 0) status = SystemError("list", path, errno);
    ::closedir(stream);
    return status;
  }

  std::vector<ObjectInfo> TakeSorted() {
    std::sort(found_.begin(), found_.end(),
              [](const ObjectInfo& a, const ObjectInfo& b) { return a.name < b.name; });
    return std::move(found_);
  }

 private:
  Status Visit(const std::string& folder, std::string_view entry, unsigned char kind) {
    if (entry == "." || entry == ".." || entry == kTemporaryFolder) return OkStatus();
    std::string name = folder + std::string(entry);
    struct stat info{};
    bool have_info = false;
    if (kind != DT_REG && kind != DT_DIR) {
      if (::stat((root_ + "/" + name).c_str(), &info) != 0) return OkStatus();
      have_info = true;
      kind = S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
    }
    if (kind == DT_DIR) {
      name += '/';
      const bool may_match = name.starts_with(prefix_) || prefix_.starts_with(name);
      // Everything below starts with `name`; it is all before `start_after` when `name` is and
      // `start_after` is not below it.
      const bool all_before = name < start_after_ && !start_after_.starts_with(name);
      return may_match && !all_before ? Walk(name) : OkStatus();
    }
    if (kind != DT_REG || !name.starts_with(prefix_) || name <= start_after_) return OkStatus();
    if (!have_info && ::stat((root_ + "/" + name).c_str(), &info) != 0) {
      if (errno == ENOENT) return OkStatus();  // Deleted meanwhile.
      return SystemError("list", name, errno);
    }
    found_.push_back(DescribeFile(std::move(name), info));
    return OkStatus();
  }

  const std::string root_;
  const std::string_view prefix_;
  const std::string_view start_after_;
  std::vector<ObjectInfo> found_;
};

}  // namespace

Status SystemError(std::string_view what, const std::string& path, int error) {
  if (error == ENOENT) return NotFound("could not {}: no such object: {}", what, path);
  const bool full = error == ENOSPC || error == EDQUOT;
  return SqlErrorf(full ? sqlstate::kDiskFull : sqlstate::kIoError, "could not {} \"{}\": {}", what,
                   path, std::strerror(error));
}

ObjectInfo DescribeFile(std::string name, const struct stat& info) {
  return {std::move(name), static_cast<uint64_t>(info.st_size),
          int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000};
}

Result<std::vector<ObjectInfo>> ListFiles(const std::string& root, const std::string& folder,
                                          std::string_view prefix, std::string_view start_after) {
  Listing listing(root, prefix, start_after);
  VARVE_RETURN_IF_ERROR(listing.Walk(folder));
  return listing.TakeSorted();
}

}  // namespace varve::io
