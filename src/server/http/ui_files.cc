#include "server/http/ui_files.h"

#include <algorithm>
#include <string>

#include "server/http/accept.h"
#include "server/http/routes.h"

namespace varve::server {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// `wanted` is If-None-Match: "*" or a list, weak or not. A tag with its quotes is in no other one.
bool IsSame(std::string_view wanted, std::string_view etag) {
  return wanted == "*" || wanted.find(etag) != std::string_view::npos;
}

}  // namespace

HttpAnswer AnswerUi(const HttpCall& call, std::string_view path) {
  const auto files = UiFiles();
  const auto file = std::ranges::find(files, path, &UiFile::path);
  if (file == files.end()) return DetailAnswer(404, "the page at /ui has no such file");
  const bool is_zipped = AcceptsGzip(call.Field(HttpField::accept_encoding));
  // Other bytes, other tag.
  std::string etag(file->etag);
  if (is_zipped) etag.insert(etag.size() - 1, "-gzip");
  HttpAnswer answer;
  answer.content_type = file->type;
  answer.With("ETag", etag)
      .With("Vary", "Accept-Encoding")
      .With("Cache-Control", path.empty() ? "no-cache" : "public, max-age=31536000, immutable")
      .With("Content-Security-Policy", std::string(kPolicy))
      .With("X-Content-Type-Options", "nosniff")
      .With("Referrer-Policy", "no-referrer")
      .With("Cross-Origin-Resource-Policy", "same-origin");
  if (IsSame(call.Field(HttpField::if_none_match), etag)) {
    answer.status = 304;
    return answer;
  }
  if (is_zipped) answer.With("Content-Encoding", "gzip");
  answer.body = is_zipped ? file->zipped : file->plain;
  return answer;
}

void AddUiPages(HttpRouter& router) {
  const auto page = [](const HttpCall& call) { return AnswerUi(call, ""); };
  router.AddOpen(HttpVerb::get, "/ui", page);
  router.AddOpen(HttpVerb::get, "/ui/", page);
  router.AddOpen(HttpVerb::get, "/ui/{file...}",
                 [](const HttpCall& call) { return AnswerUi(call, call.captured.front()); });
}

}  // namespace varve::server
