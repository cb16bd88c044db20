// What S3Store does when the store misbehaves; what it does otherwise is in store_contract_test.cc.
#include "io/s3/s3_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "base/interrupt.h"
#include "base/mutex.h"
#include "io/s3/s3_fixture_for_test.h"
#include "io/s3/s3_upload.h"
#include "io/testing/real_server.h"
#include "io/testing/scripted_server.h"

namespace varve::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedReply;
using testing::ScriptedRequest;
using testing::ScriptedServer;
using Fault = ScriptedReply::Fault;

ScriptedReply ErrorReply(int status, const std::string& code) {
  return {status, {}, fmt::format("<Error><Code>{}</Code><Message>why</Message></Error>", code)};
}

// Answers the requests in turn; the last answer goes on.
class InTurn {
 public:
  explicit InTurn(std::vector<ScriptedReply> replies) : replies_(std::move(replies)) {}
  ScriptedReply operator()(const ScriptedRequest&) {
    return replies_[std::min<size_t>((*next_)++, replies_.size() - 1)];
  }

 private:
  std::vector<ScriptedReply> replies_;
  std::shared_ptr<std::atomic<size_t>> next_ = std::make_shared<std::atomic<size_t>>(0);
};

class S3StoreTest : public S3Fixture {};

TEST_F(S3StoreTest, TriesAgainWhatMayPass) {
  const std::vector<ScriptedReply> passing = {
      ErrorReply(500, "InternalError"),      ErrorReply(503, "SlowDown"),
      {502, {}, "<html>bad gateway</html>"}, ErrorReply(429, ""),
      ErrorReply(400, "RequestTimeout"),     ErrorReply(409, "ConditionalRequestConflict"),
      {.fault = Fault::kCloseWithoutAnswer}, {.body = "content", .fault = Fault::kCutBody},
  };
  for (const ScriptedReply& reply : passing) {
    ScriptedServer server(InTurn({reply, reply, {.body = "content"}}));
    const auto got = Open(SettingsFor(server.url()))->Get("a");
    ASSERT_TRUE(got.ok()) << reply.status << got.status();
    EXPECT_EQ(*got, "content");
    EXPECT_EQ(server.requests().size(), 3u) << reply.status;
  }
}

TEST_F(S3StoreTest, NeverTriesAgainWhatIsRefused) {
  for (const auto& [status, code] : std::vector<std::pair<int, std::string>>{
           {403, "AccessDenied"}, {400, "InvalidRequest"}, {404, "NoSuchKey"}, {501, "NotImpl"}}) {
    ScriptedServer server(InTurn({ErrorReply(status, code)}));
    const Status error = Open(SettingsFor(server.url()), {.prefix = "p"})->Put("a/b", "x");
    EXPECT_THAT(MessageOf(error), HasSubstr(code));
    EXPECT_THAT(MessageOf(error), HasSubstr("s3://bucket/p/a/b"));
    EXPECT_THAT(MessageOf(error), Not(HasSubstr("secret")));
    EXPECT_EQ(error.code(), status == 404 ? StatusCode::kNotFound : StatusCode::kUnavailable);
    EXPECT_EQ(server.requests().size(), 1u) << code;
  }
}

TEST_F(S3StoreTest, ABucketThatIsGoneIsNotAnAbsentObject) {
  ScriptedServer server(InTurn({ErrorReply(404, "NoSuchBucket")}));
  EXPECT_EQ(Open(SettingsFor(server.url()))->Get("a").status().code(), StatusCode::kUnavailable);
}

TEST_F(S3StoreTest, GivesUpAtTheDeadlineOrWhenTheServerStops) {
  ScriptedServer server(InTurn({ErrorReply(503, "SlowDown")}));
  S3Settings settings = SettingsFor(server.url());
  settings.retry.deadline = std::chrono::milliseconds(50);
  const auto store = Open(settings);
  const Status late = store->Get("a").status();
  EXPECT_EQ(late.code(), StatusCode::kUnavailable);
  EXPECT_THAT(MessageOf(late), HasSubstr("given up after"));
  EXPECT_THAT(MessageOf(late), HasSubstr("SlowDown"));
  EXPECT_GT(server.requests().size(), 2u);
  gate_.Stop();
  const size_t before = server.requests().size();
  EXPECT_FALSE(store->Get("a").ok());
  EXPECT_LE(server.requests().size(), before + 1);
}

TEST_F(S3StoreTest, WaitsAsLongAsTheStoreAsks) {
  ScriptedServer server(
      InTurn({{503, {{"Retry-After", "1"}}, "<Error><Code>SlowDown</Code></Error>"}, {}}));
  const int64_t began_us = Clock::System().MonotonicUs();
  EXPECT_TRUE(Open(SettingsFor(server.url()))->Put("a", "x").ok());
  EXPECT_GE(Clock::System().MonotonicUs() - began_us, 1'000'000);
}

// A bucket in memory whose answers to puts can be lost after they were done.
class MemoryBucket {
 public:
  ScriptedReply operator()(const ScriptedRequest& request) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    const auto at = objects_.find(request.target);
    if (request.method == "GET") {
      return at == objects_.end() ? ErrorReply(404, "NoSuchKey")
                                  : ScriptedReply{.body = at->second};
    }
    const bool refused = at != objects_.end() && request.headers.contains("if-none-match");
    if (!refused) objects_[request.target] = request.body;
    if (lose_answers_ > 0) {
      --lose_answers_;
      return {.fault = Fault::kCloseWithoutAnswer};
    }
    return refused ? ErrorReply(412, "PreconditionFailed") : ScriptedReply{};
  }

  void Set(const std::string& target, std::string content) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    objects_[target] = std::move(content);
  }
  void LoseAnswers(int count) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    lose_answers_ = count;
  }

 private:
  Mutex mu_;
  std::map<std::string, std::string> objects_ VARVE_GUARDED_BY(mu_);
  int lose_answers_ VARVE_GUARDED_BY(mu_) = 0;
};

TEST_F(S3StoreTest, APutIfAbsentWhoseAnswerWasLostIsNoConflict) {
  MemoryBucket bucket;
  ScriptedServer server([&](const ScriptedRequest& request) { return bucket(request); });
  const auto store = Open(SettingsFor(server.url()));
  bucket.LoseAnswers(2);
  EXPECT_TRUE(store->PutIfAbsent("mine", "from here").ok());
  EXPECT_EQ(store->PutIfAbsent("mine", "from here").code(), StatusCode::kAlreadyExists)
      << "the second call is not a retry";

  bucket.Set("/bucket/theirs", "from there");
  bucket.LoseAnswers(1);
  EXPECT_EQ(store->PutIfAbsent("theirs", "from here").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*store->Get("theirs"), "from there");
}

TEST_F(S3StoreTest, WhatCannotBeReadBackIsInDoubt) {
  for (const ScriptedReply& read :
       {ErrorReply(403, "AccessDenied"), ErrorReply(404, "NoSuchKey")}) {
    std::atomic<int> puts{0};
    ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
      if (request.method == "GET") return read;
      if (++puts == 1) return {.fault = Fault::kCloseWithoutAnswer};
      return ErrorReply(412, "PreconditionFailed");
    });
    const Status put = Open(SettingsFor(server.url()))->PutIfAbsent("a", "x");
    EXPECT_EQ(put.code(), StatusCode::kUnavailable) << "neither ours nor another's for certain";
  }
}

// The put was done and its answer lost; whatever the next try is told, nothing follows from it.
TEST_F(S3StoreTest, WhatALaterTryIsToldSaysNothingOfTheFirst) {
  for (const bool single_writer : {false, true}) {
    for (const auto& [status, code] : std::vector<std::pair<int, std::string>>{
             {507, "QuotaExceeded"}, {404, "NoSuchKey"}, {403, "AccessDenied"}, {400, "Bad"}}) {
      MemoryBucket bucket;
      std::atomic<int> puts{0};
      std::atomic<bool> readable{true};
      ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
        if (request.method == "HEAD") return {.status = 404};
        if (request.method == "PUT" && ++puts % 2 == 0) return ErrorReply(status, code);
        if (!readable && request.method == "GET") return ErrorReply(status, code);
        return bucket(request);
      });
      const auto store = Open(SettingsFor(server.url()), {.single_writer = single_writer});
      bucket.LoseAnswers(1);
      EXPECT_TRUE(store->PutIfAbsent("a", "ours").ok()) << code;
      EXPECT_EQ(puts, 2);
      readable = false;
      bucket.LoseAnswers(1);
      const Status unknown = store->PutIfAbsent("b", "ours");
      EXPECT_EQ(unknown.code(), StatusCode::kUnavailable) << unknown;
      EXPECT_THAT(MessageOf(unknown), HasSubstr(code));
      EXPECT_EQ(puts, 4);
    }
  }
}

TEST_F(S3StoreTest, ARefusedFirstTryIsNotInDoubt) {
  ScriptedServer server(InTurn({ErrorReply(503, "SlowDown"), ErrorReply(507, "QuotaExceeded")}));
  const Status full = Open(SettingsFor(server.url()))->PutIfAbsent("a", "x");
  EXPECT_EQ(SqlStateOf(full), sqlstate::kDiskFull) << full;
  EXPECT_EQ(server.requests().size(), 2u) << "nothing to read back";
}

// The statement is over, but its commit may be there.
TEST_F(S3StoreTest, AnInterruptedPutIsInDoubt) {
  ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.fault = Fault::kNeverAnswer}; });
  const auto store = Open(SettingsFor(server.url()));
  const InterruptScope scope([&] { return !server.requests().empty(); });
  EXPECT_EQ(SqlStateOf(store->PutIfAbsent("a", "x")), sqlstate::kIoError);
  EXPECT_EQ(SqlStateOf(store->Put("a", "x")), sqlstate::kQueryCanceled);
}

TEST_F(S3StoreTest, AnInterruptBeforeThePutChangesNothing) {
  std::string nobody;
  {
    ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
    nobody = server.url();
  }
  const auto store = Open(SettingsFor(nobody));
  int asked = 0;
  const InterruptScope scope([&] { return ++asked > 100; });
  EXPECT_EQ(SqlStateOf(store->PutIfAbsent("a", "x")), sqlstate::kQueryCanceled);
}

// SlowDown and 409 say that nothing was done; of a 500 nobody knows.
TEST_F(S3StoreTest, OnlyWhatMayHaveHappenedIsReadBack) {
  for (const auto& [first, reads] : std::vector<std::pair<ScriptedReply, int>>{
           {ErrorReply(503, "SlowDown"), 0},
           {ErrorReply(409, "ConditionalRequestConflict"), 0},
           {ErrorReply(500, "InternalError"), 1}}) {
    std::atomic<int> puts{0};
    std::atomic<int> gets{0};
    ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
      if (request.method == "GET") {
        ++gets;
        return {.body = "theirs"};
      }
      return ++puts == 1 ? first : ErrorReply(412, "PreconditionFailed");
    });
    EXPECT_EQ(Open(SettingsFor(server.url()))->PutIfAbsent("a", "x").code(),
              StatusCode::kAlreadyExists);
    EXPECT_EQ(gets, reads) << first.status;
  }
}

TEST_F(S3StoreTest, OneOfTheThreadsOfASingleWriterPuts) {
  MemoryBucket bucket;
  ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
    if (request.method != "HEAD") return bucket(request);
    const bool there =
        bucket(ScriptedRequest{.method = "GET", .target = request.target}).status == 200;
    gate_.WaitFor(std::chrono::milliseconds(20));
    if (!there) return {.status = 404};
    return {200, {{"Last-Modified", "Mon, 12 Oct 2009 17:50:50 GMT"}}, ""};
  });
  const auto store = Open(SettingsFor(server.url()), {.single_writer = true});
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { winners += store->PutIfAbsent("a", std::to_string(i)).ok(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
}

TEST_F(S3StoreTest, ASingleWriterLooksBeforeItPuts) {
  std::atomic<bool> there{false};
  ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
    EXPECT_FALSE(request.headers.contains("if-none-match"));
    if (request.method == "PUT") there = true;
    if (request.method == "HEAD" && !there) return {.status = 404};
    return {200, {{"Last-Modified", "Mon, 12 Oct 2009 17:50:50 GMT"}}, ""};
  });
  const auto store = Open(SettingsFor(server.url()), {.single_writer = true});
  EXPECT_TRUE(store->PutIfAbsent("a", "x").ok());
  EXPECT_EQ(store->PutIfAbsent("a", "x").code(), StatusCode::kAlreadyExists);
}

TEST_F(S3StoreTest, AddressesAndHosts) {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  S3Settings settings = SettingsFor(server.url() + "/");
  ASSERT_TRUE(Open(settings, {.prefix = "p/q/"})->Put("a b", "x").ok());
  EXPECT_EQ(server.requests().back().target, "/bucket/p/q/a%20b");
  ASSERT_TRUE(Open(settings, {}, {"key", "secret", "token"})->Put("a", "x").ok());
  EXPECT_EQ(server.requests().back().headers.at("x-amz-security-token"), "token");
  EXPECT_EQ(server.requests().back().headers.at("host"), server.url().substr(7));

  settings.endpoint = "";
  settings.region = "eu-central-1";
  EXPECT_EQ(Open(settings)->client().endpoint(), "https://bucket.s3.eu-central-1.amazonaws.com");
  settings.bucket = "with.dots";
  EXPECT_EQ(Open(settings)->client().endpoint(), "https://s3.eu-central-1.amazonaws.com");
  settings.addressing = S3Addressing::kVirtual;
  settings.endpoint = "https://store.example:9000";
  EXPECT_EQ(Open(settings)->client().endpoint(), "https://with.dots.store.example:9000");
}

TEST_F(S3StoreTest, RefusesAddressesThatCannotBeMeant) {
  const auto source = aws::CredentialSource::Open(files_, {.given = {"key", "secret"}});
  const auto error = [&](S3Settings settings) {
    const Status status = S3Client::Make(std::move(settings), {http_, **source, files_,
                                                               Clock::System(), Random::System()})
                              .status();
    return std::string(MessageOf(status));
  };
  EXPECT_THAT(error({.bucket = "b/prefix"}), HasSubstr("table-prefix"));
  EXPECT_THAT(error({.bucket = "b", .endpoint = "localhost:9000"}),
              HasSubstr("does not begin with https://"));
  EXPECT_THAT(error({.bucket = "b", .endpoint = "http://localhost:9000"}),
              HasSubstr("s3-allow-http"));
  EXPECT_THAT(error({.bucket = "b", .endpoint = "https://host/path"}),
              HasSubstr("scheme, host and port alone"));
  for (const char* endpoint :
       {"https://who:hidden@host", "who:hidden@host", "http://hidden@host"}) {
    EXPECT_THAT(
        error({.bucket = "b", .endpoint = endpoint}),
        AllOf(HasSubstr("s3-endpoint"), HasSubstr("s3-secret-key"), Not(HasSubstr("hidden"))));
  }
}

TEST_F(S3StoreTest, AskedForARangeItTakesNothingElse) {
  const auto get = [&](ScriptedReply reply) {
    ScriptedServer server(InTurn({std::move(reply)}));
    return Open(SettingsFor(server.url()))->GetRange("a", 10, 20);
  };
  EXPECT_EQ(*get({206, {{"Content-Range", "bytes 10-14/15"}}, "01234"}), "01234");
  EXPECT_EQ(*get({416, {}, ""}), "");
  EXPECT_FALSE(get({200, {}, "0123456789"}).ok()) << "the range was ignored";
  EXPECT_FALSE(get({206, {{"Content-Range", "bytes 0-9/100"}}, "0123456789"}).ok());
  EXPECT_FALSE(get({206, {{"Content-Range", "bytes 10-19/100"}}, "012345678"}).ok());
}

TEST_F(S3StoreTest, ListsPageByPage) {
  const auto page = [](const std::string& key, const std::string& next) {
    return fmt::format(
        "<ListBucketResult><IsTruncated>{}</IsTruncated><Contents><Key>p/{}</Key><LastModified>"
        "2009-10-12T17:50:50Z</LastModified><Size>1</Size></Contents><NextContinuationToken>{}"
        "</NextContinuationToken></ListBucketResult>",
        next.empty() ? "false" : "true", key, next);
  };
  ScriptedServer server(InTurn({{.body = page("c", "t/1")}, {.body = page("b", "")}}));
  const auto listed = Open(SettingsFor(server.url()), {.prefix = "p"})->List("", "a");
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[0].name, "b") << "in order, whatever the store's";
  EXPECT_EQ((*listed)[1].name, "c");
  ASSERT_EQ(server.requests().size(), 2u);
  EXPECT_THAT(server.requests()[0].target, HasSubstr("prefix=p%2F&start-after=p%2Fa"));
  EXPECT_THAT(server.requests()[1].target, HasSubstr("continuation-token=t%2F1"));
  EXPECT_THAT(server.requests()[1].target, Not(HasSubstr("start-after")));
}

TEST_F(S3StoreTest, DeletesAThousandAtATimeAndTellsOfThoseThatFailed) {
  ScriptedServer server([](const ScriptedRequest& request) -> ScriptedReply {
    if (request.method == "DELETE") {
      return request.target == "/bucket/n7" ? ErrorReply(403, "AccessDenied") : ScriptedReply{204};
    }
    EXPECT_TRUE(request.headers.contains("content-md5"));
    const bool first = request.body.find("<Key>n0</Key>") != std::string::npos;
    return {.body = first ? "<DeleteResult><Error><Key>n7</Key><Code>AccessDenied</Code></Error>"
                            "<Error><Key>n8</Key><Code>InternalError</Code></Error></DeleteResult>"
                          : "<DeleteResult/>"};
  });
  std::vector<std::string> names;
  for (int i = 0; i < 1500; ++i) names.push_back(fmt::format("n{}", i));
  const Status deleted = Open(SettingsFor(server.url()))->DeleteMany(names);
  EXPECT_THAT(MessageOf(deleted), HasSubstr("s3://bucket/n7: AccessDenied"));
  EXPECT_EQ(server.requests().size(), 4u) << "two batches, and n7 and n8 alone";
}

TEST_F(S3StoreTest, AClockThatIsOffIsAllowedFor) {
  ScriptedServer server([](const ScriptedRequest& request) -> ScriptedReply {
    if (request.headers.at("x-amz-date").starts_with("2009")) return {};
    ScriptedReply reply = ErrorReply(403, "RequestTimeTooSkewed");
    reply.headers.emplace_back("Date", "Mon, 12 Oct 2009 17:50:50 GMT");
    return reply;
  });
  const auto store = Open(SettingsFor(server.url()));
  EXPECT_TRUE(store->Put("a", "x").ok());
  EXPECT_TRUE(store->Put("b", "x").ok());
  EXPECT_EQ(server.requests().size(), 3u);
  ScriptedServer stubborn(InTurn({ErrorReply(403, "RequestTimeTooSkewed")}));
  EXPECT_THAT(MessageOf(Open(SettingsFor(stubborn.url()))->Put("a", "x")), HasSubstr("the clock"));
}

// Uploads of a file of three parts.
class UploadTest : public S3Fixture {
 protected:
  UploadTest() {
    content_.resize(kMultipartBytes + kPartBytesMin / 2);
    for (size_t i = 0; i < content_.size(); ++i) content_[i] = static_cast<char>(i * 31 >> 7);
    EXPECT_TRUE(files_.WriteSynced(path_, content_).ok());
  }

  // What a store answers that does its work; parts are kept.
  ScriptedReply Work(const ScriptedRequest& request) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    if (request.method == "PUT") {
      parts_[request.target] = request.body;
      return {200, {{"ETag", fmt::format("\"{}\"", request.body.size())}}, ""};
    }
    if (request.target.ends_with("?uploads=")) {
      return {.body =
                  "<InitiateMultipartUploadResult><UploadId>id</UploadId>"
                  "</InitiateMultipartUploadResult>"};
    }
    if (request.method == "DELETE") return {204};
    return {.body = "<CompleteMultipartUploadResult/>"};
  }

  std::string Joined() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    std::string joined;
    for (const auto& [target, body] : parts_) joined += body;
    return joined;
  }
  static size_t Count(const ScriptedServer& server, std::string_view method) {
    size_t count = 0;
    for (const ScriptedRequest& request : server.requests()) count += request.method == method;
    return count;
  }

  testing::ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/file";
  std::string content_;
  Mutex mu_;
  std::map<std::string, std::string> parts_ VARVE_GUARDED_BY(mu_);  // by target
};

TEST_F(UploadTest, LargeFilesGoInParts) {
  ScriptedServer server([&](const ScriptedRequest& request) { return Work(request); });
  ASSERT_TRUE(Open(SettingsFor(server.url()))->PutFile("a", path_).ok());
  EXPECT_EQ(Joined(), content_);
  EXPECT_EQ(Count(server, "PUT"), 3u);
  const std::string complete = server.requests().back().body;
  EXPECT_THAT(complete, HasSubstr("<PartNumber>3</PartNumber><ETag>\"4194304\"</ETag>"));
}

TEST_F(UploadTest, AFailedPartAbortsTheUpload) {
  ScriptedServer server([&](const ScriptedRequest& request) {
    const bool second = request.target.find("partNumber=2") != std::string::npos;
    return second ? ErrorReply(403, "AccessDenied") : Work(request);
  });
  const Status failed = Open(SettingsFor(server.url()))->PutFile("a", path_);
  EXPECT_THAT(MessageOf(failed), HasSubstr("AccessDenied"));
  EXPECT_EQ(Count(server, "DELETE"), 1u);
  EXPECT_EQ(server.requests().back().target, "/bucket/a?uploadId=id");
}

TEST_F(UploadTest, AnErrorWithinASuccessIsAnError) {
  std::atomic<int> completes{0};
  ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
    if (request.method != "POST" || request.target.ends_with("?uploads=")) return Work(request);
    if (++completes == 1) return {.body = "<Error><Code>InternalError</Code></Error>"};
    return {.body = "<Error><Code>InvalidPart</Code></Error>"};
  });
  EXPECT_THAT(MessageOf(Open(SettingsFor(server.url()))->PutFile("a", path_)),
              HasSubstr("InvalidPart"));
  EXPECT_EQ(completes, 2);
  EXPECT_EQ(Count(server, "DELETE"), 1u);
}

TEST_F(UploadTest, ACompletionWhoseAnswerWasLostIsComplete) {
  for (const bool whole : {true, false}) {
    std::atomic<int> completes{0};
    ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
      if (request.method == "HEAD") {
        return {200, {{"Content-Length", std::to_string(content_.size() - (whole ? 0 : 1))}}, ""};
      }
      if (request.method != "POST" || request.target.ends_with("?uploads=")) return Work(request);
      if (++completes == 1) return {.fault = Fault::kCloseWithoutAnswer};
      return ErrorReply(404, "NoSuchUpload");
    });
    EXPECT_EQ(Open(SettingsFor(server.url()))->PutFile("a", path_).ok(), whole);
    EXPECT_EQ(completes, 2);
  }
}

// Somebody has aborted it: nothing of ours can have completed it.
TEST_F(UploadTest, AnUploadThatIsGoneAtTheFirstTryIsAnError) {
  ScriptedServer server([&](const ScriptedRequest& request) -> ScriptedReply {
    if (request.method == "HEAD") {
      return {200, {{"Content-Length", std::to_string(content_.size())}}, ""};
    }
    if (request.method != "POST" || request.target.ends_with("?uploads=")) return Work(request);
    return ErrorReply(404, "NoSuchUpload");
  });
  EXPECT_FALSE(Open(SettingsFor(server.url()))->PutFile("a", path_).ok());
}

TEST_F(UploadTest, APartWithoutItsTagIsAnError) {
  ScriptedServer server([&](const ScriptedRequest& request) {
    ScriptedReply reply = Work(request);
    if (request.method == "PUT") reply.headers.clear();
    return reply;
  });
  EXPECT_EQ(Open(SettingsFor(server.url()))->PutFile("a", path_).code(), StatusCode::kUnavailable);
}

TEST_F(UploadTest, ManyFilesGoSeveralAtATime) {
  std::atomic<int> busy{0};
  std::atomic<int> busy_max{0};
  ScriptedServer server([&](const ScriptedRequest&) -> ScriptedReply {
    const int now = ++busy;
    for (int seen = busy_max; seen < now && !busy_max.compare_exchange_weak(seen, now);) {
    }
    gate_.WaitFor(std::chrono::milliseconds(20));
    --busy;
    return {};
  });
  const std::string small = folder_.path() + "/small";
  ASSERT_TRUE(files_.WriteSynced(small, "small").ok());
  std::vector<FileToPut> puts;
  for (int i = 0; i < 40; ++i) puts.push_back({fmt::format("f{}", i), small});
  ASSERT_TRUE(Open(SettingsFor(server.url()))->PutFiles(puts).ok());
  EXPECT_EQ(server.requests().size(), 40u);
  EXPECT_GT(busy_max, 1);
  EXPECT_LE(busy_max, static_cast<int>(kUploadsAtOnce));
}

}  // namespace
}  // namespace varve::io
