#include "io/dynamodb/dynamo_client.h"

#include <algorithm>
#include <utility>

#include "base/telemetry.h"
#include "io/aws/digest.h"
#include "io/aws/endpoint.h"
#include "io/dynamodb/dynamo_json.h"

namespace varve::io {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestRequest{1'000};
constexpr int kOk = 200;

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool AsksToTryAgain(int status, std::string_view code) {
  return status >= 500 || status == 408 || status == 429 ||
         IsOneOf(code, {"ProvisionedThroughputExceededException", "ThrottlingException",
                        "RequestLimitExceeded", "LimitExceededException",
                        "TransactionConflictException", "ReplicatedWriteConflictException"});
}

bool IsKeyCode(std::string_view code) {
  return IsOneOf(code, {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException",
                        "InvalidClientTokenId"});
}

// What the operator has to set right, or empty.
std::string_view OptionToMend(std::string_view code) {
  if (code == "ExpiredTokenException" || code == "ExpiredToken") return "s3-session-token";
  if (code == "InvalidSignatureException" || code == "IncompleteSignatureException") {
    return "s3-secret-key";
  }
  if (IsKeyCode(code) || IsOneOf(code, {"AccessDeniedException", "MissingAuthenticationToken",
                                        "MissingAuthenticationTokenException"})) {
    return "s3-access-key";
  }
  return {};
}

Result<aws::Endpoint> EndpointOf(const DynamoSettings& settings) {
  if (settings.endpoint.empty()) return aws::AmazonEndpoint("dynamodb", settings.region);
  return aws::ReadEndpoint("dynamodb-endpoint", settings.endpoint, settings.allow_http);
}

Counter& CounterOf(const std::string& name, const std::string& help, std::string_view operation) {
  return Telemetry::Get().GetCounter(name, help, fmt::format("operation=\"{}\"", operation));
}

}  // namespace

Result<std::unique_ptr<DynamoClient>> DynamoClient::Make(DynamoSettings settings,
                                                         DynamoParts parts) {
  if (settings.table.empty()) {
    return InvalidArgument("dynamodb-table: the lock provider needs the name of a table");
  }
  VARVE_ASSIGN_OR_RETURN(aws::Endpoint endpoint, EndpointOf(settings));
  std::string url = endpoint.scheme + "://" + endpoint.authority;
  return std::unique_ptr<DynamoClient>(
      new DynamoClient(std::move(settings), parts, std::move(url), std::move(endpoint.authority)));
}

Result<HttpResponse> DynamoClient::SendOnce(std::string_view operation, const std::string& body,
                                            const aws::Credentials& credentials,
                                            milliseconds limit) {
  HttpRequest request{.method = "POST", .url = url_ + "/", .body = body};
  request.limits = {settings_.connect_limit, limit, settings_.request_limit};
  request.headers = {{"Host", host_},
                     {"Content-Type", "application/x-amz-json-1.0"},
                     {"X-Amz-Target", fmt::format("DynamoDB_20120810.{}", operation)}};
  const std::string payload_sha256 = aws::PayloadSha256(body);
  const std::vector<HttpHeader> signature =
      aws::Sign({.method = request.method,
                 .path = "/",
                 .query = {},
                 .headers = request.headers,
                 .payload_sha256 = payload_sha256},
                credentials, {settings_.region, "dynamodb"}, parts_.clock.NowUs());
  request.headers.insert(request.headers.end(), signature.begin(), signature.end());
  CounterOf("varve_dynamodb_requests_total", "Requests sent to DynamoDB, retries included.",
            operation)
      .Add();
  return parts_.http.Send(request);
}

Status DynamoClient::ErrorOf(std::string_view operation, const HttpResponse& response) const {
  const DynamoError error = ReadDynamoError(response.body);
  const std::string_view code = error.code;
  std::string text = code.empty() ? fmt::format("DynamoDB {} of {}: status {}", operation,
                                                settings_.table, response.status)
                                  : fmt::format("DynamoDB {} of {}: {} ({})", operation,
                                                settings_.table, code, response.status);
  if (!error.message.empty()) text += ", " + error.message;
  if (code == "ConditionalCheckFailedException") return Status(StatusCode::kAborted, text);
  if (code == "ResourceNotFoundException") return NotFound("{}", text);
  if (const std::string_view option = OptionToMend(code); !option.empty()) {
    return FailedPrecondition("{}: {} refuses the request: {}", option, url_, text);
  }
  if (AsksToTryAgain(response.status, code)) return Unavailable("{}", text);
  if (code.empty()) {
    return FailedPrecondition("dynamodb-endpoint: {} does not answer as DynamoDB does: {}", url_,
                              text);
  }
  return Internal("{}", text);
}

Result<std::string> DynamoClient::Call(std::string_view operation, const std::string& body) {
  bool may_have_happened = false;
  return Call(operation, body, may_have_happened);
}

Status DynamoClient::Change(std::string_view operation, const std::string& body) {
  bool may_have_happened = false;
  Status status = Call(operation, body, may_have_happened).status();
  // A condition that does not hold says no more: the caller reads the item.
  const bool is_open = may_have_happened && status.code() != StatusCode::kAborted;
  if (status.ok() || !is_open || status.code() == StatusCode::kUnavailable) return status;
  // The last try was refused; what an earlier one did is not known by that.
  return Unavailable("whether an item was changed is unknown: {}", MessageOf(status));
}

Result<std::string> DynamoClient::Call(std::string_view operation, const std::string& body,
                                       bool& may_have_happened) {
  Retrier retrier(settings_.retry, parts_.clock, parts_.random, parts_.http.gate());
  bool reloaded = false;
  while (true) {
    const aws::Credentials credentials = parts_.credentials.Get();
    const milliseconds limit =
        std::min(std::max(retrier.remaining(), kShortestRequest), settings_.request_limit);
    Result<HttpResponse> response = SendOnce(operation, body, credentials, limit);
    Status failure = response.status();
    if (response.ok()) {
      if (response->status == kOk) return std::move(response->body);
      // Keys that expire are renewed by somebody else, in the file that they came from.
      if (!reloaded && IsKeyCode(ReadDynamoError(response->body).code) &&
          parts_.credentials.Reload(credentials)) {
        reloaded = true;
        continue;
      }
      failure = ErrorOf(operation, *response);
      may_have_happened |= response->status >= 500 || response->status == 408;
    } else {
      may_have_happened |= !WasNeverSent(failure);
      failure = Annotate(failure, fmt::format("DynamoDB {} of {}", operation, settings_.table));
    }
    const bool final = failure.code() != StatusCode::kUnavailable || parts_.http.gate().stopped();
    if (final || !retrier.WaitForNextTry()) {
      if (failure.code() != StatusCode::kAborted) {
        CounterOf("varve_dynamodb_errors_total", "Calls of DynamoDB that failed.", operation).Add();
      }
      if (retrier.tries() == 1) return failure;
      return Annotate(failure, fmt::format("given up after {} tries in {} ms", retrier.tries(),
                                           retrier.elapsed().count()));
    }
    CounterOf("varve_dynamodb_retries_total", "Requests to DynamoDB that were sent again.",
              operation)
        .Add();
  }
}

Result<std::vector<DynamoKeyPart>> DynamoClient::DescribeKeys() {
  VARVE_ASSIGN_OR_RETURN(const std::string answer,
                         Call("DescribeTable", DescribeBody(settings_.table)));
  VARVE_ASSIGN_OR_RETURN(DynamoTable table, ReadTable(answer));
  // "UPDATING" tables work.
  if (table.status == "CREATING" || table.status == "DELETING") {
    return Unavailable("DynamoDB table \"{}\" cannot be used now, it is {}", settings_.table,
                       table.status);
  }
  return std::move(table.keys);
}

Result<std::optional<DynamoItem>> DynamoClient::Get(const DynamoItem& key) {
  VARVE_ASSIGN_OR_RETURN(const std::string answer, Call("GetItem", GetBody(settings_.table, key)));
  return ReadItem(answer);
}

Status DynamoClient::Put(const DynamoItem& item, const DynamoCondition& condition) {
  return Change("PutItem", PutBody(settings_.table, item, condition));
}

Status DynamoClient::Update(const DynamoItem& key, const DynamoItem& changes,
                            const DynamoCondition& condition) {
  return Change("UpdateItem", UpdateBody(settings_.table, key, changes, condition));
}

Status DynamoClient::Delete(const DynamoItem& key, const DynamoCondition& condition) {
  return Change("DeleteItem", DeleteBody(settings_.table, key, condition));
}

Result<std::vector<DynamoItem>> DynamoClient::QueryNewest(const DynamoItem& partition,
                                                          size_t count) {
  VARVE_ASSIGN_OR_RETURN(const std::string answer,
                         Call("Query", QueryBody(settings_.table, partition, count)));
  return ReadItems(answer);
}

}  // namespace varve::io
