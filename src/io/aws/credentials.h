// Finds the keys to sign with: given ones, or a profile of AWS's own files.
//
// Role:     main (options) -> [CredentialSource] -> io/s3, io/dynamodb.
// Layout:   the files ~/.aws/credentials and ~/.aws/config, as the AWS CLI documents them:
//           [name] and [profile name] sections of `key = value` lines.
// Errors:   InvalidArgument, one sentence that names what is missing and how to give it. Secrets
//           are in no message.
// Threads:  safe.
#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "io/aws/sign.h"
#include "io/file.h"

namespace varve::io::aws {

struct CredentialSettings {
  Credentials given;               // used when it has an access key
  std::string profile{};           // empty: "default"
  std::string credentials_file{};  // empty: none
  std::string config_file{};       // empty: none
};

class CredentialSource {
 public:
  // Reads them for the first time. `files` is used again by Reload.
  static Result<std::unique_ptr<CredentialSource>> Open(FileSystem& files,
                                                        CredentialSettings settings);

  Credentials Get() const VARVE_EXCLUDES(mu_);
  // Reads the files again: keys that expire are renewed there by somebody else. Returns whether
  // there are other keys than `refused` now.
  bool Reload(const Credentials& refused) VARVE_EXCLUDES(mu_);
  // What the profile says, or empty.
  std::string region() const VARVE_EXCLUDES(mu_);

 private:
  CredentialSource(FileSystem& files, CredentialSettings settings)
      : files_(files), settings_(std::move(settings)) {}
  Status Load() VARVE_EXCLUDES(mu_);

  // Constant after construction.
  FileSystem& files_;
  const CredentialSettings settings_;

  mutable Mutex mu_;
  Credentials current_ VARVE_GUARDED_BY(mu_);
  std::string region_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::io::aws
