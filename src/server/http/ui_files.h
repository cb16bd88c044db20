// Answers for the page at /ui and what it is made of, all of which the binary carries.
//
// Role:     web/ -> web/build.mjs -> generated source -> UiFiles -> [AnswerUi] -> a browser.
// Caching:  an asset has the hash of its bytes in its name and is kept for good; the page is asked
//           for again each time, and answered 304 while it is the same.
// Safety:   the page loads from its own server only, runs no inline script and cannot be framed.
// Errors:   404 {"detail": "..."} for another file.
// Threads:  safe.
#pragma once

#include <span>
#include <string_view>

#include "server/http/http_message.h"

namespace varve::server {

struct UiFile {
  std::string_view path;  // what follows /ui/; empty: the page itself
  std::string_view type;
  std::string_view etag;  // with its quotes
  std::string_view plain;
  std::string_view zipped;  // the same in gzip
};

// All files; of the generated source. The paths are unique.
std::span<const UiFile> UiFiles();

HttpAnswer AnswerUi(const HttpCall& call, std::string_view path);

}  // namespace varve::server
