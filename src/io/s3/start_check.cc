#include "io/s3/start_check.h"

#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/uuid.h"

namespace varve::io {
namespace {

constexpr std::string_view kWhatToConfigure =
    "with several servers set lock-provider=dynamodb; if this server is the only writer of the "
    "bucket, set lock-provider=single";

Status Sentence(const S3Client& client, const S3Answer& answer) {
  const S3Error& error = answer.error;
  const std::string& bucket = client.settings().bucket;
  const std::string& endpoint = client.endpoint();
  const std::string_view code = error.code;
  // versitygw's own word is the second one.
  if (code == "InvalidAccessKeyId" || code == "XAdminUserNotFound") {
    return FailedPrecondition("s3-access-key: {} does not know this access key", endpoint);
  }
  if (code == "NoSuchBucket" || (answer.http.status == 404 && code.empty())) {
    return FailedPrecondition("s3-bucket: there is no bucket \"{}\" at {}", bucket, endpoint);
  }
  if (code == "SignatureDoesNotMatch") {
    return FailedPrecondition(
        "s3-secret-key: {} says that the secret key does not belong to the access key", endpoint);
  }
  if (code == "ExpiredToken" || code == "TokenRefreshRequired") {
    return FailedPrecondition("s3-session-token: {} says that the session token has expired",
                              endpoint);
  }
  if (code == "InvalidToken") {
    return FailedPrecondition("s3-session-token: {} does not accept the session token", endpoint);
  }
  const std::string_view region = error.region.empty() ? answer.http.Find("x-amz-bucket-region")
                                                       : std::string_view(error.region);
  if (!region.empty() && region != client.settings().region) {
    return FailedPrecondition("s3-region: bucket \"{}\" is in region {}, and s3-region is {}",
                              bucket, region, client.settings().region);
  }
  if (code == "AccessDenied" || answer.http.status == 403) {
    return FailedPrecondition("s3-access-key: the access key may not list bucket \"{}\" at {} ({})",
                              bucket, endpoint, code.empty() ? "403" : code);
  }
  return FailedPrecondition("s3-bucket: bucket \"{}\" at {} cannot be used: {} ({}) {}", bucket,
                            endpoint, code.empty() ? "status" : code, answer.http.status,
                            error.message);
}

// What racing writers of one round ended with.
struct Round {
  std::vector<Status> results;
  std::vector<std::string> contents;
};

Round Race(ObjectStore& store, const std::string& name, int writers) {
  Round round{std::vector<Status>(writers), std::vector<std::string>(writers)};
  Mutex mu;
  CondVar changed;
  int waiting = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i) {
    round.contents[i] = fmt::format("{} writer {}", name, i);
    threads.emplace_back([&, i] {
      {
        MutexLock lock(mu);
        ++waiting;
        changed.NotifyAll();
        changed.Wait(mu, [&] { return waiting == writers; });
      }
      round.results[i] = store.PutIfAbsent(name, round.contents[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return round;
}

Status Judge(ObjectStore& store, const std::string& name, const Round& round) {
  int winners = 0;
  std::string winner;
  for (size_t i = 0; i < round.results.size(); ++i) {
    const Status& result = round.results[i];
    if (result.ok()) {
      ++winners;
      winner = round.contents[i];
    } else if (result.code() != StatusCode::kAlreadyExists) {
      return FailedPrecondition("the store cannot put an object only if it is absent ({}); {}",
                                MessageOf(result), kWhatToConfigure);
    }
  }
  VARVE_ASSIGN_OR_RETURN(const std::string there, store.Get(name));
  if (winners == 1 && there == winner) return OkStatus();
  return FailedPrecondition(
      "the store's conditional PUT is not atomic: of {} writers of one object, {} were told that "
      "they made it; {}",
      round.results.size(), winners, kWhatToConfigure);
}

}  // namespace

Status CheckBucket(S3Store& store) {
  S3Client& client = store.client();
  const Result<S3Answer> answer = client.Call(
      {.operation = S3Operation::kList, .query = {{"list-type", "2"}, {"max-keys", "1"}}});
  if (!answer.ok()) {
    return FailedPrecondition("s3-endpoint: {} cannot be reached: {}", client.endpoint(),
                              MessageOf(answer.status()));
  }
  if (!answer->ok()) return Sentence(client, *answer);
  const Status read = ReadListing(answer->http.body).status();
  if (read.ok()) return OkStatus();
  return FailedPrecondition("s3-endpoint: {} is no object store: {}", client.endpoint(),
                            MessageOf(read));
}

Status ProbeConditionalPut(ObjectStore& store, Random& random, ProbeSettings settings) {
  for (int i = 0; i < settings.rounds; ++i) {
    const std::string name = fmt::format(".varve-probe/{}", Uuid::MakeV4(random).ToString());
    Status judged = Judge(store, name, Race(store, name, settings.writers));
    // What stays behind does no harm.
    store.Delete(name).IgnoreError();
    VARVE_RETURN_IF_ERROR(std::move(judged));
  }
  return OkStatus();
}

}  // namespace varve::io
