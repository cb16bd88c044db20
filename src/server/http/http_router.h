// Finds the handler of a request by its method and path.
//
// Role:     ring_calls, query_call, dashboard_calls, feeds, the pages of /ui -> [HttpRouter] ->
//           HttpConnection.
// Layout:   a pattern is a path whose parts may be {names}: each takes one part of the path;
//           {name...} at the end takes all that is left. A path without names goes before one with
//           them.
// Errors:   404 for an unknown path, 405 with Allow for a method that the path does not take.
// Threads:  filled before the server starts, then only read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/telemetry.h"
#include "server/http/http_message.h"
#include "server/http/http_reply.h"

namespace varve::server {

// May block: runs on one of the server's pools, which refuses with 503 when it is full.
using BlockingHandler = std::function<Result<HttpAnswer>(const HttpCall& call)>;
// Runs on an io thread, where it must not wait, or on the ingest pool: with large and encoded
// bodies, and when it said on the io thread that it would have to wait. Calls `reply` then or later
// from any thread, and uses nothing of `call` after that. `call` lives as long as it is held.
enum class MayWait { kNo, kYes };
// False, only for kNo: it would have to wait, and nothing was done.
using AsyncHandler =
    std::function<bool(const HttpCallRef& call, const HttpReply& reply, MayWait may_wait)>;

// What to answer without storage, on an io thread; nullopt: go on to the handler.
using EarlyAnswer = std::function<std::optional<HttpAnswer>(const HttpCall& call)>;

struct HttpRoute {
  HttpVerb verb = HttpVerb::unknown;
  std::string pattern;
  BlockingHandler blocking = nullptr;  // one of the two
  AsyncHandler async = nullptr;
  EarlyAnswer early = nullptr;  // may be empty
  bool is_query = false;        // blocks for as long as its client likes
  // Whether it answers 503 before storage is open, and keeps storage open while it runs.
  bool needs_services = true;
};

class HttpRouter {
 public:
  // GET takes HEAD as well.
  void AddBlocking(HttpVerb verb, std::string pattern, BlockingHandler handler,
                   EarlyAnswer early = nullptr);
  // For SQL: on a pool of its own, so that long statements hold up no other call.
  void AddQuery(HttpVerb verb, std::string pattern, BlockingHandler handler);
  void AddAsync(HttpVerb verb, std::string pattern, AsyncHandler handler);
  // Answered at any time, on an io thread: must be quick.
  void AddOpen(HttpVerb verb, std::string pattern, BlockingHandler handler);

  struct Match {
    const HttpRoute* route = nullptr;
    std::vector<std::string> captured;
    std::string_view allowed;  // for Allow; empty: no such path
    bool bad_escape = false;
  };
  Match Find(HttpVerb verb, std::string_view path) const;

 private:
  struct Path {
    std::vector<std::string> parts;  // of the pattern
    std::vector<HttpRoute> routes;
    std::string allowed;
  };
  void Add(HttpRoute route);
  static bool Matches(const Path& path, const std::vector<std::string_view>& parts, Match& match);

  std::map<std::string, Path, std::less<>> plain_;  // by path
  std::vector<Path> named_;
};

}  // namespace varve::server
