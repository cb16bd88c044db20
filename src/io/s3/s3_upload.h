// Uploads local files: small ones in one request, large ones in parts, several requests at a time.
//
// Role:     S3Store::PutFiles -> [UploadFiles] -> S3Client.
// Limits:   kUploadsAtOnce requests at a time, whatever the number of files. Bodies are read from
//           the files piece by piece: memory does not grow with them.
// Errors:   the first one. Uploads in parts that did not end are aborted, as far as the store can
//           be reached; whole objects that are there by then stay.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "io/s3/s3_client.h"

namespace varve::io {

inline constexpr uint64_t kMultipartBytes = 16 << 20;
inline constexpr uint64_t kPartBytesMin = 8 << 20;
inline constexpr uint64_t kPartsMax = 10'000;
inline constexpr size_t kUploadsAtOnce = 8;

struct FileToUpload {
  std::string key;
  std::string path;
};

// Durable when it returns OK: every object is there, with all bytes of its file.
Status UploadFiles(S3Client& client, std::span<const FileToUpload> files);

}  // namespace varve::io
