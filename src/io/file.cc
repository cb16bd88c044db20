#include "io/file.h"

namespace varve::io {

Result<std::string> FileSystem::ReadAll(const std::string& path, uint64_t bytes_max) {
  VARVE_ASSIGN_OR_RETURN(const std::unique_ptr<RandomFile> file, OpenRead(path));
  if (file->bytes() > bytes_max) {
    return ResourceExhausted("file {} has {} bytes, more than {}", path, file->bytes(), bytes_max);
  }
  std::string content(file->bytes(), '\0');
  VARVE_ASSIGN_OR_RETURN(const size_t got, file->ReadAt(0, content));
  content.resize(got);
  return content;
}

Status FileSystem::WriteSynced(const std::string& path, std::string_view content) {
  VARVE_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file, Create(path, 0));
  VARVE_RETURN_IF_ERROR(file->Append(content));
  return file->DataSync();
}

Status FileSystem::Replace(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  if (Status removed = Remove(temporary);
      !removed.ok() && removed.code() != StatusCode::kNotFound) {
    return removed;
  }
  {
    VARVE_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file, Create(temporary, 0));
    // Before there is anything in it to read.
    VARVE_RETURN_IF_ERROR(Restrict(temporary));
    VARVE_RETURN_IF_ERROR(file->Append(content));
    VARVE_RETURN_IF_ERROR(file->DataSync());
  }
  VARVE_RETURN_IF_ERROR(Rename(temporary, path));
  const size_t slash = path.rfind('/');
  return SyncDir(slash == std::string::npos ? "." : path.substr(0, slash));
}

std::string JoinPath(std::string_view dir, std::string_view name) {
  if (dir.empty() || dir.ends_with('/')) return fmt::format("{}{}", dir, name);
  return fmt::format("{}/{}", dir, name);
}

}  // namespace varve::io
