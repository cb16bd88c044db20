// Keeps dashboards: GET and POST /dashboards, GET and DELETE /dashboards/{slug}.
#include <fmt/format.h>

#include "base/json_string.h"
#include "catalog/dashboards.h"
#include "server/http/json_reader.h"
#include "server/http/routes.h"

namespace varve::server {
namespace {

void AppendHead(const catalog::Dashboard& dashboard, std::string& out) {
  out += R"({"slug":)";
  AppendJsonString(dashboard.slug, out);
  out += R"(,"title":)";
  AppendJsonString(dashboard.title, out);
}

HttpAnswer Done(std::string_view slug) {
  std::string out = R"({"status":"ok","slug":)";
  AppendJsonString(slug, out);
  return JsonAnswer(out + '}');
}

Result<HttpAnswer> List(const HttpCall& call) {
  std::string out = R"({"dashboards":[)";
  for (const catalog::Dashboard& dashboard : call.services->dashboards->List()) {
    if (out.back() == '}') out += ',';
    AppendHead(dashboard, out);
    out += '}';
  }
  return JsonAnswer(out + "]}");
}

Result<HttpAnswer> Get(const HttpCall& call) {
  VARVE_ASSIGN_OR_RETURN(const catalog::Dashboard dashboard,
                         call.services->dashboards->Get(call.captured.at(0)));
  std::string out;
  AppendHead(dashboard, out);
  return JsonAnswer(out + R"(,"definition":)" + dashboard.definition + '}');
}

Result<HttpAnswer> Delete(const HttpCall& call) {
  VARVE_RETURN_IF_ERROR(call.services->dashboards->Remove(call.captured.at(0)));
  return Done(call.captured.at(0));
}

Result<HttpAnswer> Put(const HttpCall& call) {
  JsonDocument document;
  std::string body = call.body;
  VARVE_ASSIGN_OR_RETURN(const auto root, document.Parse(body));
  VARVE_ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::Of(root, "the body"));
  VARVE_ASSIGN_OR_RETURN(const auto slug, fields.Require("slug"));
  VARVE_ASSIGN_OR_RETURN(const auto title, fields.Require("title"));
  VARVE_ASSIGN_OR_RETURN(const auto definition, fields.RequireAny("definition"));
  catalog::Dashboard dashboard;
  VARVE_ASSIGN_OR_RETURN(dashboard.slug, JsonText(slug, "slug"));
  VARVE_ASSIGN_OR_RETURN(dashboard.title, JsonText(title, "title"));
  dashboard.definition = simdjson::minify(definition);
  VARVE_RETURN_IF_ERROR(call.services->dashboards->Put(dashboard));
  return Done(dashboard.slug);
}

}  // namespace

void AddDashboardCalls(HttpRouter& router) {
  router.AddBlocking(HttpVerb::get, "/dashboards", List);
  router.AddBlocking(HttpVerb::post, "/dashboards", Put);
  router.AddBlocking(HttpVerb::get, "/dashboards/{slug}", Get);
  router.AddBlocking(HttpVerb::delete_, "/dashboards/{slug}", Delete);
}

}  // namespace varve::server
