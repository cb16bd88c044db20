// Keeps items in one table of DynamoDB, or of a service that speaks like it.
//
// Role:     lake -> [DynamoClient] -> HttpClient. API version 2012-08-10, JSON 1.0, signed as
//           service "dynamodb".
// Limits:   nothing is tried again later than `retry.deadline` after a call began; one request may
//           take `request_limit`.
// Errors:   as io::DynamoDb says. Unavailable, with DynamoDB's own code, when no answer came, or
//           only ones that ask to try again, until the deadline; 57P01 when the server stops.
// Threads:  safe. Calls block.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "io/aws/credentials.h"
#include "io/dynamo_db.h"
#include "io/http/http_client.h"
#include "io/http/retry.h"

namespace varve::io {

struct DynamoSettings {
  std::string table;
  std::string endpoint{};  // empty: Amazon's, of the region
  std::string region = "us-east-1";
  bool allow_http = false;
  std::chrono::milliseconds connect_limit{5'000};
  std::chrono::milliseconds request_limit{10'000};
  RetryPolicy retry{};
};

// What several clients may share; outlives them.
struct DynamoParts {
  HttpClient& http;
  aws::CredentialSource& credentials;
  Clock& clock;
  Random& random;
};

class DynamoClient final : public DynamoDb {
 public:
  // InvalidArgument, one sentence, when the address cannot be used.
  static Result<std::unique_ptr<DynamoClient>> Make(DynamoSettings settings, DynamoParts parts);

  const std::string& table_name() const override { return settings_.table; }
  Result<std::vector<DynamoKeyPart>> DescribeKeys() override;
  Result<std::optional<DynamoItem>> Get(const DynamoItem& key) override;
  Status Put(const DynamoItem& item, const DynamoCondition& condition) override;
  Status Update(const DynamoItem& key, const DynamoItem& changes,
                const DynamoCondition& condition) override;
  Status Delete(const DynamoItem& key, const DynamoCondition& condition) override;
  Result<std::vector<DynamoItem>> QueryNewest(const DynamoItem& partition, size_t count) override;

 private:
  DynamoClient(DynamoSettings settings, DynamoParts parts, std::string url, std::string host)
      : settings_(std::move(settings)),
        parts_(parts),
        url_(std::move(url)),
        host_(std::move(host)) {}

  // The answer's body; tries again as long as that makes sense. `operation`: "GetItem".
  Result<std::string> Call(std::string_view operation, const std::string& body);
  // The same, and says whether one of the tries may have been acted on although no answer said so.
  Result<std::string> Call(std::string_view operation, const std::string& body,
                           bool& may_have_happened);
  // Call for an operation that changes an item: Unavailable when it may have done so.
  Status Change(std::string_view operation, const std::string& body);
  Result<HttpResponse> SendOnce(std::string_view operation, const std::string& body,
                                const aws::Credentials& credentials,
                                std::chrono::milliseconds limit);
  // The Status for an answer that refuses.
  Status ErrorOf(std::string_view operation, const HttpResponse& response) const;

  // Constant after construction.
  const DynamoSettings settings_;
  const DynamoParts parts_;
  const std::string url_;  // "https://host:port"
  const std::string host_;
};

}  // namespace varve::io
