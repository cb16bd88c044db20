#include "io/s3/s3_client.h"

#include <absl/strings/numbers.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/interrupt.h"
#include "io/aws/digest.h"
#include "io/aws/endpoint.h"

namespace varve::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kShortestRequest{1'000};
constexpr seconds kRetryAfterMax{30};

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

milliseconds AllowanceFor(uint64_t bytes) {
  return milliseconds(bytes * 1000 / kSlowestBytesPerSecond);
}

uint64_t BodyBytes(const S3Call& call) {
  return call.file.file != nullptr ? call.file.end - call.file.begin : call.body.size();
}

// Answers that ask for another try. 409 ConditionalRequestConflict: another conditional write of
// the object was under way, and this one was not done.
bool AsksToTryAgain(const S3Answer& answer) {
  const int status = answer.http.status;
  return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504) ||
         IsOneOf(answer.error.code,
                 {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout",
                  "ConditionalRequestConflict", "OperationAborted", "ThrottlingException"});
}

// Whether the store may have acted although it answers so.
bool LeavesOpen(const S3Answer& answer) {
  return (answer.http.status >= 500 && answer.error.code != "SlowDown") ||
         answer.http.status < 300 || answer.http.status == 408;
}

milliseconds RetryAfter(const HttpResponse& response) {
  int64_t wait = 0;
  const std::string_view text = response.Find("retry-after");
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &wait) || wait < 0) return {};
  return std::min(seconds(wait), kRetryAfterMax);
}

bool IsKeyCode(std::string_view code) {
  return IsOneOf(code, {"ExpiredToken", "InvalidToken", "TokenRefreshRequired",
                        "InvalidAccessKeyId", "ExpiredTokenException"});
}

Result<aws::Endpoint> EndpointOf(const S3Settings& settings) {
  if (settings.endpoint.empty()) return aws::AmazonEndpoint("s3", settings.region);
  return aws::ReadEndpoint("s3-endpoint", settings.endpoint, settings.allow_http);
}

// Amazon's certificate covers one name below its host: a bucket with a dot is two.
bool UsesPathStyle(const S3Settings& settings) {
  if (settings.addressing != S3Addressing::kAuto) {
    return settings.addressing == S3Addressing::kPath;
  }
  return !settings.endpoint.empty() || settings.bucket.find('.') != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<S3Client>> S3Client::Make(S3Settings settings, S3Parts parts) {
  if (settings.bucket.empty() || settings.bucket.find_first_of("/?# ") != std::string::npos) {
    return InvalidArgument(
        "s3-bucket: \"{}\" is not the name of a bucket; a folder within it goes into table-prefix",
        settings.bucket);
  }
  VARVE_ASSIGN_OR_RETURN(const aws::Endpoint endpoint, EndpointOf(settings));
  Address address{endpoint.authority, "/" + settings.bucket};
  if (!UsesPathStyle(settings)) {
    address = {settings.bucket + "." + endpoint.authority, ""};
  }
  std::string url = endpoint.scheme + "://" + address.host;
  return std::unique_ptr<S3Client>(
      new S3Client(std::move(settings), parts, std::move(url), std::move(address)));
}

std::string S3Client::Describe(std::string_view key) const {
  return key.empty() ? fmt::format("s3://{}", settings_.bucket)
                     : fmt::format("s3://{}/{}", settings_.bucket, key);
}

Result<HttpResponse> S3Client::SendOnce(const S3Call& call, const std::string& payload_sha256,
                                        const aws::Credentials& credentials, milliseconds limit) {
  HttpRequest request{.method = call.method, .body = call.body, .file = call.file};
  request.response_bytes_max = call.answer_bytes_max;
  request.limits = {settings_.connect_limit, limit, settings_.request_limit};
  std::string path = address_.path_prefix;
  if (!call.key.empty() || path.empty()) path += "/" + call.key;
  request.headers = call.headers;
  request.headers.push_back({"Host", address_.host});
  const std::vector<HttpHeader> signature = aws::Sign(
      {.method = call.method,
       .path = path,
       .query = call.query,
       .headers = request.headers,
       .payload_sha256 = payload_sha256},
      credentials, {settings_.region, "s3"}, parts_.clock.NowUs() + clock_offset_us_.load());
  request.headers.insert(request.headers.end(), signature.begin(), signature.end());
  const std::string query = aws::EncodeQuery(call.query);
  request.url = endpoint_ + aws::EncodePath(path) + (query.empty() ? "" : "?" + query);

  const S3Telemetry::Counters& counters = telemetry_[call.operation];
  const int64_t began_us = parts_.clock.MonotonicUs();
  Result<HttpResponse> response = parts_.http.Send(request);
  counters.requests->Add();
  counters.microseconds->Add(static_cast<uint64_t>(parts_.clock.MonotonicUs() - began_us));
  if (response.ok()) {
    telemetry_.sent_bytes().Add(BodyBytes(call));
    telemetry_.received_bytes().Add(response->body.size());
  }
  return response;
}

bool S3Client::Mend(const S3Answer& answer, const aws::Credentials& used) {
  if (IsKeyCode(answer.error.code)) return parts_.credentials.Reload(used);
  if (answer.error.code != "RequestTimeTooSkewed") return false;
  const Result<int64_t> theirs = ReadHttpTime(answer.http.Find("date"));
  if (!theirs.ok()) return false;
  const int64_t offset_us = *theirs - parts_.clock.NowUs();
  clock_offset_us_.store(offset_us);
  spdlog::warn("the clock of this machine differs from that of {} by {} s; set it right", endpoint_,
               offset_us / 1'000'000);
  return true;
}

Result<S3Answer> S3Client::Call(const S3Call& call) {
  std::string payload_sha256;
  if (call.file.file != nullptr) {
    VARVE_ASSIGN_OR_RETURN(payload_sha256, aws::PayloadSha256(call.file));
  } else {
    payload_sha256 = aws::PayloadSha256(call.body);
  }
  const milliseconds allowance = AllowanceFor(std::max(BodyBytes(call), call.transfer_bytes));
  Retrier retrier(settings_.retry, parts_.clock, parts_.random, parts_.http.gate());
  const S3Telemetry::Counters& counters = telemetry_[call.operation];
  bool mended = false;
  bool may_have_happened = false;
  while (true) {
    const aws::Credentials credentials = parts_.credentials.Get();
    const milliseconds limit =
        std::min(std::max(retrier.remaining(), kShortestRequest), settings_.request_limit) +
        allowance;
    Result<HttpResponse> response = SendOnce(call, payload_sha256, credentials, limit);
    S3Answer answer;
    Status failure = response.status();
    milliseconds wait{0};
    if (response.ok()) {
      answer.http = *std::move(response);
      if (answer.http.status >= 300 || call.error_in_success) {
        answer.error = ReadS3Error(answer.http.body);
      }
      answer.may_have_happened_before = may_have_happened;
      if (!mended && Mend(answer, credentials)) {
        mended = true;
        continue;
      }
      if (!AsksToTryAgain(answer)) {
        if (!answer.ok()) counters.errors->Add();
        return answer;
      }
      failure = ErrorOf(call, answer);
      may_have_happened |= LeavesOpen(answer);
      wait = RetryAfter(answer.http);
    } else {
      may_have_happened |= !WasNeverSent(failure);
      failure = Annotate(failure, fmt::format("{} {}", NameOf(call.operation), Describe(call.key)));
    }
    const bool final = failure.code() != StatusCode::kUnavailable || parts_.http.gate().stopped();
    if (final || !retrier.WaitForNextTry(wait)) {
      counters.errors->Add();
      failure = WithNeverSent(failure, !may_have_happened);
      if (Interrupted()) return WithNeverSent(InterruptedStatus(), !may_have_happened);
      if (retrier.tries() == 1) return failure;
      return Annotate(failure, fmt::format("given up after {} tries in {} ms", retrier.tries(),
                                           retrier.elapsed().count()));
    }
    counters.retries->Add();
  }
}

Result<S3Answer> S3Client::CallOrError(const S3Call& call) {
  VARVE_ASSIGN_OR_RETURN(S3Answer answer, Call(call));
  if (!answer.ok()) return ErrorOf(call, answer);
  return answer;
}

Status S3Client::ErrorOf(const S3Call& call, const S3Answer& answer) const {
  const int status = answer.http.status;
  const S3Error& error = answer.error;
  std::string text = fmt::format("{} {}: {}{}{}", NameOf(call.operation), Describe(call.key),
                                 error.code.empty() ? "status" : error.code,
                                 error.code.empty() ? " " : fmt::format(" ({})", status),
                                 error.code.empty() ? std::to_string(status) : "");
  if (!error.message.empty()) text += ", " + error.message;
  if (error.code == "RequestTimeTooSkewed") {
    text += "; the clock of this machine is wrong, or the store's is";
  }
  // A bucket that is gone is not an object that was never there.
  if (status == 404 && !call.key.empty() && error.code != "NoSuchBucket") {
    return NotFound("{}", text);
  }
  if (status == 412) return AlreadyExists("{}", text);
  if (status == 507 || IsOneOf(error.code, {"QuotaExceeded", "XMinioStorageFull"})) {
    return SqlError(sqlstate::kDiskFull, text);
  }
  return SqlError(sqlstate::kIoError, text);
}

}  // namespace varve::io
