#include "main/project_stores.h"

#include <absl/strings/str_split.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/clock.h"
#include "config/option_registry.h"

namespace varve {
namespace {

using Json = nlohmann::json;

constexpr int kFormatVersion = 1;
constexpr uint64_t kFileBytesMax = 16 << 20;
constexpr size_t kIdBytesMax = 64;

// It is a part of object names and of the names of stores.
Status CheckId(const std::string& id) {
  const bool plain = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (plain && !id.empty() && id.size() <= kIdBytesMax && id.front() != '.') return OkStatus();
  return WithHint(
      SqlErrorf(sqlstate::kInvalidParameterValue,
                "a project with storage of its own cannot be called \"{}\"", id),
      "Its id has 1 to 64 letters, digits, '-', '_' and '.', and does not begin with '.'.");
}

std::string Trimmed(std::string prefix) {
  while (prefix.ends_with('/')) prefix.pop_back();
  while (prefix.starts_with('/')) prefix.erase(0, 1);
  return prefix;
}

// A store may take "a/../b" or "a//b" for another folder than its name says.
Status CheckPrefix(const catalog::Project& project) {
  const std::vector<std::string> parts = absl::StrSplit(project.prefix, '/');
  const bool odd = std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || part == "." || part == "..";
  });
  if (!odd || project.prefix.empty()) return OkStatus();
  return SqlErrorf(sqlstate::kInvalidParameterValue,
                   "project \"{}\": no part of the prefix \"{}\" may be empty, \".\" or \"..\"",
                   project.id, project.prefix);
}

// One lies in the other, or they are the same folder.
bool Overlap(const std::string& a, const std::string& b) {
  const std::string in_a = a.empty() ? "" : a + "/";
  const std::string in_b = b.empty() ? "" : b + "/";
  return in_a.starts_with(in_b) || in_b.starts_with(in_a);
}

Status Taken(const std::string& bucket, const std::string& prefix, const std::string& whose) {
  return SqlErrorf(sqlstate::kInvalidParameterValue,
                   "bucket \"{}\", prefix \"{}\" lies within the storage of {}, or the other way "
                   "round",
                   bucket, prefix, whose);
}

}  // namespace

Result<std::unique_ptr<ProjectStores>> ProjectStores::Open(const Parts& parts,
                                                           const config::Options& options,
                                                           const std::string& path) {
  auto stores = std::unique_ptr<ProjectStores>(new ProjectStores(parts, options, path));
  VARVE_RETURN_IF_ERROR(stores->Read());
  return stores;
}

BucketSpec ProjectStores::SpecOf(const Definition& definition) const {
  const catalog::Project& project = definition.project;
  BucketSpec spec;
  spec.bucket = project.bucket;
  spec.prefix = project.prefix;
  spec.region = project.region.empty() ? parts_.default_region : project.region;
  spec.endpoint = project.endpoint;
  const std::string& own = options_.Text("s3-endpoint");
  if (spec.endpoint.empty() && own != config::FindOption("s3-endpoint")->default_text) {
    spec.endpoint = own;
  }
  spec.single_writer = definition.single_writer;
  spec.store_name = "project-" + project.id;
  // A store's name is never given to another one: readers may still have paths with it.
  for (int i = 2; parts_.stores.Find(spec.store_name) != nullptr; ++i) {
    spec.store_name = fmt::format("project-{}~{}", project.id, i);
  }
  return spec;
}

Status ProjectStores::CheckFree(const Definition& definition) const {
  const BucketSpec spec = SpecOf(definition);
  const auto meets = [&](const std::string& bucket, const std::string& prefix) {
    return bucket == spec.bucket && Overlap(prefix, spec.prefix);
  };
  if (meets(options_.Text("s3-bucket"), Trimmed(options_.Text("table-prefix")))) {
    return Taken(spec.bucket, spec.prefix, "this server");
  }
  for (const auto& project : List()) {
    if (project.id == definition.project.id) {
      return SqlErrorf("42710", "project \"{}\" has storage of its own already", project.id);
    }
    if (meets(project.bucket, project.prefix)) {
      return Taken(spec.bucket, spec.prefix, fmt::format("project \"{}\"", project.id));
    }
  }
  return OkStatus();
}

Result<ProjectStores::Opened> ProjectStores::OpenStore(Definition& definition, bool check) {
  BucketSpec spec = SpecOf(definition);
  Opened opened;
  opened.cloud = std::make_unique<Cloud>(options_.Text("s3-ca-file"));
  io::aws::CredentialSettings keys;
  keys.given = {definition.project.access_key, definition.secrets.secret_key,
                definition.secrets.session_token};
  VARVE_ASSIGN_OR_RETURN(opened.cloud->credentials,
                         io::aws::CredentialSource::Open(parts_.files, std::move(keys)));
  opened.cloud->bucket = spec.bucket;
  opened.cloud->region = spec.region;
  VARVE_ASSIGN_OR_RETURN(opened.store,
                         check ? OpenCheckedBucket(options_, spec, *opened.cloud, parts_.files)
                               : OpenBucket(options_, spec, *opened.cloud, parts_.files));
  definition.single_writer = spec.single_writer;
  opened.caching =
      std::make_unique<cache::CachingStore>(spec.store_name, *opened.store, parts_.cache);
  VARVE_ASSIGN_OR_RETURN(opened.commits,
                         parts_.coordination.For(*opened.caching, spec.bucket, spec.prefix));
  VARVE_RETURN_IF_ERROR(parts_.stores.Add(spec.store_name, *opened.caching));
  return opened;
}

void ProjectStores::Show(const std::string& id, Opened opened) {
  parts_.routes.Route(id, opened.caching.get());
  parts_.commit_routes.Route(id, opened.commits.get());
  MutexLock lock(mu_);
  opened_.push_back(std::move(opened));
}

Status ProjectStores::Add(catalog::Project project, catalog::ProjectSecrets secrets) {
  VARVE_RETURN_IF_ERROR(CheckId(project.id));
  if (project.bucket.empty()) {
    return SqlErrorf(sqlstate::kInvalidParameterValue, "project \"{}\": no bucket is given",
                     project.id);
  }
  if (project.access_key.empty() || secrets.secret_key.empty()) {
    return SqlErrorf(sqlstate::kInvalidParameterValue,
                     "project \"{}\": access_key and secret_key must be given", project.id);
  }
  project.prefix = Trimmed(std::move(project.prefix));
  VARVE_RETURN_IF_ERROR(CheckPrefix(project));
  project.created_us = Clock::System().NowUs();
  MutexLock lock(change_mu_);
  Definition definition{std::move(project), std::move(secrets), false};
  VARVE_RETURN_IF_ERROR(CheckFree(definition));
  const std::string id = definition.project.id;
  auto opened = OpenStore(definition, /*check=*/true);
  if (!opened.ok()) {
    return Annotate(opened.status(), fmt::format("storage of project \"{}\"", id));
  }
  Definitions next;
  {
    MutexLock reading(mu_);
    next = definitions_;
  }
  next[id] = std::move(definition);
  VARVE_RETURN_IF_ERROR(Write(next));
  Show(id, *std::move(opened));
  spdlog::info("project \"{}\" has its own storage: s3://{}/{}", id, next[id].project.bucket,
               next[id].project.prefix);
  Publish(std::move(next));
  return OkStatus();
}

Status ProjectStores::Remove(const std::string& id) {
  MutexLock lock(change_mu_);
  Definitions next;
  {
    MutexLock reading(mu_);
    next = definitions_;
  }
  if (next.erase(id) == 0) return NotFound("project \"{}\" has no storage of its own", id);
  VARVE_RETURN_IF_ERROR(Write(next));
  Publish(std::move(next));
  parts_.routes.Route(id, nullptr);
  parts_.commit_routes.Route(id, nullptr);
  spdlog::info("project \"{}\" has no storage of its own any more", id);
  return OkStatus();
}

std::vector<catalog::Project> ProjectStores::List() const {
  MutexLock lock(mu_);
  std::vector<catalog::Project> projects;
  for (const auto& [id, definition] : definitions_) projects.push_back(definition.project);
  return projects;
}

catalog::ProjectIdsRef ProjectStores::ids() const {
  MutexLock lock(mu_);
  return ids_;
}

std::vector<Cloud*> ProjectStores::clouds() const {
  MutexLock lock(mu_);
  std::vector<Cloud*> clouds;
  clouds.reserve(opened_.size());
  for (const Opened& opened : opened_) clouds.push_back(opened.cloud.get());
  return clouds;
}

void ProjectStores::Publish(Definitions definitions) {
  auto ids = std::make_shared<catalog::ProjectIds>();
  for (const auto& [id, definition] : definitions) ids->insert(id);
  MutexLock lock(mu_);
  definitions_ = std::move(definitions);
  ids_ = std::move(ids);
}

Status ProjectStores::Write(const Definitions& definitions) {
  Json projects = Json::array();
  for (const auto& [id, definition] : definitions) {
    const catalog::Project& project = definition.project;
    projects.push_back({{"id", id},
                        {"bucket", project.bucket},
                        {"prefix", project.prefix},
                        {"endpoint", project.endpoint},
                        {"region", project.region},
                        {"access_key", project.access_key},
                        {"secret_key", definition.secrets.secret_key},
                        {"session_token", definition.secrets.session_token},
                        {"created_us", project.created_us},
                        {"single_writer", definition.single_writer}});
  }
  const Json json = {{"v", kFormatVersion}, {"projects", std::move(projects)}};
  return parts_.files.Replace(path_,
                              json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Status ProjectStores::Read() {
  const Result<std::string> text = parts_.files.ReadAll(path_, kFileBytesMax);
  if (text.status().code() == StatusCode::kNotFound) return OkStatus();
  VARVE_RETURN_IF_ERROR(text.status());
  Definitions definitions;
  try {
    const Json json = Json::parse(*text);
    if (json.at("v").get<int>() != kFormatVersion) {
      return DataLoss("{} has format {}, which this version does not know", path_,
                      json.at("v").get<int>());
    }
    for (const Json& entry : json.at("projects")) {
      Definition definition;
      catalog::Project& project = definition.project;
      project.id = entry.at("id").get<std::string>();
      project.bucket = entry.at("bucket").get<std::string>();
      project.prefix = entry.at("prefix").get<std::string>();
      project.endpoint = entry.at("endpoint").get<std::string>();
      project.region = entry.at("region").get<std::string>();
      project.access_key = entry.at("access_key").get<std::string>();
      definition.secrets.secret_key = entry.at("secret_key").get<std::string>();
      definition.secrets.session_token = entry.at("session_token").get<std::string>();
      project.created_us = entry.at("created_us").get<int64_t>();
      definition.single_writer = entry.at("single_writer").get<bool>();
      definitions[project.id] = std::move(definition);
    }
  } catch (const Json::exception&) {
    // Its text would show what the file holds.
    return DataLoss("{} is not what Varve writes there", path_);
  }
  MutexLock lock(change_mu_);
  for (auto& [id, definition] : definitions) {
    auto opened = OpenStore(definition, /*check=*/false);
    if (!opened.ok()) {
      return Annotate(opened.status(), fmt::format("storage of project \"{}\"", id));
    }
    Show(id, *std::move(opened));
  }
  Publish(std::move(definitions));
  return OkStatus();
}

}  // namespace varve
