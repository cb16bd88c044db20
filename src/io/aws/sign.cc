#include "io/aws/sign.h"

#include <absl/strings/ascii.h>
#include <absl/time/time.h>

#include <algorithm>
#include <map>

#include "io/aws/digest.h"

namespace varve::io::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

std::string Encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c) || (keep_slash && c == '/')) {
      out += c;
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

// Without empty parts, "." and ".."; a slash at the end stays.
std::string NormalizePath(std::string_view path) {
  std::vector<std::string_view> kept;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!part.empty() && part != ".") {
      kept.push_back(part);
    }
    begin = end + 1;
  }
  std::string out;
  for (const std::string_view part : kept) out.append("/").append(part);
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

// Without blanks around it, and with one for each run of them inside.
std::string CollapseBlanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!absl::ascii_isspace(static_cast<unsigned char>(c))) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

struct CanonicalHeaders {
  std::string lines;         // "host:example.com\n..."
  std::string signed_names;  // "host;x-amz-date"
};

CanonicalHeaders Canonical(const std::vector<HttpHeader>& headers) {
  std::map<std::string, std::string> values;
  for (const HttpHeader& header : headers) {
    std::string& value = values[absl::AsciiStrToLower(header.name)];
    if (!value.empty()) value += ',';
    value += CollapseBlanks(header.value);
  }
  CanonicalHeaders canonical;
  for (const auto& [name, value] : values) {
    canonical.lines += fmt::format("{}:{}\n", name, value);
    if (!canonical.signed_names.empty()) canonical.signed_names += ';';
    canonical.signed_names += name;
  }
  return canonical;
}

std::string SigningKey(const std::string& secret, std::string_view date, const Scope& scope) {
  std::string key = HmacSha256("AWS4" + secret, date);
  key = HmacSha256(key, scope.region);
  key = HmacSha256(key, scope.service);
  return HmacSha256(key, "aws4_request");
}

}  // namespace

std::string EncodeUri(std::string_view text) { return Encode(text, false); }

std::string EncodePath(std::string_view path) { return Encode(path, true); }

std::string EncodeQuery(const QueryPairs& query) {
  QueryPairs encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(EncodeUri(name), EncodeUri(value));
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += '&';
    out += fmt::format("{}={}", name, value);
  }
  return out;
}

std::vector<HttpHeader> Sign(SignedParts parts, const Credentials& credentials, const Scope& scope,
                             int64_t now_us) {
  const std::string time =
      absl::FormatTime("%Y%m%dT%H%M%SZ", absl::FromUnixMicros(now_us), absl::UTCTimeZone());
  const std::string date = time.substr(0, 8);
  std::vector<HttpHeader> added = {{"X-Amz-Date", time}};
  const bool is_s3 = scope.service == "s3";
  if (is_s3) added.push_back({"X-Amz-Content-Sha256", std::string(parts.payload_sha256)});
  if (!credentials.session_token.empty()) {
    added.push_back({"X-Amz-Security-Token", credentials.session_token});
  }
  parts.headers.insert(parts.headers.end(), added.begin(), added.end());

  const CanonicalHeaders headers = Canonical(parts.headers);
  const std::string path = is_s3 ? std::string(parts.path) : NormalizePath(parts.path);
  const std::string request = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", parts.method, EncodePath(path),
                                          EncodeQuery(parts.query), headers.lines,
                                          headers.signed_names, parts.payload_sha256);
  const std::string scope_text =
      fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
  const std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope_text, ToHex(Sha256(request)));
  const std::string signature =
      ToHex(HmacSha256(SigningKey(credentials.secret_key, date, scope), to_sign));
  added.push_back(
      {"Authorization",
       fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                   credentials.access_key, scope_text, headers.signed_names, signature)});
  return added;
}

}  // namespace varve::io::aws
