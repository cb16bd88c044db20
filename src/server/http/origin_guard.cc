#include "server/http/origin_guard.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace varve::server {
namespace {

absl::string_view Absl(std::string_view text) { return {text.data(), text.size()}; }

std::vector<std::string> ListOf(std::string_view text) {
  std::vector<std::string> list;
  for (const auto& item : absl::StrSplit(Absl(text), ',')) {
    std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(item));
    if (!name.empty()) list.push_back(std::move(name));
  }
  return list;
}

bool IsAddress(std::string_view host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

// "[::1]:8000" -> "::1", "localhost:8000" -> "localhost"; nullopt for what is no host with or
// without a port: a reader that took a part of it for the host would be led by the nose.
std::optional<std::string_view> NameOf(std::string_view host) {
  const bool is_literal = host.starts_with('[');
  const size_t end = std::min(host.find(is_literal ? ']' : ':'), host.size());
  if (is_literal && (end == host.size() || !IsAddress(host.substr(1, end - 1))))
    return std::nullopt;
  const std::string_view port = host.substr(is_literal ? end + 1 : end);
  const auto is_digit = [](unsigned char c) { return absl::ascii_isdigit(c); };
  if (!port.empty() && (port[0] != ':' || !std::all_of(port.begin() + 1, port.end(), is_digit))) {
    return std::nullopt;
  }
  return is_literal ? host.substr(1, end - 1) : host.substr(0, end);
}

}  // namespace

OriginGuard::OriginGuard(std::string_view origins, std::string_view hosts)
    : origins_(ListOf(origins)), hosts_(ListOf(hosts)) {
  const auto has_star = [](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), "*") != list.end();
  };
  any_origin_ = has_star(origins_);
  any_host_ = has_star(hosts_);
}

bool OriginGuard::AllowsOrigin(std::string_view origin) const {
  if (any_origin_) return true;
  return std::any_of(origins_.begin(), origins_.end(), [origin](const std::string& allowed) {
    return absl::EqualsIgnoreCase(allowed, Absl(origin));
  });
}

bool OriginGuard::AllowsHost(std::string_view name) const {
  if (any_host_ || absl::EqualsIgnoreCase(Absl(name), "localhost") || IsAddress(name)) return true;
  return std::any_of(hosts_.begin(), hosts_.end(), [name](const std::string& allowed) {
    return absl::EqualsIgnoreCase(allowed, Absl(name));
  });
}

std::optional<HttpAnswer> OriginGuard::Check(const HttpCall& call) const {
  const std::string_view host = call.Field(HttpField::host);
  const auto name = NameOf(host);
  if (!name) return DetailAnswer(400, fmt::format("the Host \"{}\" is no host and port", host));
  // HTTP/1.0 needs none, and no browser speaks it.
  if (!host.empty() && !AllowsHost(*name)) {
    return DetailAnswer(
        403, fmt::format("the host \"{}\" is not this server; name it in http-hosts", host));
  }
  const std::string_view origin = call.Field(HttpField::origin);
  if (origin.empty() || AllowsOrigin(origin)) return std::nullopt;
  const size_t scheme = origin.find("://");
  const bool is_own = scheme != std::string_view::npos &&
                      absl::EqualsIgnoreCase(Absl(origin.substr(scheme + 3)), Absl(host));
  if (is_own) return std::nullopt;
  return DetailAnswer(403, fmt::format("pages of \"{}\" may not call this server; name the origin "
                                       "in http-cors-origins",
                                       origin));
}

std::optional<HttpAnswer> OriginGuard::Preflight(const HttpCall& call,
                                                 std::string_view allowed) const {
  const std::string_view method = call.Field(HttpField::access_control_request_method);
  if (call.verb != HttpVerb::options || call.Field(HttpField::origin).empty() || method.empty()) {
    return std::nullopt;
  }
  HttpAnswer answer;
  answer.status = 204;
  answer.With("Access-Control-Allow-Methods", std::string(allowed))
      .With("Access-Control-Max-Age", "600");
  const std::string_view fields = call.Field(HttpField::access_control_request_headers);
  if (!fields.empty()) answer.With("Access-Control-Allow-Headers", std::string(fields));
  return answer;
}

void OriginGuard::Mark(const HttpCall& call, HttpAnswer& answer) const {
  if (origins_.empty()) return;
  const std::string_view origin = call.Field(HttpField::origin);
  if (!any_origin_) answer.With("Vary", "Origin");
  if (origin.empty() || !AllowsOrigin(origin)) return;
  answer.With("Access-Control-Allow-Origin", any_origin_ ? "*" : std::string(origin));
  answer.With("Access-Control-Expose-Headers", "Retry-After");
}

}  // namespace varve::server
