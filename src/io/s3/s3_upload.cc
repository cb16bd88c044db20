#include "io/s3/s3_upload.h"

#include <absl/strings/numbers.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/parallel.h"

namespace varve::io {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;

struct Upload {
  std::string key;
  std::unique_ptr<RandomFile> file{};
  std::string id{};  // of the upload in parts; empty: one request
  uint64_t part_bytes = 0;
  std::vector<std::string> etags{};  // of the parts; each is written by one thread
  bool complete = false;
};

// One request of those that run in parallel.
struct Piece {
  size_t upload = 0;
  size_t part = 0;
};

uint64_t PartBytesFor(uint64_t file_bytes) {
  const uint64_t least = (file_bytes + kPartsMax - 1) / kPartsMax;
  return std::max(kPartBytesMin, (least + kMegabyte - 1) / kMegabyte * kMegabyte);
}

Status Begin(S3Client& client, Upload& upload) {
  const uint64_t bytes = upload.file->bytes();
  upload.part_bytes = std::max<uint64_t>(bytes, 1);
  upload.etags.resize(1);
  if (bytes <= kMultipartBytes) return OkStatus();
  VARVE_ASSIGN_OR_RETURN(const S3Answer answer,
                         client.CallOrError({.operation = S3Operation::kUploadControl,
                                             .method = "POST",
                                             .key = upload.key,
                                             .query = {{"uploads", ""}}}));
  VARVE_ASSIGN_OR_RETURN(upload.id, ReadUploadId(answer.http.body));
  upload.part_bytes = PartBytesFor(bytes);
  upload.etags.resize((bytes + upload.part_bytes - 1) / upload.part_bytes);
  return OkStatus();
}

Status Send(S3Client& client, Upload& upload, size_t part) {
  const uint64_t begin = part * upload.part_bytes;
  const uint64_t end = std::min(begin + upload.part_bytes, upload.file->bytes());
  S3Call call{.operation = S3Operation::kPut, .method = "PUT", .key = upload.key};
  call.file = {upload.file.get(), begin, end};
  if (!upload.id.empty()) {
    call.operation = S3Operation::kUploadPart;
    call.query = {{"partNumber", std::to_string(part + 1)}, {"uploadId", upload.id}};
  }
  VARVE_ASSIGN_OR_RETURN(const S3Answer answer, client.CallOrError(call));
  upload.etags[part] = answer.http.Find("etag");
  if (!upload.id.empty() && upload.etags[part].empty()) {
    return Unavailable("upload_part {}: answer has no ETag", client.Describe(upload.key));
  }
  return OkStatus();
}

// The answer to a first try was lost and the upload is gone: it is complete, or somebody has
// aborted it. The object shows which.
Status CheckComplete(S3Client& client, const Upload& upload) {
  VARVE_ASSIGN_OR_RETURN(
      const S3Answer answer,
      client.CallOrError({.operation = S3Operation::kHead, .method = "HEAD", .key = upload.key}));
  uint64_t bytes = 0;
  const std::string_view text = answer.http.Find("content-length");
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &bytes) ||
      bytes != upload.file->bytes()) {
    return Unavailable("upload of {} has ended, and the object has \"{}\" bytes instead of {}",
                       client.Describe(upload.key), text, upload.file->bytes());
  }
  return OkStatus();
}

Status Complete(S3Client& client, Upload& upload) {
  if (upload.id.empty()) return OkStatus();
  const std::string body = CompleteUploadBody(upload.etags);
  const S3Call call{.operation = S3Operation::kUploadControl,
                    .method = "POST",
                    .key = upload.key,
                    .query = {{"uploadId", upload.id}},
                    .body = body,
                    .error_in_success = true};
  VARVE_ASSIGN_OR_RETURN(const S3Answer answer, client.Call(call));
  if (answer.error.code == "NoSuchUpload" && answer.may_have_happened_before) {
    VARVE_RETURN_IF_ERROR(CheckComplete(client, upload));
  } else if (!answer.ok()) {
    return client.ErrorOf(call, answer);
  }
  upload.complete = true;
  return OkStatus();
}

// Parts that stay behind cost money and are seen by nobody.
void Abort(S3Client& client, const Upload& upload) {
  if (upload.id.empty() || upload.complete) return;
  const Status aborted = client
                             .CallOrError({.operation = S3Operation::kUploadControl,
                                           .method = "DELETE",
                                           .key = upload.key,
                                           .query = {{"uploadId", upload.id}}})
                             .status();
  if (aborted.ok() || aborted.code() == StatusCode::kNotFound) return;
  spdlog::warn("an upload could not be aborted, its parts stay in the bucket: {}",
               MessageOf(aborted));
}

Status UploadAll(S3Client& client, std::vector<Upload>& uploads) {
  VARVE_RETURN_IF_ERROR(RunParallelUntilError(uploads.size(), kUploadsAtOnce,
                                              [&](size_t i) { return Begin(client, uploads[i]); }));
  std::vector<Piece> pieces;
  for (size_t i = 0; i < uploads.size(); ++i) {
    for (size_t part = 0; part < uploads[i].etags.size(); ++part) pieces.push_back({i, part});
  }
  VARVE_RETURN_IF_ERROR(RunParallelUntilError(pieces.size(), kUploadsAtOnce, [&](size_t i) {
    return Send(client, uploads[pieces[i].upload], pieces[i].part);
  }));
  return RunParallelUntilError(uploads.size(), kUploadsAtOnce,
                               [&](size_t i) { return Complete(client, uploads[i]); });
}

}  // namespace

Status UploadFiles(S3Client& client, std::span<const FileToUpload> files) {
  std::vector<Upload> uploads;
  for (const FileToUpload& file : files) {
    Upload upload{.key = file.key};
    VARVE_ASSIGN_OR_RETURN(upload.file, client.parts().files.OpenRead(file.path));
    uploads.push_back(std::move(upload));
  }
  const Status uploaded = UploadAll(client, uploads);
  if (!uploaded.ok()) {
    for (const Upload& upload : uploads) Abort(client, upload);
  }
  return uploaded;
}

}  // namespace varve::io
