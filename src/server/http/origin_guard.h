// Keeps web pages of others away from a server that asks nobody who they are, and lets those in
// that are named.
//
// Role:     HttpConnection asks it about each request; docs/decisions/0018-browsers.md has the why.
// Rules:    Host must be an IP address, localhost, or one of `hosts` (against DNS rebinding). An
//           Origin must be the server itself or one of `origins` (against writes across sites).
// Errors:   403 with a sentence that names the option; 400 for a Host that is none.
// Threads:  constant after construction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/http_message.h"

namespace varve::server {

class OriginGuard {
 public:
  // Comma-separated, as the options http-cors-origins ("*": all) and http-hosts.
  OriginGuard(std::string_view origins, std::string_view hosts);

  // What a refused request gets.
  std::optional<HttpAnswer> Check(const HttpCall& call) const;
  // The answer to a preflight from an origin that may; nullopt: `call` is none.
  std::optional<HttpAnswer> Preflight(const HttpCall& call, std::string_view allowed) const;
  // Adds the fields by which a browser lets the page read the answer.
  void Mark(const HttpCall& call, HttpAnswer& answer) const;

 private:
  bool AllowsOrigin(std::string_view origin) const;
  bool AllowsHost(std::string_view name) const;

  std::vector<std::string> origins_;
  std::vector<std::string> hosts_;
  bool any_origin_ = false;
  bool any_host_ = false;
};

}  // namespace varve::server
