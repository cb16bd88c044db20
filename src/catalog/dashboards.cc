#include "catalog/dashboards.h"

#include <absl/strings/ascii.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/json_string.h"

namespace varve::catalog {
namespace {

using simdjson::dom::element;

// Escapes, names and brackets around the definitions.
constexpr size_t kFileBytesMax = 4 * kAllBytesMax;

Status Check(const Dashboard& dashboard) {
  const std::string& slug = dashboard.slug;
  const auto is_plain = [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_';
  };
  if (slug.empty() || slug.size() > kSlugBytesMax || slug[0] == '-' || slug[0] == '_' ||
      !std::all_of(slug.begin(), slug.end(), is_plain)) {
    return InvalidArgument(
        "slug: must be 1 to {} small letters, digits, '-' or '_', beginning with a letter or digit",
        kSlugBytesMax);
  }
  if (dashboard.title.size() > kTitleBytesMax) {
    return InvalidArgument("title: at most {} bytes", kTitleBytesMax);
  }
  if (dashboard.definition.size() > kDefinitionBytesMax) {
    return InvalidArgument("definition: at most {} bytes", kDefinitionBytesMax);
  }
  return OkStatus();
}

Result<Dashboard> Read(element entry) {
  std::string_view slug;
  std::string_view title;
  element definition;
  if (entry["slug"].get(slug) || entry["title"].get(title) || entry["definition"].get(definition)) {
    return DataLoss("an entry without slug, title or definition");
  }
  Dashboard dashboard{std::string(slug), std::string(title), simdjson::minify(definition)};
  if (const Status checked = Check(dashboard); !checked.ok()) {
    return DataLoss("the entry \"{}\": {}", slug, MessageOf(checked));
  }
  return dashboard;
}

Status Damaged(std::string_view path, std::string_view reason) {
  return DataLoss("{}: {}; move the file away to start without dashboards", path, reason);
}

}  // namespace

Result<std::unique_ptr<Dashboards>> Dashboards::Open(io::FileSystem& files, std::string path) {
  std::unique_ptr<Dashboards> dashboards(new Dashboards(files, std::move(path)));
  VARVE_RETURN_IF_ERROR(dashboards->Load());
  return dashboards;
}

Status Dashboards::Load() {
  const Result<std::string> text = files_.ReadAll(path_, kFileBytesMax);
  if (text.status().code() == StatusCode::kNotFound) return OkStatus();
  VARVE_RETURN_IF_ERROR(text.status());
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  int64_t format = 0;
  const simdjson::padded_string padded(*text);
  element root;
  if (parser.parse(padded).get(root) || root["format"].get(format) || format != 1 ||
      root["dashboards"].get(entries)) {
    return Damaged(path_, "no file of dashboards of format 1");
  }
  MutexLock lock(mu_);
  for (const element entry : entries) {
    Result<Dashboard> dashboard = Read(entry);
    if (!dashboard.ok()) return Damaged(path_, MessageOf(dashboard.status()));
    std::string slug = dashboard->slug;
    if (!dashboards_.emplace(slug, *std::move(dashboard)).second) {
      return Damaged(path_, fmt::format("the entry \"{}\" is there twice", slug));
    }
  }
  return OkStatus();
}

Dashboards::BySlug Dashboards::Copy() const {
  MutexLock lock(mu_);
  return dashboards_;
}

std::vector<Dashboard> Dashboards::List() const {
  MutexLock lock(mu_);
  std::vector<Dashboard> list;
  for (const auto& [slug, dashboard] : dashboards_) list.push_back({slug, dashboard.title, ""});
  return list;
}

Result<Dashboard> Dashboards::Get(std::string_view slug) const {
  MutexLock lock(mu_);
  const auto at = dashboards_.find(slug);
  if (at == dashboards_.end()) return NotFound("dashboard \"{}\" does not exist", slug);
  return at->second;
}

Status Dashboards::Put(Dashboard dashboard) {
  VARVE_RETURN_IF_ERROR(Check(dashboard));
  MutexLock writer(writer_mu_);
  BySlug next = Copy();
  std::string slug = dashboard.slug;
  next.insert_or_assign(std::move(slug), std::move(dashboard));
  if (next.size() > kDashboardsMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex, "there are {} dashboards already",
                     kDashboardsMax);
  }
  return Replace(std::move(next));
}

Status Dashboards::Remove(std::string_view slug) {
  MutexLock writer(writer_mu_);
  BySlug next = Copy();
  const auto at = next.find(slug);
  if (at == next.end()) return NotFound("dashboard \"{}\" does not exist", slug);
  next.erase(at);
  return Replace(std::move(next));
}

Status Dashboards::Replace(BySlug next) {
  std::string text = R"({"format":1,"dashboards":[)";
  size_t bytes = 0;
  for (const auto& [slug, dashboard] : next) {
    bytes += dashboard.definition.size();
    text += text.back() == '}' ? ",\n" : "\n";
    text += R"({"slug":)";
    AppendJsonString(slug, text);
    text += R"(,"title":)";
    AppendJsonString(dashboard.title, text);
    text.append(R"(,"definition":)").append(dashboard.definition).append("}");
  }
  text += "\n]}\n";
  if (bytes > kAllBytesMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex,
                     "the definitions of all dashboards have more than {} bytes", kAllBytesMax);
  }
  VARVE_RETURN_IF_ERROR(files_.Replace(path_, text));
  VARVE_FAULT_POINT("dashboards.after_file");
  MutexLock lock(mu_);
  dashboards_ = std::move(next);
  return OkStatus();
}

}  // namespace varve::catalog
