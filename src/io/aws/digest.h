// Computes the digests that AWS signatures and checksums are made of; the one door to libcrypto.
//
// Role:     sign.h, io/s3 (checksums of bodies and parts) -> [digest] -> OpenSSL.
// Threads:  safe; a Sha256 object has one owner.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "io/http/http_message.h"

namespace varve::io::aws {

// Raw bytes: 32 of SHA-256 and HMAC, 16 of MD5.
std::string Sha256(std::string_view data);
std::string HmacSha256(std::string_view key, std::string_view data);
std::string Md5(std::string_view data);

std::string ToHex(std::string_view bytes);  // lower case
std::string ToBase64(std::string_view bytes);

// The SHA-256 of what a request is going to send, in hex.
std::string PayloadSha256(std::string_view body);
// Reads the region once, in small pieces. The file's errors; DataLoss when it ends early.
Result<std::string> PayloadSha256(const FileRegion& region);

}  // namespace varve::io::aws
