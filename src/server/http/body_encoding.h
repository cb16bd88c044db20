// Takes Content-Encoding off request bodies, and puts gzip on answers.
//
// Limits:   a decoded body has at most `bytes_max`, checked while it grows: a small bomb costs no
//           more than that.
// Errors:   of Decode: kUnknownEncoding (415), kTooLarge (413), kDamaged (400), kNoMemory (503).
// Threads:  no shared state.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace varve::server {

enum class DecodeOutcome { kOk, kUnknownEncoding, kTooLarge, kDamaged, kNoMemory };

// `encodings`: the field's value, for example "gzip" or "gzip, zstd" (applied in that order, at
// most two). gzip, x-gzip, deflate (with or without zlib's frame), zstd, snappy (its block format,
// for remote write), identity.
DecodeOutcome DecodeBody(std::string_view encodings, size_t bytes_max, std::string& body);

// nullopt: no memory for it.
std::optional<std::string> Gzip(std::string_view body);

}  // namespace varve::server
