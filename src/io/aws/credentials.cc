#include "io/aws/credentials.h"

#include <array>
#include <memory>
#include <utility>

#include "io/aws/profile_file.h"

namespace varve::io::aws {
namespace {

constexpr uint64_t kFileBytesMax = 1 << 20;

struct Profile {
  ProfileValues values;
  bool found = false;
};

// A file that is not there has no profiles.
Status AddProfile(FileSystem& files, const std::string& path, std::string_view name,
                  Profile& profile) {
  if (path.empty()) return OkStatus();
  const Result<std::string> text = files.ReadAll(path, kFileBytesMax);
  if (text.status().code() == StatusCode::kNotFound) return OkStatus();
  if (!text.ok()) return Annotate(text.status(), "AWS profiles");
  bool found = false;
  for (auto& [key, value] : ReadProfile(*text, name, found)) {
    profile.values[key] = std::move(value);
  }
  profile.found |= found;
  return OkStatus();
}

std::string ValueOf(const Profile& profile, std::string_view key) {
  const auto at = profile.values.find(key);
  return at == profile.values.end() ? std::string() : at->second;
}

// Kinds of profile that need a program or a service of their own.
Status NoKeysIn(const Profile& profile, const std::string& name) {
  for (const std::string_view key :
       {"credential_process", "role_arn", "sso_session", "sso_start_url"}) {
    if (profile.values.contains(key)) {
      return InvalidArgument(
          "AWS profile \"{}\" gets its keys by {}, which Varve does not do; give s3-access-key and "
          "s3-secret-key, or write keys into the profile",
          name, key);
    }
  }
  return InvalidArgument("AWS profile \"{}\" has no aws_access_key_id and aws_secret_access_key",
                         name);
}

bool Same(const Credentials& a, const Credentials& b) {
  return a.access_key == b.access_key && a.secret_key == b.secret_key &&
         a.session_token == b.session_token;
}

}  // namespace

Result<std::unique_ptr<CredentialSource>> CredentialSource::Open(FileSystem& files,
                                                                 CredentialSettings settings) {
  const Credentials& given = settings.given;
  if (given.access_key.empty() != given.secret_key.empty()) {
    return InvalidArgument("{} is set and {} is not; the two go together",
                           given.access_key.empty() ? "s3-secret-key" : "s3-access-key",
                           given.access_key.empty() ? "s3-access-key" : "s3-secret-key");
  }
  auto source = std::unique_ptr<CredentialSource>(new CredentialSource(files, std::move(settings)));
  VARVE_RETURN_IF_ERROR(source->Load());
  return source;
}

Status CredentialSource::Load() {
  const std::string name = settings_.profile.empty() ? "default" : settings_.profile;
  Profile profile;
  // What both files say is taken from the one for credentials.
  VARVE_RETURN_IF_ERROR(AddProfile(files_, settings_.config_file, name, profile));
  VARVE_RETURN_IF_ERROR(AddProfile(files_, settings_.credentials_file, name, profile));
  Credentials found = settings_.given;
  if (found.access_key.empty()) {
    if (!profile.found && !settings_.profile.empty()) {
      return InvalidArgument("there is no AWS profile \"{}\" in {} or {}", name,
                             settings_.credentials_file, settings_.config_file);
    }
    if (!profile.found) {
      return InvalidArgument(
          "no keys for the object store: give s3-access-key and s3-secret-key "
          "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), or a profile in ~/.aws/credentials");
    }
    found = {ValueOf(profile, "aws_access_key_id"), ValueOf(profile, "aws_secret_access_key"),
             ValueOf(profile, "aws_session_token")};
    if (found.access_key.empty() || found.secret_key.empty()) return NoKeysIn(profile, name);
  }
  MutexLock lock(mu_);
  current_ = std::move(found);
  region_ = ValueOf(profile, "region");
  return OkStatus();
}

Credentials CredentialSource::Get() const {
  MutexLock lock(mu_);
  return current_;
}

bool CredentialSource::Reload(const Credentials& refused) {
  // A file that cannot be read just now leaves the keys as they are.
  return settings_.given.access_key.empty() && Load().ok() && !Same(Get(), refused);
}

std::string CredentialSource::region() const {
  MutexLock lock(mu_);
  return region_;
}

}  // namespace varve::io::aws
