// Reads the answers of an object store and writes the bodies that it wants.
//
// Role:     S3Client, S3Store <-> [s3_xml] <-> XML of Amazon S3's API reference, 2006-03-01.
// Errors:   Unavailable for text that is not the answer expected: something else than a store, or
//           half of an answer. External entities are neither known nor read.
// Threads:  no shared state.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/object_store.h"

namespace varve::io {

// What a store says went wrong. All empty when it did not say it in its own form.
struct S3Error {
  std::string code;  // "NoSuchKey"
  std::string message;
  std::string region;  // of the bucket, when the request went to another one
};

S3Error ReadS3Error(std::string_view body);

struct S3Listing {
  std::vector<ObjectInfo> objects;   // names with the bucket's prefix
  std::vector<std::string> folders;  // with the bucket's prefix and a '/' at the end
  std::string continuation;          // empty at the end
};

Result<S3Listing> ReadListing(std::string_view body);

// The id of an upload that has begun.
Result<std::string> ReadUploadId(std::string_view body);

struct S3DeleteFailure {
  std::string key;
  S3Error error;
};

// Keys that were not deleted.
Result<std::vector<S3DeleteFailure>> ReadDeleteFailures(std::string_view body);

// `etags` in the order of the parts, from part 1 on.
std::string CompleteUploadBody(std::span<const std::string> etags);
std::string DeleteBody(std::span<const std::string> keys);

// "2009-10-12T17:50:30.000Z", and "Mon, 12 Oct 2009 17:50:30 GMT" of headers, as microseconds UTC.
Result<int64_t> ReadIsoTime(std::string_view text);
Result<int64_t> ReadHttpTime(std::string_view text);

}  // namespace varve::io
