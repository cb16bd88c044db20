#include "main/data_dir.h"

#include <unistd.h>

#include <filesystem>

#include "base/uuid.h"

namespace varve {
namespace {

constexpr uint64_t kNodeIdBytesMax = 64;

Result<std::string> ReadOrMakeNodeId(io::FileSystem& files, const DataDir& dir) {
  const std::string path = dir.Sub("node_id");
  Result<std::string> id = files.ReadAll(path, kNodeIdBytesMax);
  if (id.ok()) {
    // A new name would make every row that is still in the log look unflushed to this node.
    if (!Uuid::Parse(*id).ok()) return DataLoss("{} does not hold a node id", path);
    return id;
  }
  if (id.status().code() != StatusCode::kNotFound) return id.status();
  std::string fresh = Uuid::MakeV4().ToString();
  VARVE_RETURN_IF_ERROR(files.Replace(path, fresh));
  return fresh;
}

Status MakeEmpty(io::FileSystem& files, const std::string& folder) {
  VARVE_RETURN_IF_ERROR(files.MakeDirs(folder));
  VARVE_ASSIGN_OR_RETURN(const auto entries, files.List(folder));
  for (const io::DirEntry& entry : entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    if (!entry.is_dir) {
      VARVE_RETURN_IF_ERROR(files.Remove(path));
      continue;
    }
    // A merge of data files that a crash has cut short. What stays only takes space.
    std::error_code ignored;
    if (entry.name.starts_with("compact-")) std::filesystem::remove_all(path, ignored);
  }
  return OkStatus();
}

}  // namespace

Result<DataDir> OpenDataDir(io::FileSystem& files, const std::string& path) {
  DataDir dir;
  std::error_code error;
  dir.path = std::filesystem::absolute(path, error).lexically_normal().string();
  if (error) return InvalidArgument("data-dir: {}: {}", path, error.message());
  VARVE_RETURN_IF_ERROR(files.MakeDirs(dir.path));
  Result<std::unique_ptr<io::FileLock>> lock =
      files.Lock(dir.Sub("LOCK"), fmt::format("{}\n", getpid()));
  if (!lock.ok()) {
    if (SqlStateOf(lock.status()) != sqlstate::kObjectInUse) return lock.status();
    const std::string holder = DetailOf(lock.status()).value_or("unknown");
    return SqlErrorf(sqlstate::kObjectInUse, "another server uses the data folder {} (pid {})",
                     dir.path, holder.substr(0, holder.find('\n')));
  }
  dir.lock = *std::move(lock);
  VARVE_ASSIGN_OR_RETURN(dir.node_id, ReadOrMakeNodeId(files, dir));
  VARVE_RETURN_IF_ERROR(MakeEmpty(files, dir.Sub("scratch")));
  const auto staged = files.List(dir.Sub("staged"));
  dir.had_staged = staged.ok() && !staged->empty();
  VARVE_RETURN_IF_ERROR(files.MakeDirs(dir.Sub("staged")));
  return dir;
}

Status EmptyStaged(io::FileSystem& files, const DataDir& dir) {
  return MakeEmpty(files, dir.Sub("staged"));
}

}  // namespace varve
