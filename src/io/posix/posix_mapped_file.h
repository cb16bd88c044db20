// Maps files of the real disk: the part of PosixFileSystem that makes MappedFiles.
//
// Errors:   see io/mapped_file.h.
#pragma once

#include <memory>
#include <string>

#include "io/mapped_file.h"

namespace varve::io {

// FileSystem::CreateMapped and OpenMapped.
Result<std::unique_ptr<MappedFile>> CreatePosixMapped(const std::string& path, uint64_t bytes);
Result<std::unique_ptr<MappedFile>> OpenPosixMapped(const std::string& path, uint64_t bytes);

}  // namespace varve::io
