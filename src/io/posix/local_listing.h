// Lists the files of a local store in the order of object names.
//
// Role:     the file system -> [ListFiles] -> LocalStore. Also holds what its parts share: the
//           words for a system error, and the name of the folder that is no part of the store.
// Errors:   a folder that is not there is empty; a file that goes away meanwhile is left out.
// Threads:  safe; blocks on the disk.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/object_store.h"

namespace varve::io {

// Holds files that are being written; below the store's root and never listed.
inline constexpr std::string_view kTemporaryFolder = ".varve-tmp";

// NotFound for ENOENT, 53100 when the disk is full, else 58030. `what` is a verb: "read".
Status SystemError(std::string_view what, const std::string& path, int error);

ObjectInfo DescribeFile(std::string name, const struct stat& info);

// The files below `root`/`folder` whose names (relative to root) start with `prefix` and come after
// `start_after`, sorted bytewise. `folder` is the part of `prefix` up to its last '/', or empty.
Result<std::vector<ObjectInfo>> ListFiles(const std::string& root, const std::string& folder,
                                          std::string_view prefix, std::string_view start_after);

}  // namespace varve::io
