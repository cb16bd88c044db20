#include "server/http/body_encoding.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <ctime>
#include <utility>

namespace varve::server {
namespace {

TEST(BodyEncodingTest, WhatGzipMakesIsDecodedWithinTheLimit) {
  const std::string text(100'000, 'x');
  std::string body = Gzip(text).value();
  ASSERT_LT(body.size(), 1000u);
  const std::string packed = body;
  EXPECT_EQ(DecodeBody("gzip", text.size(), body), DecodeOutcome::kOk);
  EXPECT_EQ(body, text);
  body = packed;
  EXPECT_EQ(DecodeBody("gzip", text.size() - 1, body), DecodeOutcome::kTooLarge);
  body = packed.substr(0, packed.size() - 1);
  EXPECT_EQ(DecodeBody("gzip", text.size(), body), DecodeOutcome::kDamaged);
  body = packed + "x";
  EXPECT_EQ(DecodeBody("gzip", text.size(), body), DecodeOutcome::kDamaged);
}

TEST(BodyEncodingTest, EncodingsAreTakenOffInReverse) {
  std::string body = Gzip(Gzip("hello").value()).value();
  EXPECT_EQ(DecodeBody("gzip, GZIP", 1000, body), DecodeOutcome::kOk);
  EXPECT_EQ(body, "hello");
  const std::string zipped = Gzip("hello").value();
  body.resize(ZSTD_compressBound(zipped.size()));
  body.resize(ZSTD_compress(body.data(), body.size(), zipped.data(), zipped.size(), 1));
  EXPECT_EQ(DecodeBody("gzip, zstd", 1000, body), DecodeOutcome::kOk);
  EXPECT_EQ(body, "hello");
  EXPECT_EQ(DecodeBody("identity", 1000, body), DecodeOutcome::kOk);
  EXPECT_EQ(DecodeBody("br", 1000, body), DecodeOutcome::kUnknownEncoding);
  EXPECT_EQ(DecodeBody("identity, identity, identity", 1000, body),
            DecodeOutcome::kUnknownEncoding);
}

TEST(BodyEncodingTest, EmptyMembersCostNoMoreThanTheirBytes) {
  constexpr size_t kBodyBytes = size_t{2} << 20;
  const std::string zstd("\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", 9);
  for (const auto& [encoding, member] :
       {std::pair("gzip", Gzip("").value()), std::pair("zstd", zstd)}) {
    std::string body;
    size_t members = 0;
    for (; body.size() < kBodyBytes; ++members) body += member;
    // What it would cost to have a piece zeroed for each; the decoding itself takes a fraction.
    std::clock_t begin = std::clock();
    std::string piece;
    for (size_t i = 0; i < members; ++i) {
      piece.clear();
      piece.resize(size_t{64} << 10);
      ASSERT_EQ(piece[i % piece.size()], '\0');
    }
    const std::clock_t zeroing = std::clock() - begin;
    begin = std::clock();
    EXPECT_EQ(DecodeBody(encoding, kBodyBytes, body), DecodeOutcome::kOk) << encoding;
    EXPECT_EQ(body, "");
    EXPECT_LT(std::clock() - begin, zeroing) << encoding;
  }
}

}  // namespace
}  // namespace varve::server
