#include "io/s3/s3_store.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <utility>

#include "io/aws/digest.h"
#include "io/object_name.h"
#include "io/s3/s3_upload.h"
#include "io/store_set.h"

namespace varve::io {
namespace {

constexpr int kRangeNotSatisfiable = 416;
// What a read may move before its limit is reached, when nobody knows how long it will be.
constexpr uint64_t kUnknownBytes = 64 << 20;

std::string FolderPrefix(std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix.empty() ? std::string() : std::string(prefix) + "/";
}

bool ReadNumber(std::string_view text, uint64_t& value) {
  return absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value);
}

// What a caller must take for a put that may have been done. Any other code would tell that it was
// not, and what the object refers to would be deleted.
Status InDoubt(std::string_view name, const Status& error) {
  return Unavailable("whether {} was written is unknown: {}", name, MessageOf(error));
}

// "bytes 10-19/100": the answer must be the range that was asked for, as far as the object reaches.
Status CheckRange(const HttpResponse& response, uint64_t begin, uint64_t end) {
  const std::string_view text = response.Find("content-range");
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  uint64_t first = 0;
  uint64_t last = 0;
  if (response.status != 206 || !text.starts_with("bytes ") || slash == std::string_view::npos ||
      dash > slash || !ReadNumber(text.substr(6, dash - 6), first) ||
      !ReadNumber(text.substr(dash + 1, slash - dash - 1), last)) {
    return Unavailable("the store does not answer ranges: status {}, Content-Range \"{}\"",
                       response.status, text);
  }
  if (first != begin || last >= end || response.body.size() != last + 1 - first) {
    return Unavailable("the store gave another range: [{}, {}) wanted, \"{}\" with {} bytes", begin,
                       end, text, response.body.size());
  }
  return OkStatus();
}

}  // namespace

S3Store::S3Store(S3StoreSettings settings, std::unique_ptr<S3Client> client)
    : settings_(std::move(settings)),
      key_prefix_(FolderPrefix(settings_.prefix)),
      client_(std::move(client)) {}

std::string S3Store::ReadPath(std::string_view name) const {
  return MakeStorePath(settings_.name, name);
}

Result<std::string> S3Store::KeyOf(std::string_view name) const {
  VARVE_RETURN_IF_ERROR(CheckObjectName(name));
  std::string key = key_prefix_ + std::string(name);
  if (key.size() > kKeyBytesMax) {
    return InvalidArgument("object name is longer than {} bytes with its prefix: \"{}\"",
                           kKeyBytesMax, key);
  }
  return key;
}

Result<std::string> S3Store::Get(std::string_view name) {
  S3Call call{.answer_bytes_max = kGetBytesMax, .transfer_bytes = kUnknownBytes};
  VARVE_ASSIGN_OR_RETURN(call.key, KeyOf(name));
  VARVE_ASSIGN_OR_RETURN(S3Answer answer, client_->CallOrError(call));
  // Without either, the end of the connection would be taken for the end of the object.
  if (answer.http.Find("content-length").empty() && answer.http.Find("transfer-encoding").empty()) {
    return Unavailable("{}: answer does not say how long it is", client_->Describe(call.key));
  }
  return std::move(answer.http.body);
}

Result<std::string> S3Store::GetRange(std::string_view name, uint64_t begin, uint64_t end) {
  S3Call call;
  VARVE_ASSIGN_OR_RETURN(call.key, KeyOf(name));
  if (begin >= end) {
    VARVE_RETURN_IF_ERROR(Head(name).status());
    return std::string();
  }
  // Nothing is that long: "to the end".
  end = std::min<uint64_t>(end, INT64_MAX);
  call.headers.push_back({"Range", fmt::format("bytes={}-{}", begin, end - 1)});
  call.answer_bytes_max = std::min(end - begin, kGetBytesMax);
  call.transfer_bytes = std::min(end - begin, kUnknownBytes);
  VARVE_ASSIGN_OR_RETURN(S3Answer answer, client_->Call(call));
  if (answer.http.status == kRangeNotSatisfiable) return std::string();
  if (!answer.ok()) return client_->ErrorOf(call, answer);
  const Status checked = CheckRange(answer.http, begin, end);
  if (!checked.ok()) return Annotate(checked, client_->Describe(call.key));
  return std::move(answer.http.body);
}

Result<ObjectInfo> S3Store::Head(std::string_view name) {
  S3Call call{.operation = S3Operation::kHead, .method = "HEAD"};
  VARVE_ASSIGN_OR_RETURN(call.key, KeyOf(name));
  VARVE_ASSIGN_OR_RETURN(const S3Answer answer, client_->CallOrError(call));
  ObjectInfo info;
  info.name = name;
  if (!ReadNumber(answer.http.Find("content-length"), info.bytes)) {
    return Unavailable("{}: answer has no length", client_->Describe(call.key));
  }
  VARVE_ASSIGN_OR_RETURN(info.modified_us, ReadHttpTime(answer.http.Find("last-modified")));
  return info;
}

Status S3Store::Put(std::string_view name, std::string_view content) {
  S3Call call{.operation = S3Operation::kPut, .method = "PUT", .body = content};
  VARVE_ASSIGN_OR_RETURN(call.key, KeyOf(name));
  return client_->CallOrError(call).status();
}

Status S3Store::PutIfAbsent(std::string_view name, std::string_view content) {
  if (settings_.single_writer) return PutIfAbsentAlone(name, content);
  S3Call call{.operation = S3Operation::kPutIfAbsent,
              .method = "PUT",
              .headers = {{"If-None-Match", "*"}},
              .body = content};
  VARVE_ASSIGN_OR_RETURN(call.key, KeyOf(name));
  return PutNew(name, call);
}

Status S3Store::PutNew(std::string_view name, const S3Call& call) {
  const Result<S3Answer> answer = client_->Call(call);
  if (!answer.ok()) {
    const Status& error = answer.status();
    if (WasNeverSent(error) || error.code() == StatusCode::kUnavailable) return error;
    return InDoubt(name, error);
  }
  if (answer->ok()) return OkStatus();
  Status refusal = client_->ErrorOf(call, *answer);
  if (!answer->may_have_happened_before) return refusal;
  return ReadBack(name, call.body, refusal);
}

Status S3Store::ReadBack(std::string_view name, std::string_view content, const Status& refusal) {
  const Result<std::string> there = Get(name);
  if (there.ok() && *there == content) return OkStatus();
  if (there.ok()) return AlreadyExists("object exists: {}", ReadPath(name));
  // Also when it is not there: a request whose answer was lost may be under way still.
  return Annotate(InDoubt(name, there.status()), MessageOf(refusal));
}

Status S3Store::PutIfAbsentAlone(std::string_view name, std::string_view content) {
  MutexLock lock(single_writer_mu_);
  Status found = Head(name).status();
  if (found.ok()) return AlreadyExists("object exists: {}", ReadPath(name));
  if (found.code() != StatusCode::kNotFound) return found;
  S3Call call{.operation = S3Operation::kPut, .method = "PUT", .body = content};
  VARVE_ASSIGN_OR_RETURN(call.key, KeyOf(name));
  return PutNew(name, call);
}

Status S3Store::PutFile(std::string_view name, const std::string& path) {
  const FileToPut file{std::string(name), path};
  return PutFiles({&file, 1});
}

Status S3Store::PutFiles(std::span<const FileToPut> files) {
  std::vector<FileToUpload> uploads;
  for (const FileToPut& file : files) {
    VARVE_ASSIGN_OR_RETURN(std::string key, KeyOf(file.name));
    uploads.push_back({std::move(key), file.path});
  }
  return UploadFiles(*client_, uploads);
}

Status S3Store::ListPages(std::string_view prefix, std::string_view start_after, bool folders_only,
                          const std::function<void(S3Listing&)>& take) {
  if (const size_t slash = prefix.rfind('/'); slash != std::string_view::npos) {
    VARVE_RETURN_IF_ERROR(CheckObjectName(prefix.substr(0, slash)));
  }
  S3Call call{.operation = S3Operation::kList};
  std::string continuation;
  do {
    call.query = {{"list-type", "2"},
                  {"encoding-type", "url"},
                  {"prefix", key_prefix_ + std::string(prefix)}};
    if (folders_only) call.query.emplace_back("delimiter", "/");
    if (!continuation.empty()) {
      call.query.emplace_back("continuation-token", continuation);
    } else if (!start_after.empty()) {
      call.query.emplace_back("start-after", key_prefix_ + std::string(start_after));
    }
    VARVE_ASSIGN_OR_RETURN(const S3Answer answer, client_->CallOrError(call));
    Result<S3Listing> listing = ReadListing(answer.http.body);
    if (!listing.ok()) return Annotate(listing.status(), client_->Describe({}));
    take(*listing);
    continuation = std::move(listing->continuation);
  } while (!continuation.empty());
  return OkStatus();
}

Result<std::vector<ObjectInfo>> S3Store::List(std::string_view prefix,
                                              std::string_view start_after) {
  std::vector<ObjectInfo> found;
  VARVE_RETURN_IF_ERROR(ListPages(prefix, start_after, false, [&](S3Listing& page) {
    for (ObjectInfo& object : page.objects) {
      // Other tools mark folders by empty objects whose names end in a slash.
      if (!object.name.starts_with(key_prefix_) || object.name.ends_with('/')) continue;
      object.name.erase(0, key_prefix_.size());
      if (object.name > start_after) found.push_back(std::move(object));
    }
  }));
  // Some stores list in an order of their own.
  std::sort(found.begin(), found.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.name < b.name; });
  return found;
}

Result<std::vector<std::string>> S3Store::ListFolders(std::string_view prefix) {
  const size_t skipped = key_prefix_.size() + prefix.size();
  std::vector<std::string> found;
  VARVE_RETURN_IF_ERROR(ListPages(prefix, {}, true, [&](const S3Listing& page) {
    for (const std::string& folder : page.folders) {
      if (folder.size() > skipped + 1) {
        found.push_back(folder.substr(skipped, folder.size() - skipped - 1));
      }
    }
  }));
  std::sort(found.begin(), found.end());
  return found;
}

Status S3Store::Delete(std::string_view name) {
  S3Call call{.operation = S3Operation::kDelete, .method = "DELETE"};
  VARVE_ASSIGN_OR_RETURN(call.key, KeyOf(name));
  const Status deleted = client_->CallOrError(call).status();
  return deleted.code() == StatusCode::kNotFound ? OkStatus() : deleted;
}

Status S3Store::DeleteMany(std::span<const std::string> names) {
  std::vector<std::string> keys;
  for (const std::string& name : names) {
    VARVE_ASSIGN_OR_RETURN(std::string key, KeyOf(name));
    keys.push_back(std::move(key));
  }
  Status first_error;
  for (size_t begin = 0; begin < keys.size(); begin += kDeleteBatch) {
    const size_t count = std::min(kDeleteBatch, keys.size() - begin);
    first_error.Update(DeleteBatchOf(std::span(keys).subspan(begin, count)));
  }
  return first_error;
}

Status S3Store::DeleteBatchOf(std::span<const std::string> keys) {
  const std::string body = DeleteBody(keys);
  const S3Call call{.operation = S3Operation::kDelete,
                    .method = "POST",
                    .query = {{"delete", ""}},
                    .headers = {{"Content-MD5", aws::ToBase64(aws::Md5(body))},
                                {"Content-Type", "application/xml"}},
                    .body = body};
  VARVE_ASSIGN_OR_RETURN(const S3Answer answer, client_->CallOrError(call));
  VARVE_ASSIGN_OR_RETURN(const std::vector<S3DeleteFailure> failures,
                         ReadDeleteFailures(answer.http.body));
  Status first_error;
  for (const S3DeleteFailure& failure : failures) {
    if (failure.error.code == "NoSuchKey") continue;
    // Alone it is tried until the deadline, and an error has everything about it.
    S3Call single{.operation = S3Operation::kDelete, .method = "DELETE", .key = failure.key};
    const Status deleted = client_->CallOrError(single).status();
    if (deleted.code() != StatusCode::kNotFound) first_error.Update(deleted);
  }
  return first_error;
}

}  // namespace varve::io
