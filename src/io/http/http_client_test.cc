#include "io/http/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/interrupt.h"
#include "io/testing/faulty_disk.h"
#include "io/testing/scripted_server.h"

namespace varve::io {
namespace {

using std::chrono::milliseconds;
using testing::ScriptedReply;
using testing::ScriptedRequest;
using testing::ScriptedServer;
using Fault = ScriptedReply::Fault;

class HttpClientTest : public ::testing::Test {
 protected:
  StopGate gate_;
  HttpClient client_{gate_};
};

TEST_F(HttpClientTest, SendsWhatIsAskedAndReturnsTheAnswer) {
  ScriptedServer server([](const ScriptedRequest& request) {
    return ScriptedReply{418, {{"X-Thing", " a b "}}, request.method + " body"};
  });
  for (const std::string method : {"GET", "PUT", "POST", "DELETE"}) {
    const bool has_body = method == "PUT" || method == "POST";
    const Result<HttpResponse> response =
        client_.Send({.method = method,
                      .url = server.url() + "/a%20b/../c?x=1",
                      .headers = {{"X-Test", "value"}, {"X-Empty", ""}},
                      .body = has_body ? "content" : ""});
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 418);
    EXPECT_EQ(response->Find("x-thing"), "a b");
    EXPECT_EQ(response->body, method + " body");
    const ScriptedRequest sent = server.requests().back();
    EXPECT_EQ(sent.method, method);
    EXPECT_EQ(sent.target, "/a%20b/../c?x=1");
    EXPECT_EQ(sent.headers.at("x-test"), "value");
    EXPECT_EQ(sent.headers.at("x-empty"), "");
    EXPECT_FALSE(sent.headers.contains("content-type"));
    EXPECT_FALSE(sent.headers.contains("expect"));
    EXPECT_EQ(sent.body, has_body ? "content" : "");
  }
}

TEST_F(HttpClientTest, HeadHasALengthAndNoBody) {
  ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedReply{200, {{"Content-Length", "1234"}}, ""}; });
  const auto response = client_.Send({.method = "HEAD", .url = server.url()});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->Find("content-length"), "1234");
}

TEST_F(HttpClientTest, KeepsConnectionsForTheNextRequest) {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client_.Send({.url = server.url()}).ok());
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(HttpClientTest, ManyThreadsAtOnce) {
  ScriptedServer server(
      [](const ScriptedRequest& request) { return ScriptedReply{200, {}, request.body}; });
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string body(1000 + t, static_cast<char>('a' + i % 26));
        const auto response = client_.Send({.method = "PUT", .url = server.url(), .body = body});
        right += response.ok() && response->body == body ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
  EXPECT_LE(server.connections(), 8u);
}

TEST_F(HttpClientTest, SendsAFileRegion) {
  testing::FaultyDisk disk;
  std::string content(300'000, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
  ASSERT_TRUE(disk.WriteSynced("/f", content).ok());
  const auto file = disk.OpenRead("/f");
  ASSERT_TRUE(file.ok());
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  ASSERT_TRUE(
      client_.Send({.method = "PUT", .url = server.url(), .file = {file->get(), 1000, 290'000}})
          .ok());
  EXPECT_EQ(server.requests().back().body, content.substr(1000, 289'000));

  const auto beyond = client_.Send(
      {.method = "PUT", .url = server.url(), .file = {file->get(), 0, content.size() + 1}});
  EXPECT_EQ(beyond.status().code(), StatusCode::kDataLoss) << beyond.status();
}

TEST_F(HttpClientTest, GivesLongBodiesPieceByPieceAndBoundsTheOthers) {
  const std::string content(1 << 20, 'x');
  ScriptedServer server([&](const ScriptedRequest&) { return ScriptedReply{200, {}, content}; });
  size_t taken = 0;
  const auto pieces = client_.Send(
      {.url = server.url(), .response_bytes_max = 10, .on_body = [&](std::string_view piece) {
         taken += piece.size();
         return OkStatus();
       }});
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(taken, content.size());
  EXPECT_EQ(
      client_.Send({.url = server.url(), .response_bytes_max = content.size() - 1}).status().code(),
      StatusCode::kResourceExhausted);
  EXPECT_TRUE(client_.Send({.url = server.url(), .response_bytes_max = content.size()}).ok());
  const auto refused = client_.Send(
      {.url = server.url(), .on_body = [](std::string_view) { return NotFound("enough"); }});
  EXPECT_EQ(refused.status().code(), StatusCode::kNotFound);
}

TEST_F(HttpClientTest, TellsAServerThatWasNotReachedFromOneThatDidNotAnswer) {
  std::string nobody;
  {
    ScriptedServer server(
        [](const ScriptedRequest&) { return ScriptedReply{.fault = Fault::kCloseWithoutAnswer}; });
    nobody = server.url();
    const auto lost = client_.Send({.method = "PUT", .url = server.url(), .body = "x"});
    EXPECT_EQ(lost.status().code(), StatusCode::kUnavailable) << lost.status();
    EXPECT_FALSE(WasNeverSent(lost.status()));
  }
  const auto refused = client_.Send({.method = "PUT", .url = nobody, .body = "x"});
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable) << refused.status();
  EXPECT_TRUE(WasNeverSent(refused.status()));
  EXPECT_EQ(client_.Send({.url = "ftp://127.0.0.1/x"}).status().code(),
            StatusCode::kInvalidArgument);
}

// What a look-up that failed leaves in libcurl's handle must not meet the next request.
TEST_F(HttpClientTest, AServerWhoseNameIsUnknownIsAskedForAgain) {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  ASSERT_TRUE(client_.Send({.url = server.url()}).ok());
  for (int i = 0; i < 3; ++i) {
    HttpRequest request{.method = "PUT", .url = "http://nosuchhost.invalid:9/x", .body = "x"};
    request.limits.connect = milliseconds(2'000);
    const Status unknown = client_.Send(request).status();
    EXPECT_EQ(unknown.code(), StatusCode::kUnavailable) << unknown;
    EXPECT_TRUE(WasNeverSent(unknown)) << unknown;
    EXPECT_TRUE(client_.Send({.url = server.url()}).ok());
  }
}

TEST_F(HttpClientTest, AnAnswerCutShortIsAnError) {
  for (const Fault fault : {Fault::kCutHead, Fault::kCutBody}) {
    ScriptedServer server([&](const ScriptedRequest&) {
      return ScriptedReply{.body = "twelve bytes", .fault = fault};
    });
    EXPECT_EQ(client_.Send({.url = server.url()}).status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(client_.Send({.method = "PUT", .url = server.url(), .body = "x"}).status().code(),
              StatusCode::kUnavailable);
  }
}

// libcurl repeats a request by itself when a kept connection dies before the answer begins. A put
// if absent would then find its own object and report a conflict that is none.
TEST_F(HttpClientTest, NeverRepeatsARequestWithABodyByItself) {
  for (const std::string method : {"PUT", "POST"}) {
    for (const size_t bytes : {size_t{0}, size_t{1}, size_t{1000}, size_t{1 << 20}}) {
      std::atomic<int> served{0};
      ScriptedServer server([&](const ScriptedRequest&) {
        return ++served == 2 ? ScriptedReply{.fault = Fault::kCloseWithoutAnswer} : ScriptedReply{};
      });
      ASSERT_TRUE(client_.Send({.url = server.url()}).ok());
      const std::string body(bytes, 'b');
      const auto lost = client_.Send({.method = method, .url = server.url(), .body = body});
      EXPECT_EQ(lost.status().code(), StatusCode::kUnavailable) << method << bytes;
      EXPECT_EQ(server.requests().size(), 2u) << method << " of " << bytes << " bytes";
    }
  }
}

TEST_F(HttpClientTest, EndsWhenTheLimitIsReachedOrTheGateStops) {
  ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.fault = Fault::kNeverAnswer}; });
  HttpRequest request{.url = server.url()};
  request.limits.whole = milliseconds(150);
  const auto late = client_.Send(request);
  EXPECT_EQ(late.status().code(), StatusCode::kUnavailable) << late.status();
  EXPECT_FALSE(WasNeverSent(late.status()));

  request.limits.whole = milliseconds(60'000);
  Status stopped;
  std::thread sender([&] { stopped = client_.Send(request).status(); });
  while (server.requests().size() < 2) std::this_thread::yield();
  gate_.Stop();
  sender.join();
  EXPECT_EQ(SqlStateOf(stopped), sqlstate::kAdminShutdown) << stopped;
}

TEST_F(HttpClientTest, EndsSoonAfterTheThreadIsInterrupted) {
  ScriptedServer server(
      [](const ScriptedRequest&) { return ScriptedReply{.fault = Fault::kNeverAnswer}; });
  HttpRequest request{.url = server.url()};
  request.limits.whole = milliseconds(60'000);
  const InterruptScope scope([&] { return !server.requests().empty(); });
  const auto began = std::chrono::steady_clock::now();
  const Status interrupted = client_.Send(request).status();
  EXPECT_EQ(SqlStateOf(interrupted), sqlstate::kQueryCanceled) << interrupted;
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(10'000));
}

TEST(StopGateTest, EndsAWait) {
  StopGate gate;
  EXPECT_FALSE(gate.WaitFor(milliseconds(1)));
  std::thread stopper([&] { gate.Stop(); });
  EXPECT_TRUE(gate.WaitFor(std::chrono::hours(1)));
  stopper.join();
}

}  // namespace
}  // namespace varve::io
