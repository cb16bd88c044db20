// Decides what an HTTP request gets, apart from sockets.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>

#include "base/status.h"

namespace varve::server {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

// An error as the contract words it: {"detail": "..."}.
HttpResponse JsonError(const HttpRequest& request, boost::beast::http::status status,
                       std::string_view detail);

// `readiness` as in HttpOptions.
HttpResponse Route(const HttpRequest& request, const std::function<Status()>& readiness);

}  // namespace varve::server
