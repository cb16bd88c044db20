#include "io/aws/digest.h"

#include <absl/strings/escaping.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/check.h"

namespace varve::io::aws {
namespace {

constexpr size_t kReadBytes = 256 << 10;

class Digester {
 public:
  explicit Digester(const EVP_MD* kind) : context_(EVP_MD_CTX_new()) {
    VARVE_CHECK(context_ != nullptr);
    VARVE_CHECK(EVP_DigestInit_ex(context_, kind, nullptr) == 1);
  }
  ~Digester() { EVP_MD_CTX_free(context_); }
  Digester(const Digester&) = delete;
  Digester& operator=(const Digester&) = delete;

  void Add(std::string_view data) {
    VARVE_CHECK(EVP_DigestUpdate(context_, data.data(), data.size()) == 1);
  }
  std::string Finish() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    VARVE_CHECK(EVP_DigestFinal_ex(context_, bytes, &size) == 1);
    return {reinterpret_cast<const char*>(bytes), size};
  }

 private:
  EVP_MD_CTX* const context_;
};

std::string DigestOf(const EVP_MD* kind, std::string_view data) {
  Digester digester(kind);
  digester.Add(data);
  return digester.Finish();
}

}  // namespace

std::string Sha256(std::string_view data) { return DigestOf(EVP_sha256(), data); }

std::string Md5(std::string_view data) { return DigestOf(EVP_md5(), data); }

std::string HmacSha256(std::string_view key, std::string_view data) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const unsigned char* done =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(data.data()), data.size(), bytes, &size);
  VARVE_CHECK(done != nullptr);
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string ToHex(std::string_view bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

std::string ToBase64(std::string_view bytes) {
  return absl::Base64Escape({bytes.data(), bytes.size()});
}

std::string PayloadSha256(std::string_view body) { return ToHex(Sha256(body)); }

Result<std::string> PayloadSha256(const FileRegion& region) {
  Digester digester(EVP_sha256());
  std::string piece(std::min<uint64_t>(kReadBytes, region.end - region.begin), '\0');
  for (uint64_t at = region.begin; at < region.end;) {
    const size_t wanted = std::min<uint64_t>(piece.size(), region.end - at);
    VARVE_ASSIGN_OR_RETURN(const size_t read, region.file->ReadAt(at, {piece.data(), wanted}));
    if (read < wanted) return DataLoss("file ends early: {} bytes wanted at {}", wanted, at);
    digester.Add({piece.data(), read});
    at += read;
  }
  return ToHex(digester.Finish());
}

}  // namespace varve::io::aws
