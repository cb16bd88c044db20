#include "ring/spare_file.h"

#include <algorithm>
#include <utility>

namespace varve::ring {
namespace {

constexpr uint64_t kBlockBytes = 4096;

}  // namespace

Status SpareFile::Prepare(uint64_t bytes) {
  const MutexLock lock(mu_);
  return PrepareLocked(bytes);
}

Status SpareFile::PrepareLocked(uint64_t bytes) {
  if (file_ != nullptr && bytes <= room_) return OkStatus();
  // An eighth more, so that what grows by little things does not come here for each of them.
  const uint64_t wanted = (bytes + bytes / 8 + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  if (file_ == nullptr) return Make(wanted);
  VARVE_RETURN_IF_ERROR(file_->Grow(wanted));
  room_ = wanted;
  return OkStatus();
}

Status SpareFile::Make(uint64_t bytes) {
  Result<std::unique_ptr<io::AppendFile>> made = files_.Create(path_, bytes);
  if (made.status().code() == StatusCode::kAlreadyExists) made = files_.Recreate(path_, bytes);
  VARVE_ASSIGN_OR_RETURN(file_, std::move(made));
  room_ = bytes;
  return OkStatus();
}

Status SpareFile::Become(const std::string& to,
                         const std::function<Status(io::AppendFile&)>& write) {
  const MutexLock lock(mu_);
  if (file_ == nullptr) return SqlErrorf(sqlstate::kDiskFull, "no spare room for {}", to);
  const std::unique_ptr<io::AppendFile> file = std::exchange(file_, nullptr);
  const uint64_t room = std::exchange(room_, 0);
  VARVE_RETURN_IF_ERROR(write(*file));
  if (file->position() < room) {
    VARVE_RETURN_IF_ERROR(files_.Truncate(path_, file->position()));
  }
  return files_.Rename(path_, to);
}

Status SpareFile::Replace(const std::string& path, std::string_view content) {
  Status replaced = files_.Replace(path, content);
  if (SqlStateOf(replaced) != sqlstate::kDiskFull) return replaced;
  files_.Remove(path + ".new").IgnoreError();  // What that has left may take room.
  const Status became = Become(path, [&](io::AppendFile& file) -> Status {
    VARVE_RETURN_IF_ERROR(files_.Restrict(path_));
    VARVE_RETURN_IF_ERROR(file.Append(content));
    return file.DataSync();
  });
  VARVE_RETURN_IF_ERROR(became);
  const size_t slash = path.rfind('/');
  return files_.SyncDir(slash == std::string::npos ? "." : path.substr(0, slash));
}

}  // namespace varve::ring
