// Sends one operation to an object store: address, signature, retries, and what the answer means.
//
// Role:     S3Store, uploads, start check -> [S3Client] -> HttpClient.
// Limits:   nothing is tried again later than `retry.deadline` after an operation began. One
//           request may take `request_limit`, plus what its bytes take at kSlowestBytesPerSecond;
//           it ends earlier when nothing moves for `request_limit`.
// Errors:   Unavailable when no answer came, or only answers that ask to try again, until the
//           deadline; 57P01 when the server stops. An answer that refuses is no error here: see
//           S3Answer and ErrorOf. WasNeverSent of an error: none of its tries can have done
//           anything.
// Threads:  safe. Calls block.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "io/aws/credentials.h"
#include "io/file.h"
#include "io/http/http_client.h"
#include "io/http/retry.h"
#include "io/s3/s3_telemetry.h"
#include "io/s3/s3_xml.h"

namespace varve::io {

inline constexpr uint64_t kSlowestBytesPerSecond = 64 << 10;

enum class S3Addressing { kAuto, kPath, kVirtual };

struct S3Settings {
  std::string bucket;
  std::string endpoint{};  // empty: Amazon's, of the region
  std::string region = "us-east-1";
  // kAuto: path style when an endpoint is given, or the bucket's name has a dot.
  S3Addressing addressing = S3Addressing::kAuto;
  bool allow_http = false;
  std::chrono::milliseconds connect_limit{5'000};
  std::chrono::milliseconds request_limit{10'000};
  RetryPolicy retry{};
};

// What several clients may share; outlives them.
struct S3Parts {
  HttpClient& http;
  aws::CredentialSource& credentials;
  FileSystem& files;
  Clock& clock;
  Random& random;
};

struct S3Call {
  S3Operation operation = S3Operation::kGet;
  std::string method = "GET";
  std::string key{};  // empty: the bucket itself
  aws::QueryPairs query{};
  std::vector<HttpHeader> headers{};
  std::string_view body{};
  FileRegion file{};
  uint64_t answer_bytes_max = 64 << 20;
  uint64_t transfer_bytes = 0;  // of the answer, if it is known to be long
  // The store may answer 200 and say in the body that it failed.
  bool error_in_success = false;
};

struct S3Answer {
  HttpResponse http;
  S3Error error;  // of an answer that refuses
  // An earlier try got no answer, or one that leaves open whether the store acted on it.
  bool may_have_happened_before = false;

  bool ok() const { return http.status >= 200 && http.status < 300 && error.code.empty(); }
};

class S3Client {
 public:
  // InvalidArgument, one sentence, when the address cannot be used.
  static Result<std::unique_ptr<S3Client>> Make(S3Settings settings, S3Parts parts);

  Result<S3Answer> Call(const S3Call& call);
  // Call, for operations where every refusal is an error.
  Result<S3Answer> CallOrError(const S3Call& call);

  // The Status for an answer that refuses: NotFound for 404 of an object, AlreadyExists for 412,
  // 53100 when the store is full, Unavailable (58030) for the rest, with the store's own code.
  Status ErrorOf(const S3Call& call, const S3Answer& answer) const;

  // "s3://bucket/key", for messages.
  std::string Describe(std::string_view key) const;
  const S3Settings& settings() const { return settings_; }
  // "https://host", for messages.
  const std::string& endpoint() const { return endpoint_; }
  const S3Parts& parts() const { return parts_; }

 private:
  struct Address {
    std::string host;         // as the Host header has it
    std::string path_prefix;  // "" or "/bucket"
  };

  S3Client(S3Settings settings, S3Parts parts, std::string endpoint, Address address)
      : settings_(std::move(settings)),
        parts_(parts),
        endpoint_(std::move(endpoint)),
        address_(std::move(address)) {}

  Result<HttpResponse> SendOnce(const S3Call& call, const std::string& payload_sha256,
                                const aws::Credentials& credentials,
                                std::chrono::milliseconds limit);
  // Mends what made the store refuse the request itself: keys that were renewed, a clock that is
  // off. Returns whether it is worth another try.
  bool Mend(const S3Answer& answer, const aws::Credentials& used);

  // Constant after construction.
  const S3Settings settings_;
  const S3Parts parts_;
  const std::string endpoint_;  // "https://host:port", without a slash at the end
  const Address address_;
  S3Telemetry telemetry_;
  // Own synchronization.
  std::atomic<int64_t> clock_offset_us_{0};  // the store's clock less ours
};

}  // namespace varve::io
