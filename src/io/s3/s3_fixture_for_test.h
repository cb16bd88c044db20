// Makes an S3Store for tests: short waits, keys that are given.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/posix/posix_file_system.h"
#include "io/s3/s3_store.h"

namespace varve::io {

class S3Fixture : public ::testing::Test {
 protected:
  static S3Settings SettingsFor(const std::string& endpoint) {
    S3Settings settings;
    settings.bucket = "bucket";
    settings.endpoint = endpoint;
    settings.allow_http = true;
    settings.request_limit = std::chrono::milliseconds(2'000);
    settings.retry = {std::chrono::milliseconds(1), std::chrono::milliseconds(5),
                      std::chrono::milliseconds(3'000)};
    return settings;
  }

  std::unique_ptr<S3Store> Open(S3Settings settings, S3StoreSettings store = {},
                                aws::Credentials keys = {"key", "secret", ""}) {
    auto source = aws::CredentialSource::Open(files_, {.given = std::move(keys)});
    EXPECT_TRUE(source.ok()) << source.status();
    credentials_.push_back(*std::move(source));
    auto client = S3Client::Make(std::move(settings), {http_, *credentials_.back(), files_,
                                                       Clock::System(), Random::System()});
    EXPECT_TRUE(client.ok()) << client.status();
    return std::make_unique<S3Store>(std::move(store), *std::move(client));
  }

  PosixFileSystem files_;
  StopGate gate_;
  HttpClient http_{gate_};
  std::vector<std::unique_ptr<aws::CredentialSource>> credentials_;
};

}  // namespace varve::io
