#include "server/http/http_router.h"

#include <nlohmann/json.hpp>

#include "base/telemetry.h"

namespace varve::server {
namespace {

namespace http = boost::beast::http;

HttpResponse Respond(const HttpRequest& request, http::status status, std::string_view type,
                     std::string body) {
  HttpResponse response(status, request.version());
  response.set(http::field::content_type, type);
  response.keep_alive(request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  return response;
}

HttpResponse Json(const HttpRequest& request, http::status status, const nlohmann::json& body) {
  // `replace`: a status message may quote a user's bytes, which need not be UTF-8.
  return Respond(request, status, "application/json",
                 body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

HttpResponse Metrics(const HttpRequest& request) {
  const auto accept = request[http::field::accept];
  if (accept == "application/json") {
    return JsonError(request, http::status::not_found,
                     "the metric list belongs to rings, which are not built yet; "
                     "ask for text/plain to get the server's own telemetry");
  }
  return Respond(request, http::status::ok, "text/plain; version=0.0.4; charset=utf-8",
                 Telemetry::Get().PrometheusText());
}

HttpResponse Ready(const HttpRequest& request, const std::function<Status()>& readiness) {
  const Status status = readiness();
  if (status.ok()) return Json(request, http::status::ok, {{"status", "ready"}});
  HttpResponse response = JsonError(request, http::status::service_unavailable, MessageOf(status));
  response.set(http::field::retry_after, "1");
  return response;
}

}  // namespace

HttpResponse JsonError(const HttpRequest& request, http::status status, std::string_view detail) {
  return Json(request, status, {{"detail", std::string(detail)}});
}

HttpResponse Route(const HttpRequest& request, const std::function<Status()>& readiness) {
  const std::string_view target(request.target().data(), request.target().size());
  const std::string_view path = target.substr(0, target.find('?'));
  const bool known = path == "/healthz" || path == "/readyz" || path == "/metrics";
  if (!known) return JsonError(request, http::status::not_found, "no such call");
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    HttpResponse response =
        JsonError(request, http::status::method_not_allowed, "this call takes GET");
    response.set(http::field::allow, "GET, HEAD");
    return response;
  }
  if (path == "/healthz") return Json(request, http::status::ok, {{"status", "ok"}});
  if (path == "/readyz") return Ready(request, readiness);
  return Metrics(request);
}

}  // namespace varve::server
