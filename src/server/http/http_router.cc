#include "server/http/http_router.h"

#include <algorithm>

#include "base/check.h"

namespace varve::server {
namespace {

bool IsName(std::string_view part) { return part.starts_with('{') && part.ends_with('}'); }
bool IsRest(std::string_view part) { return IsName(part) && part.ends_with("...}"); }

std::vector<std::string_view> PartsOf(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string AllowOf(const std::vector<HttpRoute>& routes) {
  std::string allow;
  for (const HttpRoute& route : routes) {
    const auto name = to_string(route.verb);
    allow.append(name.data(), name.size()).append(", ");
    if (route.verb == HttpVerb::get) allow += "HEAD, ";
  }
  return allow + "OPTIONS";
}

}  // namespace

void HttpRouter::AddBlocking(HttpVerb verb, std::string pattern, BlockingHandler handler,
                             EarlyAnswer early) {
  Add({.verb = verb,
       .pattern = std::move(pattern),
       .blocking = std::move(handler),
       .early = std::move(early)});
}

void HttpRouter::AddQuery(HttpVerb verb, std::string pattern, BlockingHandler handler) {
  Add({.verb = verb,
       .pattern = std::move(pattern),
       .blocking = std::move(handler),
       .is_query = true});
}

void HttpRouter::AddAsync(HttpVerb verb, std::string pattern, AsyncHandler handler) {
  Add({.verb = verb, .pattern = std::move(pattern), .async = std::move(handler)});
}

void HttpRouter::AddOpen(HttpVerb verb, std::string pattern, BlockingHandler handler) {
  const auto open = [handler = std::move(handler)](const HttpCallRef& call, const HttpReply& reply,
                                                   MayWait) {
    reply(AnswerOf(handler(*call)));
    return true;
  };
  Add({.verb = verb, .pattern = std::move(pattern), .async = open, .needs_services = false});
}

void HttpRouter::Add(HttpRoute route) {
  VARVE_CHECK(route.pattern.starts_with('/'));
  std::vector<std::string> parts;
  for (const std::string_view part : PartsOf(route.pattern)) parts.emplace_back(part);
  Path* path = nullptr;
  if (std::none_of(parts.begin(), parts.end(), IsName)) {
    path = &plain_[route.pattern];
  } else {
    const auto at = std::find_if(named_.begin(), named_.end(),
                                 [&parts](const Path& known) { return known.parts == parts; });
    path = at != named_.end() ? &*at : &named_.emplace_back();
  }
  path->parts = std::move(parts);
  path->routes.push_back(std::move(route));
  path->allowed = AllowOf(path->routes);
}

bool HttpRouter::Matches(const Path& path, const std::vector<std::string_view>& parts,
                         Match& match) {
  match.captured.clear();
  for (size_t i = 0; i < path.parts.size(); ++i) {
    if (IsRest(path.parts[i])) {
      std::string rest;
      for (size_t j = i; j < parts.size(); ++j) {
        if (j > i) rest += '/';
        rest += parts[j];
      }
      match.captured.push_back(std::move(rest));
      break;
    }
    if (i >= parts.size() || (i + 1 == path.parts.size() && parts.size() != path.parts.size())) {
      return false;
    }
    if (IsName(path.parts[i])) {
      match.captured.emplace_back(parts[i]);
    } else if (path.parts[i] != parts[i]) {
      return false;
    }
  }
  for (std::string& value : match.captured) {
    std::optional<std::string> decoded = PercentDecode(value, false);
    match.bad_escape = match.bad_escape || !decoded;
    value = std::move(decoded).value_or("");
  }
  return true;
}

HttpRouter::Match HttpRouter::Find(HttpVerb verb, std::string_view path) const {
  Match match;
  const Path* found = nullptr;
  if (const auto at = plain_.find(path); at != plain_.end()) {
    found = &at->second;
  } else {
    const std::vector<std::string_view> parts = PartsOf(path);
    for (const Path& known : named_) {
      if (!Matches(known, parts, match)) continue;
      found = &known;
      break;
    }
  }
  if (found == nullptr) return match;
  match.allowed = found->allowed;
  const HttpVerb wanted = verb == HttpVerb::head ? HttpVerb::get : verb;
  for (const HttpRoute& route : found->routes) {
    if (route.verb == wanted) match.route = &route;
  }
  return match;
}

}  // namespace varve::server
