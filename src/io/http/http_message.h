// Holds one HTTP request and its answer, as HttpClient takes and gives them.
//
// Units:    bytes; limits in milliseconds.
// Threads:  values; a request refers to its body and must not outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/file.h"

namespace varve::io {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpLimits {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds whole{30'000};  // from the call to the last byte of the answer
  std::chrono::milliseconds stall{20'000};  // without as much as a kilobyte a second
};

// Bytes [begin, end) of a file.
struct FileRegion {
  const RandomFile* file = nullptr;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url{};  // with everything encoded that has to be
  std::vector<HttpHeader> headers{};
  std::string_view body{};  // must stay until the call returns
  FileRegion file{};        // sent instead of `body` when it has a file
  HttpLimits limits{};
  // An answer of status 2xx with a longer body is cut off and becomes ResourceExhausted.
  uint64_t response_bytes_max = 64 << 20;
  // Called with each piece of the body of an answer of status 2xx instead of gathering it. An error
  // ends the request with that error.
  std::function<Status(std::string_view)> on_body{};
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;  // names in lower case
  std::string body;

  // The first header of that name (lower case), or empty.
  std::string_view Find(std::string_view name) const {
    for (const HttpHeader& header : headers) {
      if (header.name == name) return header.value;
    }
    return {};
  }
};

}  // namespace varve::io
