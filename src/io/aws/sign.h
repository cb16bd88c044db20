// Signs requests to AWS services and to stores that speak like them (Signature Version 4, in
// headers).
//
// Role:     io/s3, io/dynamodb -> [Sign] -> headers that go out with the request.
// Layout:   AWS General Reference, "Create a signed AWS API request". S3 paths are encoded once and
//           taken as they are; those of other services lose "." and ".." and double slashes.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/http/http_message.h"

namespace varve::io::aws {

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token{};  // empty: none
};

struct Scope {
  std::string region;
  std::string service;  // "s3", "dynamodb"
};

using QueryPairs = std::vector<std::pair<std::string, std::string>>;

// What is signed. Path and query are plain text: EncodePath and EncodeQuery make the URL of the
// same request.
struct SignedParts {
  std::string_view method;
  std::string_view path;  // begins with '/'
  QueryPairs query{};
  std::vector<HttpHeader> headers{};  // with Host; all of them are signed
  std::string_view payload_sha256{};  // hex
};

// The headers to add: X-Amz-Date, X-Amz-Security-Token when there is one, for S3
// X-Amz-Content-Sha256, and Authorization. `now_us`: microseconds UTC; a store refuses a signature
// that is off by more than 15 minutes.
std::vector<HttpHeader> Sign(SignedParts parts, const Credentials& credentials, const Scope& scope,
                             int64_t now_us);

// All but letters, digits and "-._~" as %XX.
std::string EncodeUri(std::string_view text);
// The same with '/' left as it is.
std::string EncodePath(std::string_view path);
// Sorted and encoded, "a=1&b=".
std::string EncodeQuery(const QueryPairs& query);

}  // namespace varve::io::aws
