// Holds one HTTP request as a call sees it, and the answer that the call makes of it.
//
// Role:     HttpConnection -> HttpCall -> [a route's handler] -> HttpAnswer -> HttpConnection.
// Units:    `body` is decoded: its content-encoding was taken off. `captured` has the path's parts
//           that the route's pattern names, percent-decoded, in order.
// Threads:  a call is read by its handler only; OnDisconnect is safe.
#pragma once

#include <boost/beast/http/message.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "server/http/byte_budget.h"

namespace varve::engine {
class Engine;
}
namespace varve::ring {
class RingStore;
}
namespace varve::ingest {
class RingWriter;
}
namespace varve::catalog {
class Dashboards;
}

namespace varve::server {

// What calls work on, once storage is open.
struct HttpServices {
  engine::Engine* engine = nullptr;
  ring::RingStore* rings = nullptr;
  ingest::RingWriter* writer = nullptr;
  catalog::Dashboards* dashboards = nullptr;
};

using HttpVerb = boost::beast::http::verb;
using HttpField = boost::beast::http::field;

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;  // further header lines

  HttpAnswer& With(std::string name, std::string value) {
    fields.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

class HttpCall {
 public:
  HttpVerb verb = HttpVerb::unknown;
  std::string path;   // as sent, without the query
  std::string query;  // behind the '?', as sent
  std::vector<std::string> captured;
  boost::beast::http::request_header<> header;
  std::string body;
  // Held as long as the call: storage does not go from under it. nullptr for routes that need none.
  std::shared_ptr<const HttpServices> services;
  // For the bytes of `body`.
  std::shared_ptr<ByteBudget::Charge> held;

  // Empty when the request has no such field.
  std::string_view Field(HttpField name) const;
  // The query's parameters, decoded, in order. InvalidArgument for a bad escape.
  Result<std::vector<std::pair<std::string, std::string>>> Parameters() const;

  // `stop` runs at most once, on another thread, when the client goes away or the server stops
  // before the answer; at once when that has happened already. An empty function: no more.
  void OnDisconnect(std::function<void()> stop) const VARVE_EXCLUDES(mu_);
  void NoteDisconnect() const VARVE_EXCLUDES(mu_);

 private:
  mutable Mutex mu_;
  mutable std::function<void()> stop_ VARVE_GUARDED_BY(mu_);
  mutable bool disconnected_ VARVE_GUARDED_BY(mu_) = false;
};
using HttpCallRef = std::shared_ptr<HttpCall>;

// 200 with JSON.
HttpAnswer JsonAnswer(std::string body);
// {"detail": "..."}; `detail` need not be UTF-8.
HttpAnswer DetailAnswer(unsigned status, std::string_view detail);
// The same with Retry-After.
HttpAnswer RetryAnswer(unsigned status, std::string_view detail);
// By HttpStatusOf; 429 and 503 with Retry-After; for 500 the detail is a request id, under which
// the log has the reason.
HttpAnswer StatusAnswer(const Status& status);
// Of who reads a body: ResourceExhausted is 413, a body with more in it than we take; the sender
// must make smaller ones, not wait.
HttpAnswer BodyAnswer(const Status& status);
HttpAnswer AnswerOf(Result<HttpAnswer> answer);

// "%2F" -> "/"; nullopt for a bad escape. `plus_is_space` as in a form or a query.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);

}  // namespace varve::server
